"""The Python API: a library of documents, its ledger and its store, as one object.

Each method does what the command of the same name does, and returns its report of ``--json``. It is called from trio.
"""

import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

import trio

from objlib.core.config.settings import Settings
from objlib.core.errors import UsageError
from objlib.core.events import Observer
from objlib.core.lifecycle.delete_limit import DeleteLimit
from objlib.core.lifecycle.repair_plan import Plan as RepairPlan
from objlib.core.lifecycle.table import State
from objlib.core.reports.answers import AnswerListener, AnswerReport, Turn
from objlib.core.reports.documents import DocumentText, Facets, FolderListing
from objlib.core.reports.metrics import MetricsReport
from objlib.core.reports.runs import RunEntry, RunReport, StopReport
from objlib.core.reports.status import Check, ExplainReport, StatusReport
from objlib.core.reports.store import StoreSyncReport, VerifyReport
from objlib.core.reports.upload import RecoverReport, ScanReport, SyncReport, UploadReport
from objlib.engine.app import Overrides
from objlib.engine.bootstrap.open_app import Command, StoreNeed
from objlib.engine.bootstrap.served_ledger import find_served_ledger
from objlib.engine.doctor import doctor
from objlib.engine.documents import list_documents, list_facets, read_document
from objlib.engine.metrics import measure
from objlib.engine.plan.run import RunOptions, plan_run
from objlib.engine.reconcile.store_sync import store_sync
from objlib.engine.reconcile.verify import verify
from objlib.engine.recover import recover
from objlib.engine.run_list import list_runs, report_run, stop_run
from objlib.engine.scan.scan import scan
from objlib.engine.search.ask import ask, search
from objlib.engine.search.question import checked_question
from objlib.engine.sessions import OpenApps
from objlib.engine.status import explain, status
from objlib.engine.sync import sync
from objlib.engine.upload.run import upload
from objlib.sources import LibraryNeed, load, require_folder, require_names
from objlib.stores import Stores

_LOOK: Final = Command("status", records=False, store=StoreNeed.NONE, create_ledger=False)
_SEARCH: Final = Command("search", records=False, store=StoreNeed.EXISTING, create_ledger=False)
_VERIFY: Final = Command("verify", records=False, store=StoreNeed.EXISTING, create_ledger=False)
_SCAN: Final = Command("scan", records=True, store=StoreNeed.NONE)
_UPLOAD: Final = Command("upload", records=True, store=StoreNeed.CREATE)
_SYNC: Final = Command("sync", records=True, store=StoreNeed.CREATE)
_REPAIR: Final = Command(
    "store-sync", records=True, store=StoreNeed.EXISTING, create_ledger=False, any_ledger=True
)
_RECOVER: Final = Command("recover", records=True, store=StoreNeed.CREATE, create_ledger=False)


