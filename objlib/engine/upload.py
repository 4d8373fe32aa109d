"""An upload run: scan, recover, then one task for each file from claim to indexed, until quiescence.

The pump takes a slot (files between claimed and indexed) and an upload token *before* it spawns a task, so
tasks never outnumber either, and shrinking the tokens takes effect at once. Memory is bounded by the slots:
the pump reads the ledger in pages and forgets a file as soon as its task ends. One file's failure is data.
"""

import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

import trio

from objlib.core.errors import StaleTransitionError
from objlib.core.identity import AttemptId, FileId, new_attempt_id
from objlib.core.lifecycle import State
from objlib.core.observe import Phase
from objlib.core.pacing import backoff
from objlib.core.reports import (
    FailedFile,
    Failure,
    FailureKind,
    RecoverReport,
    ScanReport,
    UploadReport,
    VectorReport,
)
from objlib.core.verdict import Adopt, Ask, Requeue
from objlib.engine.app import App
from objlib.engine.governor import Purpose
from objlib.engine.inquiry import inquire
from objlib.engine.recover import recover
from objlib.engine.scan import record_change, scan
from objlib.engine.send import ChangedWhileReadError, Names, OutcomeUnknownError, send
from objlib.engine.settle import settle
from objlib.gemini import GeminiError, Kind, SessionUrl
from objlib.ledger import FileRow, Transition

PAGE: Final = 128
MAX_ATTEMPTS: Final = 8
"""Transient failures of one file in a row before it is given up for this run."""
MAX_THROTTLED: Final = 100
"""The same for push-back, which says nothing about the file."""
MAX_ROUNDS: Final = 6
"""How often the run goes back to files whose outcome stayed unknown."""
UNREACHABLE_AFTER: Final = 24
"""Connections refused in a row after which the service counts as gone."""
LISTED_FAILURES: Final = 1000

STOPS: Final = {
    Kind.DAILY_QUOTA: ("daily_quota", "the daily quota is used up; run the same command again tomorrow"),
    Kind.STORE_FULL: (
        "store_full",
        "the store is full; delete documents or move to a higher tier, then run again",
    ),
    Kind.AUTH: ("unauthorized", "the service refuses the API key; check GEMINI_API_KEY"),
    Kind.NOT_FOUND: ("store_gone", "the store is gone; check --store, or start over with another --ledger"),
}
"""Answers about the whole run rather than one file: nothing more is sent."""


@dataclass(slots=True)
class Flow:
    """What the tasks of one run share."""

    app: App
    limit: int | None
    slots: trio.CapacityLimiter
    recent: deque[float] = field(default_factory=lambda: deque(maxlen=32))
    carrying: set[FileId] = field(default_factory=set)
    changed: trio.Event = field(default_factory=trio.Event)
    started: int = 0
    uploaded: int = 0
    sent_bytes: int = 0
    unreachable: int = 0
    stopped: str = ""
    advice: str = ""

    def stop(self, why: str, advice: str) -> None:
        """Take in nothing more; what is in flight finishes."""
        if not self.stopped:
            self.stopped, self.advice = why, advice
            self.app.observer.event("stopping", reason=why, advice=advice)
            self.wake()

    def takes_in(self) -> bool:
        """Whether new files may still be started."""
        return not self.stopped

    def wake(self) -> None:
        """Something happened that the pump may be waiting for."""
        self.changed.set()


async def upload(
    app: App, *, limit: int | None = None, dry_run: bool = False, retry_failed: bool = False
) -> UploadReport:
    """Bring the store up to date with the library; files already indexed are never touched.

    Args:
        app: the open application.
        limit: at most so many files are sent in this run.
        dry_run: only say what would be done; nothing is recorded and nothing sent.
        retry_failed: also send files again that an earlier run gave up.

    Raises:
        ObjlibError: the run cannot go on at all.
    """
    scanned = await scan(app, dry_run=dry_run)
    flow = Flow(app, limit, trio.CapacityLimiter(app.settings.max_pending))
    recovered = RecoverReport()
    vectors: VectorReport | None = None
    if not dry_run:
        recovered = await recover(app)
        if retry_failed:
            await _retry_failed(app)
        await _to_quiescence(flow)
        vectors = await _vectors(flow)
    return await _report(flow, scanned, recovered, vectors, dry_run=dry_run)


