"""Verify: a sample of files, each looked at on disk, in the ledger and in the store. Changes nothing."""

import time
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from objlib.core.events import EventKind, Phase
from objlib.core.ids import FileId
from objlib.core.library.patterns import PathPattern, parse_patterns
from objlib.core.library.snapshot import UNREAD
from objlib.core.lifecycle.drift import REPAIRABLE, Drift, DriftKind
from objlib.core.lifecycle.table import State
from objlib.core.reports.store import VerifyReport
from objlib.engine.app import App
from objlib.engine.reconcile.compare import examine as examine_document
from objlib.engine.requests.fan_out import fan_out
from objlib.engine.scan.read_file import examine
from objlib.gemini import GeminiError

PAGE: Final = 500
AT_ONCE: Final = 8
SHOWN: Final = 1000


async def verify(app: App, *, sample: int | None = 50) -> VerifyReport:
    """Audit ``sample`` indexed files at random, or all of them.

    Costs one request for each file, and the file is read.

    Args:
        app: the open application.
        sample: how many files; None for all.

    Raises:
        GeminiError: the service refuses to go on at all.
    """
    total = (await app.ledger.files.counts(now=app.now())).states[State.INDEXED]
    app.retrier.reset()
    work, after = _Verify(app, parse_patterns(app.settings.patterns)), ""
    app.observer.begin(Phase.VERIFY, total if sample is None else min(sample, total), None)
    try:
        while page := await app.ledger.comparison.sample(size=sample, after=after, limit=PAGE):
            await work.page(page)
            if sample is not None:
                break
            after = page[-1]
    finally:
        app.observer.end(Phase.VERIFY)
    findings = sorted(work.findings, key=lambda drift: (drift.path, drift.kind))
    return VerifyReport(
        store=app.store,
        checked=work.checked,
        of=total,
        drift=dict(sorted(Counter(drift.kind for drift in findings).items())),
        findings=tuple(findings[:SHOWN]),
        unanswered=work.unanswered,
        requests=app.requests,
    )


@dataclass(slots=True)
class _Verify:
    app: App
    patterns: tuple[PathPattern, ...]
    checked: int = 0
    unanswered: int = 0
    findings: list[Drift] = field(default_factory=list)

    async def page(self, page: list[FileId]) -> None:
        """Look at some files, a few at a time."""
        async with fan_out(self._file, limit=AT_ONCE) as files:
            for file_id in page:
                await files.start(file_id)

    async def _file(self, file_id: FileId) -> None:
        try:
            await self._look(file_id)
        except GeminiError as error:
            if error.kind.ends_run:
                raise
            self.unanswered += 1
            self.app.observer.event(EventKind.UNANSWERED, file_id=file_id, error=str(error))
        finally:
            self.app.observer.advance(Phase.VERIFY, 1, 0)

    async def _look(self, file_id: FileId) -> None:
        app = self.app
        row = await app.ledger.files.get(file_id)
        if row is None or row.state is not State.INDEXED or row.document is None:
            # A run has taken it up since the sample was drawn: it is about to be something else.
            return
        self.checked += 1
        read = await app.files(partial(examine, app.settings.library, row, self.patterns, time.time_ns))
        kinds: list[DriftKind] = []
        if read is None:
            kinds.append(DriftKind.MISSING_ON_DISK)
        elif read.content_hash == UNREAD:
            kinds.append(DriftKind.UNREADABLE)
        elif read.content_hash != row.indexed_hash:
            kinds.append(DriftKind.CHANGED_ON_DISK)
        try:
            drift, _ = await examine_document(app, row.document, file_id)
            if drift in REPAIRABLE:
                kinds.append(drift)
        finally:
            self.findings += [Drift(kind, row.file_path, row.document, file_id) for kind in kinds]
