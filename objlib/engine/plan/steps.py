"""The steps of a plan: one for each path that a run would touch, or leave as it is for a reason."""

import math
import sys
from collections.abc import Collection, Iterable, Iterator
from functools import partial
from typing import Final

from objlib.core.advice import advise
from objlib.core.lifecycle.table import State
from objlib.core.reports.plan import Action, PlannedStep
from objlib.core.reports.upload import ScanReport
from objlib.engine.app import App
from objlib.engine.reconcile.prune import absences
from objlib.engine.runs import RunLiveness
from objlib.engine.scan.scope import Absence, Absent
from objlib.ledger import FileRow

PAGE: Final = 500
"""Files of one query of the ledger."""

_CHANGES: Final = {"new": "new", "changed": "changed", "returned": "back on disk"}
"""Kinds of changes that a scan found, as reasons."""


async def files_to_send(app: App, limit: int | None) -> tuple[list[FileRow], list[FileRow]]:
    """The files that a run sends, and those that wait because of ``limit``."""
    rows = await app.ledger.files.claimable(now=math.inf, limit=sys.maxsize)
    count = len(rows) if limit is None else limit
    return rows[:count], rows[count:]


def steps_of_scan(scanned: ScanReport, never_sent: Collection[str]) -> Iterator[PlannedStep]:
    """Renames, but not of files that were ``never_sent``, and what was not taken in."""
    for was, path in scanned.renames:
        if path in never_sent:
            continue
        yield PlannedStep(Action.RENAME, path, "the same content at a new path", was)
    for path, reason in (*scanned.skipped, *scanned.left_out):
        yield PlannedStep(Action.LEAVE_OUT, path, reason)
    for path, reason in scanned.unreadable:
        yield PlannedStep(Action.FAIL, path, reason)


def steps_of_sending(
    rows: Iterable[FileRow], postponed: Iterable[FileRow], scanned: ScanReport, tokens: dict[str, int]
) -> Iterator[PlannedStep]:
    """Files that are sent, and those that wait because of a limit; ``tokens`` are by file id."""
    changes = {path: _CHANGES[kind] for kind, path in scanned.changes if kind in _CHANGES}
    for row in rows:
        replaced = row.document is not None or row.superseded is not None
        reason = changes.get(row.file_path, "changed" if replaced else "not sent yet")
        action = Action.REPLACE if replaced else Action.SEND
        yield PlannedStep(
            action,
            row.file_path,
            reason,
            bytes=row.size,
            tokens=tokens.get(row.file_id, 0),
            documents=(row.document is not None) + (row.superseded is not None),
        )
    for row in postponed:
        yield PlannedStep(Action.WAIT, row.file_path, "beyond --limit; the next run sends it")


async def failed_files(app: App) -> list[FileRow]:
    """Files on disk that failed and are not tried again, and those that no store takes."""
    failed, after = list[FileRow](), ""
    while rows := await app.ledger.files.failed(after, PAGE):
        after = rows[-1].file_id
        failed += (row for row in rows if row.missing_since is None)
    return failed


def steps_of_failures(rows: Iterable[FileRow]) -> Iterator[PlannedStep]:
    """The steps of :func:`failed_files`."""
    for row in rows:
        skips = row.failure is not None and row.failure.kind.skips
        yield PlannedStep(Action.SKIP if skips else Action.FAIL, row.file_path, row.last_error or "")


async def steps_of_recovery(app: App) -> list[PlannedStep]:
    """Uploads and deletes that a dead run left: a run settles them first."""
    steps, after = list[PlannedStep](), ""
    liveness = RunLiveness(app.ledger, app.run_id, app.now)
    while page := await app.ledger.files.transient(after, PAGE):
        after = page[-1][0].file_id
        await liveness.refresh((run for *_, run in page), watch=False)
        for row, _, run in page:
            if liveness.is_live_elsewhere(run):
                steps.append(PlannedStep(Action.WAIT, row.file_path, "in flight in another run"))
            else:
                reason = "a run that died was sending it; it is sent again unless the store has it"
                steps.append(PlannedStep(Action.SETTLE, row.file_path, reason))
    after, on_record = "", set[str]()
    while intents := await app.ledger.intents.page(after, PAGE):
        after = intents[-1].intent_id
        for intent in intents:
            on_record.add(intent.document_name)
            file = None if intent.file_id is None else await app.ledger.files.get(intent.file_id)
            path = intent.document_name if file is None else file.file_path
            reason = f"its deletion is on record: {intent.reason}"
            steps.append(PlannedStep(Action.DELETE, path, reason, documents=1))
    after = ""
    while rows := await app.ledger.files.superseded(after, PAGE):
        after = rows[-1].file_id
        steps += [
            PlannedStep(Action.DELETE, row.file_path, "a newer version is searchable", documents=1)
            for row in rows
            if row.state is State.INDEXED and row.superseded not in on_record
        ]
    return steps


async def steps_of_absence(app: App, grace: float | None) -> list[PlannedStep]:
    """Files that left the library and have documents; None for ``grace`` where none are removed."""
    steps, after = list[PlannedStep](), ""
    while page := await app.ledger.deletions.prunable(cutoff=math.inf, after=after, limit=PAGE):
        after = page[-1].file_id
        for file, absent in zip(page, await app.files(partial(absences, app.settings, page)), strict=True):
            steps.append(_step_of_absence(app, file, absent, grace))
    return steps


def _step_of_absence(app: App, file: FileRow, absent: Absent | None, grace: float | None) -> PlannedStep:
    if absent is None:
        return PlannedStep(Action.KEEP, file.file_path, "it is back on disk; the next run notices it")
    if absent.kind is Absence.UNREADABLE:
        return PlannedStep(Action.KEEP, file.file_path, absent.reason)
    over = (file.missing_since or 0) + (app.settings.prune_grace if grace is None else grace)
    until = over if over > app.now() else None
    if grace is None:
        reason = f"{absent.reason}; `{advise('sync --prune')}` removes its document"
        return PlannedStep(
            Action.KEEP, file.file_path, f"{reason} after the grace" if until else reason, until=until
        )
    if until:
        return PlannedStep(Action.KEEP, file.file_path, f"{absent.reason}; kept for grace", until=until)
    return PlannedStep(Action.DELETE, file.file_path, absent.reason, documents=len(file.documents))