class Library:
    """A library, its ledger and its store; :func:`objlib.open` makes one.

    Every method may raise :class:`objlib.ObjlibError`, whose message is one line. Methods may run beside each other:
    two runs on one ledger share the work.

    Attributes:
        settings: as they were resolved from arguments, environment and ``objlib.toml``.
        stores: the stores of its service.
    """

    def __init__(self, settings: Settings, apps: OpenApps) -> None:
        self.settings = settings
        self.stores = Stores(settings, apps)
        self._apps = apps

    def stop(self) -> None:
        """Let the runs in progress finish what is in flight; a second call ends them at once. Nothing is lost."""
        self._apps.stop()

    def now(self) -> float:
        """The time by the clock of the ledger, in Unix seconds."""
        return self._apps.overrides.now()

    async def scan(self, *, dry_run: bool = False, checksum: bool = False) -> ScanReport:
        """Compare the disk with the ledger and record what changed; nothing is sent.

        Args:
            dry_run: record nothing; the report lists the changes.
            checksum: read every file, also where size, dates and inode are as they were.
        """
        return await self._apps.run(_SCAN, partial(scan, dry_run=dry_run, checksum=checksum))

    async def upload(
        self,
        *,
        limit: int | None = None,
        retry_failed: bool = False,
        checksum: bool = False,
        observer: Observer | None = None,
    ) -> UploadReport:
        """Bring the store up to date: scan, recover, upload, and wait until it is searchable.

        Args:
            limit: files that this run sends, at most.
            retry_failed: also send files again that failed before.
            checksum: as for :meth:`scan`.
            observer: hears of this run instead of the observer of the library.
        """
        work = partial(upload, limit=limit, retry_failed=retry_failed, checksum=checksum)
        return await self._apps.run(_UPLOAD, work, observer)

    async def sync(
        self,
        *,
        prune: bool = False,
        grace: float | None = None,
        max_delete: str | None = None,
        checksum: bool = False,
        observer: Observer | None = None,
    ) -> SyncReport:
        """Upload what is new or changed and, with ``prune``, remove the documents of files that are gone.

        Args:
            prune: whether to remove anything.
            grace: seconds for which a file must have been gone; None for the setting ``prune_grace``.
            max_delete: documents that may be removed at most: a count such as ``25`` or a share such as ``10%``.
            checksum: as for :meth:`scan`.
            observer: as for :meth:`upload`.

        Raises:
            RefusedError: more would be removed; nothing was sent or deleted.
        """
        limit = DeleteLimit.parse(max_delete)
        grace = self.settings.prune_grace if grace is None else grace
        work = partial(sync, prune_missing=prune, grace=grace, limit=limit, checksum=checksum)
        return await self._apps.run(_SYNC, work, observer)

    async def plan(
        self,
        *,
        prune: bool = False,
        grace: float | None = None,
        max_delete: str | None = None,
        retry_failed: bool = False,
    ) -> UploadReport:
        """The report of a dry run of :meth:`upload`, or with ``prune`` of :meth:`sync`; nothing is sent or recorded.

        Its ``plan`` has each step. Arguments as for these.

        Raises:
            RefusedError: the run would be refused for the same reason.
        """
        grace = self.settings.prune_grace if grace is None else grace
        options = RunOptions(
            retry_failed=retry_failed,
            grace=grace if prune else None,
            max_delete=DeleteLimit.parse(max_delete),
        )
        return await self._apps.run(replace(_SYNC, dry_run=True), partial(plan_run, options=options))

    async def compare(self) -> tuple[StoreSyncReport, RepairPlan]:
        """Compare the whole store with the ledger, both ways; the plan has the differences. Nothing is recorded."""
        work = partial(store_sync, apply=False, metadata=False, limit=DeleteLimit())
        return await self._apps.run(replace(_REPAIR, dry_run=True), work)

    async def repair(
        self, plan: RepairPlan, *, metadata: bool = False, max_delete: str | None = None
    ) -> StoreSyncReport:
        """Carry out the steps of a comparison, each of which is checked again before.

        Args:
            plan: of :meth:`compare`, or some of its steps.
            metadata: also send files again whose document only has a wrong name or metadata.
            max_delete: as for :meth:`sync`.

        Raises:
            RefusedError: more would be deleted, or the plan is for another store; nothing was changed.
        """
        limit = DeleteLimit.parse(max_delete)
        work = partial(store_sync, apply=True, metadata=metadata, limit=limit, plan=plan)
        report, _ = await self._apps.run(_REPAIR, work)
        return report

    async def doctor(self) -> tuple[Check, ...]:
        """Check everything that a run depends on, each with what to do about it; changes nothing."""
        return tuple(await doctor(self.settings, self._apps.observer))

    async def recover(self) -> RecoverReport:
        """Settle everything that a dead run left; doing it again changes nothing."""
        if report := await self.stores.finish_deletion():
            return report
        return await self._apps.run(_RECOVER, recover)

    async def verify(self, *, sample: int | None = 50) -> VerifyReport:
        """Audit ``sample`` indexed files, or all for None: ledger against disk against store. Changes nothing."""
        return await self._apps.run(_VERIFY, partial(verify, sample=sample))

    async def runs(self) -> tuple[RunEntry, ...]:
        """The runs of commands that change something, the newest first, with whether each is alive."""
        return await list_runs(await self._apps.share(_LOOK))

    async def stop_run(self, run_id: str) -> StopReport:
        """Ask a run, by its id or a unique beginning, to finish what it has in flight, on whichever machine it is.

        Raises:
            UsageError: there is no such run, or there are several.
        """
        return await stop_run(await self._apps.share(_LOOK), run_id)

    async def run(self, run_id: str) -> RunReport:
        """One run with its progress over time, and what it has in flight.

        Raises:
            UsageError: there was no such run.
        """
        return await report_run(await self._apps.share(_LOOK), run_id)

    async def facets(self) -> Facets:
        """The metadata of the documents in the store: each value of each key, with how many documents have it."""
        return await list_facets(await self._apps.share(_LOOK))

    async def status(self) -> StatusReport:
        """Count files by state, with what failed and why, what is missing or changed, and the limiter."""
        return await status(await self._apps.share(_LOOK))

    async def metrics(self) -> MetricsReport:
        """The numbers for a monitor; those of searches count from the time at which this library was opened."""
        return await measure(self._apps, _LOOK, _SEARCH)

    async def explain(self, path: str) -> ExplainReport:
        """The whole history of one file, and why it is in its state.

        Args:
            path: relative to the library, or a path on disk inside it, or a file's id.
        """
        return await explain(await self._apps.share(_LOOK), path)

    async def documents(
        self, folder: str = "", *, state: State | None = None, deep: bool = False, after: str = ""
    ) -> FolderListing:
        """A page of the files in a folder, by path.

        Args:
            folder: relative to the library; empty for the library itself.
            state: only files in this state.
            deep: whether the files of its subfolders are listed too.
            after: :attr:`FolderListing.after` of the page before.
        """
        app = await self._apps.share(_LOOK)
        return await list_documents(app, folder, state=state, deep=deep, after=after)

    async def document(self, path: str, *, first: int = 1, count: int | None = None) -> DocumentText:
        """The text of one file: ``count`` lines from line ``first`` on, or all."""
        return await read_document(await self._apps.share(_LOOK), path, first=first, count=count)

    async def search(
        self, query: str, *, where: str | None = None, top_k: int = 8, all_passages: bool = False
    ) -> AnswerReport:
        """The best passages for ``query``, best first.

        Args:
            query: in the words of the question.
            where: a metadata filter such as ``course = "Ethics" AND year >= 2020``.
            top_k: how many passages, 1 to 100.
            all_passages: several of one file too; otherwise the best one stands for its file.
        """
        text = checked_question(query, top_k)
        work = partial(search, where=where, top_k=top_k, all_passages=all_passages)
        return await work(await self._apps.share(_SEARCH), text)

    async def ask(
        self,
        question: str,
        *,
        where: str | None = None,
        top_k: int = 8,
        history: Sequence[Turn] = (),
        listener: AnswerListener | None = None,
    ) -> AnswerReport:
        """An answer with its passages.

        ``history`` has the turns before, ``listener`` hears the text as it is written, and the rest is as for
        :meth:`search`.
        """
        text = checked_question(question, top_k)
        work = partial(ask, where=where, top_k=top_k, history=history, listener=listener)
        return await work(await self._apps.share(_SEARCH), text)