async def _to_quiescence(flow: Flow) -> None:
    """Pump until nothing is left to do, going back to what stayed unknown on the way."""
    app = flow.app
    files, size = await app.ledger.claimable_totals()
    app.observer.begin(Phase.UPLOAD, files, size)
    try:
        for round_ in range(MAX_ROUNDS):
            await _pump(flow)
            if app.drain.requested or flow.stopped not in {"", "limit"}:
                break
            left = await recover(app, own=True)
            if not left.requeued and not left.left:
                break
            with app.drain.intake():
                await trio.sleep(backoff(round_ + 1, jitter=random.random()) if left.left else 0)
    finally:
        app.observer.end(Phase.UPLOAD)
    if app.drain.requested:
        flow.stopped = "interrupted"
        flow.advice = "nothing is lost: the next upload, or `objlib recover`, finishes it"


async def _pump(flow: Flow) -> None:
    # The nursery is outside the intake scope: a stop ends the feeding, not the files in flight.
    async with trio.open_nursery() as nursery:
        with flow.app.drain.intake():
            await _feed(flow, lambda row: nursery.start_soon(_carry, flow, row))


async def _feed(flow: Flow, spawn: Callable[[FileRow], None]) -> None:
    app = flow.app
    while flow.takes_in():
        flow.changed = trio.Event()
        page = await app.ledger.claimable(now=app.now(), limit=PAGE)
        rows = [row for row in page if row.file_id not in flow.carrying]
        if not rows:
            if not flow.carrying and not page and not await _retry_due(flow):
                return
            await _wait(flow)
            continue
        for row in rows:
            if flow.limit is not None and flow.started >= flow.limit:
                flow.stop("limit", "run the same command again for the rest")
            if not flow.takes_in():
                break
            await flow.slots.acquire_on_behalf_of(row.file_id)
            try:
                await app.governor.uploads.acquire_on_behalf_of(row.file_id)
            except BaseException:
                flow.slots.release_on_behalf_of(row.file_id)
                raise
            flow.started += 1
            flow.carrying.add(row.file_id)
            spawn(row)
    while flow.carrying:
        flow.changed = trio.Event()
        await flow.changed.wait()


async def _retry_due(flow: Flow) -> bool:
    return await flow.app.ledger.next_retry_at() is not None


async def _wait(flow: Flow) -> None:
    """Wait until a task ends or the next file is due again."""
    due = await flow.app.ledger.next_retry_at()
    pause = 3600.0 if due is None else max(0.02, due - flow.app.now())
    with trio.move_on_after(pause):
        await flow.changed.wait()


async def _carry(flow: Flow, row: FileRow) -> None:
    """One file's way into the store. Whatever happens to it, the slot and the token come back."""
    app, file_id = flow.app, row.file_id
    try:
        carried = await _upload(flow, row)
        if carried is not None:
            row, attempt = carried
            row = await settle(app, row, attempt, flow.recent)
        if row.state in {State.INDEXED, State.FAILED}:
            app.observer.advance(Phase.UPLOAD, 1, row.size)
    except StaleTransitionError:
        app.observer.event("taken_over", path=row.file_path)
    except GeminiError as error:
        # Only answers about the whole run get here; the row stays where recovery finds it.
        _stop_run(flow, error)
    finally:
        flow.slots.release_on_behalf_of(file_id)
        flow.carrying.discard(file_id)
        flow.wake()


async def _upload(flow: Flow, row: FileRow) -> tuple[FileRow, AttemptId] | None:
    """From claim to PROCESSING under an upload token; None when this attempt ended otherwise."""
    app = flow.app
    attempt = new_attempt_id(app.now())
    holds_token = True

    def release() -> None:
        nonlocal holds_token
        if holds_token:
            app.governor.uploads.release_on_behalf_of(row.file_id)
            holds_token = False

    try:
        claimed = await app.ledger.apply(Transition.start_upload(row, attempt_id=attempt, run_id=app.run_id))
        try:
            names = await _send(flow, claimed, attempt)
        except ChangedWhileReadError:
            await _changed(flow, claimed, attempt)
            return None
        except OSError as error:
            why = f"cannot be read: {error.strerror or error}; check the file and its permissions"
            await _fail(flow, claimed, attempt, Failure(FailureKind.UNREADABLE, why, retryable=True))
            return None
        except OutcomeUnknownError as error:
            # The token covers the attempt, never the waiting after it.
            release()
            return await _resolve(flow, claimed, attempt, str(error))
        except GeminiError as error:
            await _refused(flow, claimed, attempt, error)
            return None
        flow.uploaded += 1
        flow.sent_bytes += row.size
        flow.unreachable = 0
        done = await app.ledger.apply(
            Transition.complete_upload(
                claimed,
                attempt_id=attempt,
                run_id=app.run_id,
                operation=names.operation,
                document=names.document,
            )
        )
        return done, attempt
    finally:
        release()


