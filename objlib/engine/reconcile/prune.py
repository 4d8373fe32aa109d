"""Removing the documents of files that are gone from disk: intents first, then the deletes, then the rows.

Nothing is removed that has not been missing for a while, and never more at once than was agreed to: a folder
that was moved away by mistake must not empty the store. What the service does not answer stays an open
intent, which the next recovery carries out.
"""

import os
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

from objlib.core.errors import RefusedError
from objlib.core.events import Phase
from objlib.core.library.paths import disk_path
from objlib.core.lifecycle.delete_limit import DeleteLimit
from objlib.core.reports.upload import PruneReport, ScanReport
from objlib.core.stop_reason import StopReason
from objlib.engine.app import App
from objlib.engine.attempt.delete import Removal, carry_out
from objlib.engine.requests.fan_out import fan_out
from objlib.engine.requests.governor import Purpose
from objlib.gemini import GeminiError
from objlib.ledger import Intent, Prunable

PAGE: Final = 200
AT_ONCE: Final = 8
SHOWN: Final = 1000


async def check_prune(app: App, scanned: ScanReport, *, grace: float, limit: DeleteLimit) -> None:
    """Refuse a prune that would remove too much, before anything is sent.

    Raises:
        RefusedError: it is more than ``limit``, or the library holds no file at all.
    """
    totals = await app.ledger.deletions.prune_totals(cutoff=app.now() - grace)
    if totals.documents and not scanned.scanned:
        raise RefusedError(
            f"the library {app.settings.library} holds no files, so nothing is pruned; mount its disk or check "
            "--library (if it was cleared on purpose, put one file into it and run again)"
        )
    limit.check(totals.documents, totals.indexed, "sync --prune")


async def prune(app: App, *, grace: float, limit: DeleteLimit) -> PruneReport:
    """Remove the documents of files that have been missing for ``grace`` seconds or more.

    Args:
        app: the open application; a scan has just said what is missing.
        grace: seconds.
        limit: how many documents may go at most.

    Raises:
        RefusedError: there are more; nothing was deleted.
    """
    cutoff = app.now() - grace
    totals = await app.ledger.deletions.prune_totals(cutoff=cutoff)
    limit.check(totals.documents, totals.indexed, "sync --prune")
    app.retrier.reset()
    work, before = _Prune(app, cutoff, totals.documents), app.deleted
    app.observer.begin(Phase.PRUNE, totals.documents, None)
    try:
        await work.run()
    finally:
        app.observer.end(Phase.PRUNE)
    return PruneReport(
        files=len(work.files),
        deleted=app.deleted - before,
        postponed=work.unreached + work.opened - work.done,
        kept=totals.young,
        grace=grace,
        skipped=StopReason.INTERRUPTED if app.drain.requested else app.retrier.report_stop()[0],
        paths=tuple(sorted(work.files))[:SHOWN],
    )


@dataclass(slots=True)
class _Prune:
    """One prune under way.

    Attributes:
        unreached: documents on pages that it has not come to; none once it has seen the last one.
        files: paths whose documents have gone, or are about to.
        opened: intents that were recorded.
        done: of these, the ones with nothing left to do.
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
            page = await app.ledger.deletions.prunable(cutoff=self.cutoff, after=after, limit=PAGE)
            if not page:
                # Another run's scan may have found some of them again meanwhile.
                self.unreached = 0
                break
            # Or it has found more to be gone.
            self.unreached = max(0, self.unreached - sum(len(file.documents) for file in page))
            after, before = page[-1].file_id, self.done
            await self._page(page)
            if self.done == before:
                # The files are back, or wait for something else: a longer list of intents helps nobody.
                break

    async def _page(self, page: list[Prunable]) -> None:
        app = self.app
        # What a scan found may be long ago: a file is asked for once more before the intent is on record.
        gone = await app.files(partial(_without_those_on_disk, app.settings.library, page))
        opened = await app.ledger.deletions.open_prune(gone, cutoff=self.cutoff, run_id=app.run_id)
        meant = {intent.document for intent in opened}
        self.opened += len(opened)
        self.files |= {file.file_path for file in page if meant.intersection(file.documents)}
        async with fan_out(self._delete, limit=AT_ONCE) as deletes:
            with app.drain.intake():
                for intent in opened:
                    await deletes.start(intent)
                await deletes.wait_idle()
            if app.drain.requested:
                app.retrier.drain()

    async def _delete(self, intent: Intent) -> None:
        with suppress(GeminiError):  # it ends the run, which the report says
            removal = await carry_out(self.app, intent.intent_id, intent.document)
            self.done += removal is Removal.DONE
        self.app.observer.advance(Phase.PRUNE, 1, 0)


def _without_those_on_disk(root: Path, files: list[Prunable]) -> list[Prunable]:
    return [file for file in files if not os.path.lexists(disk_path(root, file))]
