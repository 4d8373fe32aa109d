"""Reports from the ledger alone: the state of the library, and the history of one file."""

import os
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePath
from typing import Final, NamedTuple

from objlib.core.advice import advise
from objlib.core.errors import UsageError
from objlib.core.ids import FileId
from objlib.core.library.paths import disk_path
from objlib.core.library.snapshot import UNTRUSTED, bounded
from objlib.core.lifecycle.table import State
from objlib.core.reports.failed_files import SKIPPED
from objlib.core.reports.status import ExplainReport, HistoryLine, StatusReport
from objlib.engine.app import App
from objlib.engine.failed_files import failed_files, skipped_files, state_of
from objlib.engine.requests.governor import REQUEST_RATE
from objlib.engine.runs import is_alive
from objlib.engine.scan.losses import losses
from objlib.engine.scan.scope import Absence, Absent, Scope
from objlib.ledger import LAST_SUCCESS_KEY, FileRow

LISTED_FAILURES: Final = 50
"""Failed files that a status report lists; the others are only counted."""


class _Place(NamedTuple):
    """A path in the library that may have no row."""

    file_path: str
    path_bytes: bytes | None


async def status(app: App) -> StatusReport:
    """Count files by state, and list failures with their reasons, pending deletes and live runs."""
    ledger, now = app.ledger, app.now()
    counts = await ledger.files.counts(now=ledger.now())
    pinned = await ledger.settings.pinned()
    alive = [run for run in await ledger.runs.all() if is_alive(run, now=now, host=app.ledger.machine)]
    rates = await ledger.rates.learnt()
    grace = app.settings.prune_grace
    gone = await ledger.deletions.prune_totals(cutoff=now - grace)
    states = {str(state): counts.states.get(state, 0) for state in State}
    return StatusReport(
        library=str(app.settings.library),
        ledger=str(app.settings.ledger),
        backend=str(app.settings.backend),
        service=app.settings.service,
        store=pinned[0] if pinned else "",
        states=states | {State.FAILED: states[State.FAILED] - counts.skipped, SKIPPED: counts.skipped},
        missing=counts.missing,
        removable=gone.files,
        removable_from=None if gone.first is None else gone.first + grace,
        stale_names=counts.stale_names,
        changed=counts.changed,
        waiting=counts.waiting,
        next_retry=await ledger.files.next_retry_at(),
        superseded=counts.superseded,
        intents=counts.open_intents,
        runs_alive=len(alive),
        governor={
            "max_uploads": app.settings.max_uploads,
            "requests_per_second": rates.get(REQUEST_RATE),
        },
        failures=await failed_files(ledger, LISTED_FAILURES),
        failures_total=states[State.FAILED] - counts.skipped + len(await ledger.settings.unreadable()),
        skips=await skipped_files(ledger, LISTED_FAILURES),
        last_success=None
        if (moment := await ledger.settings.get(LAST_SUCCESS_KEY)) is None
        else float(moment),
    )


async def explain(app: App, path: str) -> ExplainReport:
    """The whole history of one file, and in one sentence the reason for its state.

    Args:
        app: the open application; needs no store.
        path: relative to the library, or a path on disk inside it, or a file id.

    Raises:
        UsageError: the ledger knows no such file.
    """
    row = await _find(app, path)
    if row is None:
        return await _explain_unknown(app, path)
    scope = await app.files(partial(Scope.of, app.settings))
    absent = await app.files(partial(scope.absent, row))
    explanation = _explanation(row)
    if row.missing_since is not None or absent is not None:
        explanation = _absence(row, absent)
    elif row.state is State.INDEXED and await app.files(
        partial(_has_other_status, app.settings.library, row)
    ):
        explanation = "It has another size or date than the last scan saw; the next upload looks at it."
    events, _ = await app.ledger.files.history(row.file_id)
    by_these = replace(
        app.settings, patterns=(await app.ledger.patterns.choose(app.settings.patterns)).patterns
    )
    return ExplainReport(
        path=row.file_path,
        file_id=row.file_id,
        state=state_of(row),
        version=row.version,
        size=row.size,
        content_hash=row.content_hash,
        indexed_hash=row.indexed_hash,
        document=row.document,
        superseded=row.superseded,
        missing_since=row.missing_since,
        removable_from=_removable_from(app, row),
        attempts=row.attempts,
        retry_at=row.retry_at,
        last_error=row.last_error,
        metadata=dict(row.metadata),
        events=tuple(
            HistoryLine(
                timestamp=event.timestamp,
                event=str(event.event),
                from_state=str(event.from_state),
                to_state=str(event.to_state),
                outcome=str(event.outcome),
                error=event.error,
                run_id=event.run_id,
                attempt_id=event.attempt_id,
            )
            for event in events
        ),
        earlier_moves=max(0, row.version - sum(event.outcome == "success" for event in events)),
        explanation=explanation,
        left_out=await app.files(partial(losses, by_these, row)),
    )


