"""Verify: compare a sample of files on disk, in the ledger and in the store. Changes nothing."""

import time
from collections import Counter
from dataclasses import dataclass
from functools import partial
from typing import Final

from objlib.core.events import EventKind, Phase
from objlib.core.ids import FileId
from objlib.core.library.patterns import PathPattern
from objlib.core.library.snapshot import UNREAD
from objlib.core.lifecycle.drift import INFORMATION, REPAIRABLE, Drift, DriftKind
from objlib.core.lifecycle.table import State
from objlib.core.reports import MAX_LISTED
from objlib.core.reports.store import VerifyReport
from objlib.engine.app import App
from objlib.engine.reconcile.compare import recheck_document
from objlib.engine.requests.fan_out import fan_out
from objlib.engine.scan.read_file import read_file
from objlib.engine.scan.scan import patterns_in_use
from objlib.engine.scan.scope import Absence, Scope
from objlib.gemini import GeminiError

VERIFY_PAGE: Final = 500
"""Files of one query of the ledger, where all are verified."""
MAX_FILES: Final = 8
"""Files in progress at once."""

_ABSENT: Final = {
    Absence.GONE: DriftKind.MISSING_ON_DISK,
    Absence.REPLACED: DriftKind.REPLACED,
    Absence.LEFT_OUT: DriftKind.LEFT_OUT,
    Absence.LINK: DriftKind.LEFT_OUT,
    Absence.UNREADABLE: DriftKind.UNREADABLE,
}


async def verify(app: App, *, sample: int | None = 50) -> VerifyReport:
    """Verify ``sample`` indexed files at random, or all of them if it is None.

    Costs one request for each file, and the file is read.

    Raises:
        GeminiError: an answer that ends the run.
    """
    total = await app.ledger.comparison.indexed()
    app.retrier.reset()
    report, findings, after = VerifyReport(app.store, of=total), list[Drift](), ""
    scope = await app.files(partial(Scope.of, app.settings))
    work = _Verification(app, scope, await patterns_in_use(app), report, findings)
    with app.observer.phase(Phase.VERIFY, total if sample is None else min(sample, total)):
        while page := await app.ledger.comparison.sample(size=sample, after=after, limit=VERIFY_PAGE):
            async with fan_out(work.verify_file, limit=MAX_FILES) as files:
                for file_id in page:
                    await files.start(file_id)
            if sample is not None:
                break
            after = page[-1]
    findings.sort(key=lambda drift: (drift.path, drift.kind))
    counts = Counter(drift.kind for drift in findings)
    report.stale_names = counts[DriftKind.STALE_NAME]
    report.drift = {kind: counts[kind] for kind in sorted(counts) if kind not in INFORMATION}
    report.findings, report.requests = tuple(findings[:MAX_LISTED]), app.requests
    return report


@dataclass(frozen=True, slots=True)
class _Verification:
    """A verification in progress, which counts in its report."""

    app: App
    scope: Scope
    patterns: tuple[PathPattern, ...]
    report: VerifyReport
    findings: list[Drift]

    async def verify_file(self, file_id: FileId) -> None:
        """Verify one file; where the service does not answer, only against the disk."""
        try:
            await self._compare(file_id)
        except GeminiError as error:
            if error.kind.ends_run:
                raise
            self.report.unanswered += 1
            self.app.observer.event(EventKind.UNANSWERED, file_id=file_id, error=str(error))
        finally:
            self.app.observer.advance(Phase.VERIFY, 1, 0)

    async def _compare(self, file_id: FileId) -> None:
        app = self.app
        row = await app.ledger.files.get(file_id)
        if row is None or row.state is not State.INDEXED or row.document is None:
            return  # a run has claimed it since the sample was drawn, and will change it
        self.report.checked += 1
        absent = await app.files(partial(self.scope.absent, row))
        snapshot, kinds = None, list[DriftKind]()
        if absent is None:
            read = partial(read_file, app.settings.library, row, self.patterns, time.time_ns)
            snapshot = await app.files(read)
        if snapshot is None:
            kinds.append(_ABSENT[Absence.GONE if absent is None else absent.kind])
        elif snapshot.content_hash == UNREAD:
            kinds.append(DriftKind.UNREADABLE)
        elif snapshot.content_hash != row.indexed_hash:
            kinds.append(DriftKind.CHANGED_ON_DISK)
        try:
            kind, _ = await recheck_document(app, row.document, file_id)
            if kind in REPAIRABLE:
                kinds.append(kind)
        finally:
            self.findings.extend(Drift(kind, row.file_path, row.document, file_id) for kind in kinds)