@asynccontextmanager
async def open_from_sources(
    library: str | Path | None = None,
    *,
    observer: Observer | None = None,
    environ: Mapping[str, str] | None = None,
    config: Path | None = None,
    new: bool = False,
    **settings: object,
) -> AsyncIterator[Library]:
    """``objlib.open``: open a library by its folder, with the settings that a command in the same place would have.

    Args:
        library: its root; None for the one of ``objlib.toml``, of the working folder, or the only one there is.
        observer: hears what happens; its methods return at once and do not raise.
        environ: variables instead of those of the process, such as ``{"GEMINI_API_KEY": key}``.
        config: an ``objlib.toml`` to read instead of the one found upward.
        new: whether a suspicious folder (the home folder, one around another library) is meant.
        settings: further settings by name, such as ``store="lectures"`` or ``max_uploads=4``.

    Raises:
        UsageError: something is set wrong, the folder is not there, or the event loop is not trio's; one line.
        RefusedError: the folder is unlikely to be meant as a library.
    """
    if not trio.lowlevel.in_trio_run():
        raise UsageError("objlib.open runs under trio.run, which another event loop calls in a thread")
    require_names(settings)
    flags, environ = settings | {"library": _folder(library)}, os.environ if environ is None else environ
    resolved = load(flags, config, place=LibraryNeed.NEW, new=new, environ=environ)
    require_folder(resolved)
    async with open_library(await find_served_ledger(resolved), observer=observer) as opened:
        yield opened


@asynccontextmanager
async def open_library(
    settings: Settings, *, observer: Observer | None = None, overrides: Overrides | None = None
) -> AsyncIterator[Library]:
    """Open a library whose settings are known; what a search needs stays open until the end of the block.

    Args:
        settings: which library, ledger, store and service.
        observer: hears what happens; its methods return at once and do not raise.
        overrides: a test's own clock, threads and faults.
    """
    overrides = overrides or Overrides(signals=False)
    failure: Exception | None = None
    async with trio.open_nursery() as tasks:
        try:
            yield Library(settings, OpenApps(settings, observer or Observer(), overrides, tasks))
        except Exception as error:
            failure = error
        tasks.cancel_scope.cancel(reason="the library is closed")
    if failure is not None:  # an error of the block leaves as it is, not in the nursery's group
        raise failure


def _folder(library: str | Path | None) -> Path | None:
    return None if library is None else Path(library).expanduser()