async def _send(flow: Flow, row: FileRow, attempt: AttemptId) -> Names:
    """Send the file directly; where the direct way is known to break, through the Files API."""
    try:
        return await send(flow.app, row, attempt)
    except GeminiError as error:
        if not error.fallback:
            raise
        flow.app.observer.event("two_step", path=row.file_path, error=str(error))
    return await send(flow.app, row, attempt, two_step=True)


async def _resolve(
    flow: Flow, row: FileRow, attempt: AttemptId, why: str
) -> tuple[FileRow, AttemptId] | None:
    """Ask what became of an attempt whose answer was lost; what only a listing can tell is left for it."""
    app = flow.app
    for tries in range(1, 5):
        try:
            found, facts = await inquire(app, row, await app.ledger.last_attempt(row.file_id))
        except GeminiError as error:
            if error.kind in STOPS and error.kind is not Kind.NOT_FOUND:
                raise
            await trio.sleep(backoff(tries, jitter=random.random()))
            continue
        match found:
            case Adopt(document, operation, _):
                flow.uploaded += 1
                flow.sent_bytes += row.size
                adopted = await app.ledger.apply(
                    Transition.adopt(
                        row,
                        attempt_id=attempt,
                        run_id=app.run_id,
                        operation=operation or facts.operation_name,
                        document=document,
                    )
                )
                return adopted, attempt
            case Requeue(reason, cancel_session):
                if cancel_session and not await _cancelled(app, row):
                    await trio.sleep(backoff(tries, jitter=random.random()))
                    continue
                await _requeue(flow, row, attempt, f"{why}; {reason}")
                return None
            case Ask.LISTING:
                break
            case _:
                break
    app.observer.event("unknown", path=row.file_path, why=why)
    return None


async def _cancelled(app: App, row: FileRow) -> bool:
    """Close the attempt's session, so that nothing sent late can still land."""
    attempt = await app.ledger.last_attempt(row.file_id)
    if attempt is None or attempt.session_url is None:
        return True
    try:
        async with app.governor.slot(Purpose.POLL):
            await app.client.cancel_upload(SessionUrl(attempt.session_url))
    except GeminiError:
        return False
    return True


async def _changed(flow: Flow, row: FileRow, attempt: AttemptId) -> None:
    """The file changed while it was read: record what it is now, and send that."""
    if row.attempts >= MAX_ATTEMPTS:
        why = "changes each time it is read; upload again when the program that writes it is done"
        await _fail(flow, row, attempt, Failure(FailureKind.CHANGED, why, retryable=True))
        return
    await record_change(flow.app, row)
    await _requeue(flow, row, attempt, "changed while it was read", kind=FailureKind.CHANGED)


async def _refused(flow: Flow, row: FileRow, attempt: AttemptId, error: GeminiError) -> None:
    """The service said no, and it is certain that no document was made."""
    if error.kind in STOPS:
        await _requeue(flow, row, attempt, str(error))
        _stop_run(flow, error)
        return
    match error.kind:
        case Kind.TRANSIENT | Kind.UNKNOWN:
            flow.unreachable = flow.unreachable + 1 if error.connect else 0
            if flow.unreachable >= UNREACHABLE_AFTER:
                flow.stop("unreachable", "the service cannot be reached; check the network and --base-url")
            await _requeue(flow, row, attempt, str(error), after=error.retry_after)
        case Kind.RATE_LIMIT:
            await _requeue(
                flow, row, attempt, str(error), kind=FailureKind.RATE_LIMIT, after=error.retry_after
            )
        case _:
            await _fail(flow, row, attempt, Failure(FailureKind.REFUSED, str(error), retryable=False))


