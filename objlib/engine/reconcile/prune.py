"""Prune: delete the documents of files that left the library; intents first, then the deletes, then the rows.

Only files that have been missing for a while count, and only up to a limit that the user agreed to: a folder that was
moved away by mistake must not empty the store. A delete that the service does not answer stays an open intent, which
the next recovery executes.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from objlib.core.config.settings import Settings
from objlib.core.errors import RefusedError
from objlib.core.events import Phase
from objlib.core.lifecycle.delete_limit import DeleteLimit
from objlib.core.reports import MAX_LISTED
from objlib.core.reports.upload import PruneReport, ScanReport
from objlib.core.stop_reason import StopReason
from objlib.engine.app import App
from objlib.engine.attempt.delete import Removal, execute_intent
from objlib.engine.requests.fan_out import fan_out
from objlib.engine.requests.governor import Purpose
from objlib.engine.scan.scope import Absence, Absent, Scope
from objlib.gemini import GeminiError
from objlib.ledger import FileRow, IntentRow

PRUNE_PAGE: Final = 200
"""Files whose intents are recorded together: a stop leaves no more than these."""
MAX_DELETES: Final = 8
"""Deletes in progress at once; the governor admits half of them, and the others already wait."""


async def check_prune(app: App, scanned: ScanReport, *, grace: float, limit: DeleteLimit) -> None:
    """Refuse a prune that would delete too much, before anything is sent.

    Raises:
        RefusedError: it would delete more than ``limit``, or the library holds no file at all.
    """
    totals = await app.ledger.deletions.prune_totals(cutoff=app.now() - grace)
    if totals.documents and not scanned.scanned:
        raise RefusedError(
            f"the library {app.settings.library} holds no files, so nothing is pruned; mount its disk or check "
            "--library (if it was cleared on purpose, put one file into it and run again)"
        )
    indexed = await app.ledger.comparison.indexed_total()
    limit.check(totals.documents, indexed, "sync --prune")


async def prune(app: App, *, grace: float, limit: DeleteLimit) -> PruneReport:
    """Delete the documents of files that have been missing for ``grace`` seconds or more; right after a scan.

    Raises:
        RefusedError: there are more than ``limit`` allows; nothing was deleted.
    """
    cutoff = app.now() - grace
    totals = await app.ledger.deletions.prune_totals(cutoff=cutoff)
    indexed = await app.ledger.comparison.indexed_total()
    limit.check(totals.documents, indexed, "sync --prune")
    app.retrier.reset()
    work, before = _Prune(app, cutoff, totals.documents), app.deleted
    with app.observer.phase(Phase.PRUNE, totals.documents):
        await work.run()
    return PruneReport(
        files=len(work.files),
        deleted=app.deleted - before,
        postponed=work.unreached + work.opened - work.done,
        kept=totals.young,
        kept_until=None if totals.first is None else totals.first + grace,
        kept_last=None if totals.last is None else totals.last + grace,
        grace=grace,
        skipped=StopReason.INTERRUPTED if app.drain.requested else app.retrier.report_stop()[0],
        paths=tuple(sorted(work.files))[:MAX_LISTED],
    )


@dataclass(slots=True)
class _Prune:
    """One prune in progress.

    Attributes:
        unreached: documents on the pages still to come; 0 after the last page.
        files: paths whose documents are deleted, or have an intent.
        opened: intents that were recorded.
        done: intents among them that are finished.
    """

    app: App
    cutoff: float
    unreached: int
    files: set[str] = field(default_factory=set)
    opened: int = 0
    done: int = 0

    async def run(self) -> None:
        """Page by page, so that a stop leaves at most the intents of one page."""
        app, after = self.app, ""
        while not app.drain.requested and not app.retrier.blocked_by(Purpose.DELETE):
            page = await app.ledger.deletions.prunable(cutoff=self.cutoff, after=after, limit=PRUNE_PAGE)
            if not page:
                # The number is from before the first page: another run's scan may have found some files again,
                self.unreached = 0
                break
            # or found more to be missing.
            self.unreached = max(0, self.unreached - sum(len(file.documents) for file in page))
            after, before = page[-1].file_id, self.done
            await self._page(page)
            if self.done == before:
                # The files are back, or the service does not answer: more intents would not help.
                break

    async def _page(self, page: list[FileRow]) -> None:
        app = self.app
        # The scan may be long ago: look at each path, and at the rules, once more before an intent is on record.
        missing = await app.files(partial(_absent, app.settings, page))
        intents = await app.ledger.deletions.open_prune(missing, cutoff=self.cutoff, run_id=app.run_id)
        documents = {intent.document_name for intent in intents}
        self.opened += len(intents)
        self.files |= {file.file_path for file in page if documents.intersection(file.documents)}
        async with fan_out(self._delete, limit=MAX_DELETES) as deletes:
            with app.drain.intake():
                for intent in intents:
                    await deletes.start(intent)
                await deletes.wait_idle()
            if app.drain.requested:
                app.retrier.drain()

    async def _delete(self, intent: IntentRow) -> None:
        with suppress(GeminiError):  # it ends the run, which the report says
            removal = await execute_intent(self.app, intent)
            self.done += removal is Removal.DONE
        self.app.observer.advance(Phase.PRUNE, 1, 0)


def absences(settings: Settings, files: Sequence[FileRow]) -> list[Absent | None]:
    """Why each of ``files`` is not in the library now; None for one that is. Blocks."""
    scope = Scope.of(settings)
    return [scope.absent(file) for file in files]


def _absent(settings: Settings, files: list[FileRow]) -> list[FileRow]:
    """Those of ``files`` that are not in the library, and not because they cannot be looked at."""
    absent = list[FileRow]()
    for file, absence in zip(files, absences(settings, files), strict=True):
        if absence is not None and absence.kind is not Absence.UNREADABLE:
            absent.append(file)
    return absent