async def _explain_unknown(app: App, path: str) -> ExplainReport:
    """Why the ledger has no file at ``path``, where a rule, or what is there, says so.

    Raises:
        UsageError: nothing does.
    """
    scope = await app.files(partial(Scope.of, app.settings))
    inside, absent = _inside(app.settings.library, path), None
    if inside and ".." not in (place := PurePath(inside)).parts and not place.is_absolute():
        absent = await app.files(partial(scope.absent, _Place(inside, None)))
    if absent is None or absent.kind in {Absence.GONE, Absence.REPLACED}:
        raise UsageError(
            f"the ledger knows no file {path}; give its path inside {app.settings.library}, or run "
            f"`{advise('scan')}` first"
        )
    reason = f"{absent.reason[:1].upper()}{absent.reason[1:]}."
    if absent.kind is Absence.LEFT_OUT:
        reason += " A line that begins with ! in .objlibignore takes in what a rule leaves out."
    return ExplainReport(path=inside, state=str(absent.kind), explanation=reason)


async def _find(app: App, path: str) -> FileRow | None:
    root = app.settings.library
    for candidate in dict.fromkeys((path, _inside(root, path))):
        row = await app.ledger.files.by_path(candidate)
        if row is not None:
            return row
    return await app.ledger.files.get(FileId(path))


def _inside(root: Path, path: str) -> str:
    on_disk = PurePath(os.path.normpath(Path.cwd() / path))  # lexical: resolving a link would lose its name
    return on_disk.relative_to(root).as_posix() if on_disk.is_relative_to(root) else path


def _has_other_status(root: Path, row: FileRow) -> bool:
    """Whether size or date of a file differ from those of its row. Blocks."""
    try:
        status = Path(disk_path(root, row)).stat()
    except OSError:
        return False
    same_date = row.mtime_ns in {UNTRUSTED, bounded(status.st_mtime_ns)}
    return status.st_size != row.size or not same_date


def _absence(row: FileRow, absent: Absent | None) -> str:
    if absent is None:
        return "It is back on disk; the next upload notices it."
    reason = f"{absent.reason[:1].upper()}{absent.reason[1:]}"
    if absent.kind is Absence.UNREADABLE:
        return f"{reason}; its document, if it has one, stays in the store."
    if row.document is None:
        return f"{reason}, and it has no document; should it come back, the next upload sends it."
    return f"{reason}; `{advise('sync --prune')}` removes its document after the grace."


def _removable_from(app: App, row: FileRow) -> float | None:
    """When the grace of a missing file with a document is over; None for any other file."""
    if row.missing_since is None or not row.documents:
        return None
    return row.missing_since + app.settings.prune_grace


def _explanation(row: FileRow) -> str:
    match row.state:
        case State.UNTRACKED if row.retry_at is not None:
            return "It waits for its next attempt; the next upload takes it as soon as it is due."
        case State.UNTRACKED if row.document is not None:
            return "It changed; the next upload sends it, and the old version stays searchable until then."
        case State.UNTRACKED:
            return "It is known and not sent yet; the next upload takes it."
        case State.UPLOADING:
            return (
                f"A run is sending it; if that run died, the next upload or `{advise('recover')}` settles it."
            )
        case State.PROCESSING:
            return "The store has its bytes and is indexing them."
        case State.INDEXED if row.indexed_hash != row.content_hash:
            return "It is indexed in an older version; the next upload sends the new one."
        case State.INDEXED:
            return "The store said ACTIVE for exactly these bytes; nothing is left to do."
        case State.FAILED:
            if row.failure and row.failure.kind.skips:
                return "No store takes it as it is, so it is skipped; change the file, and the next upload sends it."
            if row.failure and row.failure.retryable:
                return f"It was given up. `{advise('upload --retry-failed')}` tries again."
            return "It was given up. The same bytes will fail again; change the file, and the next upload sends it."