async def _requeue(
    flow: Flow,
    row: FileRow,
    attempt: AttemptId,
    why: str,
    *,
    kind: FailureKind = FailureKind.TRANSIENT,
    after: float | None = None,
) -> None:
    """Back to the queue, due after a backoff and ``after`` seconds; given up if it happened too often."""
    app = flow.app
    if row.attempts >= (MAX_THROTTLED if kind is FailureKind.RATE_LIMIT else MAX_ATTEMPTS):
        failure = Failure(kind, f"gave up after {row.attempts} attempts: {why}", retryable=True)
        await _fail(flow, row, attempt, failure)
        return
    wait = 0.0 if kind is FailureKind.CHANGED else backoff(row.attempts, jitter=random.random())
    due = app.now() + max(wait, after or 0.0)
    flow.started -= 1
    await app.ledger.apply(
        Transition.requeue_upload(row, attempt_id=attempt, run_id=app.run_id, reason=why, retry_at=due)
    )
    app.observer.event("requeued", path=row.file_path, why=why, due=due)


async def _fail(flow: Flow, row: FileRow, attempt: AttemptId, failure: Failure) -> None:
    await flow.app.ledger.apply(
        Transition.fail_upload(row, attempt_id=attempt, run_id=flow.app.run_id, failure=failure)
    )
    flow.app.observer.advance(Phase.UPLOAD, 1, row.size)
    flow.app.observer.event("failed", path=row.file_path, error=failure.message)


def _stop_run(flow: Flow, error: GeminiError) -> None:
    why, advice = STOPS.get(error.kind, ("refused", str(error)))
    flow.stop(why, f"{advice} ({error})")


async def _retry_failed(app: App) -> None:
    """Take every failed file back into the queue, because it was asked for."""
    after = ""
    while rows := await app.ledger.failed_page(after, PAGE):
        after = rows[-1].file_id
        for row in rows:
            if row.missing_since is not None:
                continue
            try:
                await app.ledger.apply(Transition.retry(row, run_id=app.run_id, reason="--retry-failed"))
            except StaleTransitionError:
                continue


async def _vectors(flow: Flow) -> VectorReport | None:
    """The embedded store's second pass; the library is searchable by words already."""
    app = flow.app
    if app.service is None:
        return None
    report = await app.service.vectors()
    seconds = app.settings.embed_seconds
    if app.drain.requested or not report.available or report.done >= report.total or seconds <= 0:
        return report
    app.observer.begin(Phase.VECTORS, report.total - report.done, None)
    done = report.done

    def progress(now_done: int, _total: int) -> None:
        nonlocal done
        app.observer.advance(Phase.VECTORS, now_done - done, 0)
        done = now_done

    try:
        with app.drain.intake() as scope:
            await app.service.make_vectors(seconds=seconds, progress=progress)
        if scope.cancelled_caught:
            flow.stopped = "interrupted"
            flow.advice = "every file is searchable by words; the next upload goes on with search by meaning"
    finally:
        app.observer.end(Phase.VECTORS)
    return await app.service.vectors()


async def _report(
    flow: Flow,
    scanned: ScanReport,
    recovered: RecoverReport,
    vectors: VectorReport | None,
    *,
    dry_run: bool,
) -> UploadReport:
    app = flow.app
    counts = await app.ledger.counts()
    failures = await app.ledger.failed_page("", LISTED_FAILURES)
    wanted, size = await app.ledger.claimable_totals()
    report = UploadReport(
        run_id=app.run_id,
        backend=str(app.settings.backend),
        store=app.store,
        library=str(app.settings.library),
        scan=scanned,
        scanned=scanned.scanned,
        uploaded=flow.uploaded,
        indexed=counts.states.get(State.INDEXED, 0),
        unchanged=scanned.unchanged,
        failed=counts.states.get(State.FAILED, 0),
        pending=wanted + counts.states.get(State.UPLOADING, 0) + counts.states.get(State.PROCESSING, 0),
        renamed=scanned.renamed,
        missing=counts.missing,
        deleted=recovered.deleted,
        requests=app.requests,
        throttled=app.governor.throttled,
        bytes=flow.sent_bytes,
        seconds=trio.current_time() - app.opened,
        dry_run=dry_run,
        stopped=flow.stopped,
        advice=flow.advice,
        recovered=recovered,
        vectors=vectors,
        failures=tuple(
            FailedFile(
                path=row.file_path,
                state=str(row.state),
                error=row.last_error or "",
                retryable=row.failure.retryable if row.failure else False,
            )
            for row in failures
            if row.missing_since is None
        ),
    )
    return replace(report, bytes=size) if dry_run else report
