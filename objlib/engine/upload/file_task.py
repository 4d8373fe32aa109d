"""One file's way into the store, from claim to indexed: one task, one owner, whatever happens.

One file's failure is data: it ends as a transition, never as an exception through the nursery. Only an answer
about the whole run (quota, key, a store that is gone) stops the run.
"""

import random
from collections import deque
from dataclasses import dataclass, field
from typing import Final

import trio

from objlib.core.errors import StaleTransitionError
from objlib.core.events import EventKind, Phase
from objlib.core.failures import Failure, FailureKind
from objlib.core.ids import AttemptId, FileId, new_attempt_id
from objlib.core.library.snapshot import NO_TYPE
from objlib.core.lifecycle.recovery import Adopt, Probe, Requeue
from objlib.core.lifecycle.table import State
from objlib.core.pacing.backoff import backoff
from objlib.core.stop_reason import StopReason
from objlib.engine.app import App
from objlib.engine.attempt.probe import inquire
from objlib.engine.attempt.send import ChangedWhileReadError, Names, OutcomeUnknownError, send
from objlib.engine.attempt.wait_active import settle
from objlib.engine.requests.governor import NotBegunError, Purpose
from objlib.engine.scan.scan import record_change
from objlib.gemini import ErrorKind, GeminiError, SessionUrl
from objlib.ledger import FileRow, Transition

MAX_ATTEMPTS: Final = 8
"""Attempts of one file without success, in all runs together, before it is given up; push-back does not count, and
neither does an answer about the whole run."""
MAX_THROTTLED: Final = 100
"""How often a file is pushed back in a row before it is given up for this run."""
MAX_QUESTIONS: Final = 4
"""How often one task asks about an outcome that it does not know before recovery has to."""
UNREACHABLE_AFTER: Final = 24
"""Connections refused in a row after which the service counts as gone."""


@dataclass(slots=True)
class Flow:
    """What the tasks of one run share.

    Attributes:
        app: the open application.
        limit: at most so many files are begun.
        slots: bounds the files between claimed and indexed.
        recent: how long the last documents took to settle, in seconds.
        carrying: files that have a task now.
        begun: files begun so far; kept only under a limit.
        again: of these, the ones that wait for another attempt, and when (Unix time) it is due.
        pushed_back: how often in a row each file was pushed back, of those that were and are to go again.
        unreachable: connections refused in a row.
        stopped: why nothing more is taken in, as in the report.
        feeding: what takes files in, while it does.
    """

    app: App
    limit: int | None
    slots: trio.CapacityLimiter
    recent: deque[float] = field(default_factory=lambda: deque(maxlen=32))
    carrying: set[FileId] = field(default_factory=set)
    changed: trio.Event = field(default_factory=trio.Event)
    begun: set[FileId] = field(default_factory=set)
    again: dict[FileId, float] = field(default_factory=dict)
    pushed_back: dict[FileId, int] = field(default_factory=dict)
    uploaded: int = 0
    sent_bytes: int = 0
    unreachable: int = 0
    stopped: StopReason = StopReason.NONE
    advice: str = ""
    feeding: trio.CancelScope | None = None

    def stop(self, why: StopReason, advice: str) -> None:
        """Take in nothing more; what is in flight finishes."""
        if not self.stopped:
            self.stopped, self.advice = why, advice
            self.app.observer.event(EventKind.STOPPING, reason=why, advice=advice)
            if self.feeding is not None:
                self.feeding.cancel(reason=why)  # it may wait for a token behind a closed gate

    def takes_in(self) -> bool:
        """Whether new files may still be started."""
        return not self.stopped

    def may_begin(self, file_id: FileId) -> bool:
        """Whether a task may carry this file now: it has none yet, and the limit has room for it."""
        room = self.limit is None or len(self.begun) < self.limit or file_id in self.begun
        return room and file_id not in self.carrying

    def begin(self, file_id: FileId) -> None:
        """A task is about to carry this file."""
        self.carrying.add(file_id)
        if self.limit is not None:
            self.begun.add(file_id)
            self.again.pop(file_id, None)

    def wake(self) -> None:
        """Something happened that the pump may be waiting for."""
        self.changed.set()


async def carry(flow: Flow, row: FileRow) -> None:
    """One file's way into the store. Whatever happens to it, the slot and the token come back."""
    app, file_id, placed = flow.app, row.file_id, True

    def let_go() -> None:
        nonlocal placed
        if placed:
            flow.slots.release_on_behalf_of(file_id)
            placed = False

    try:
        carried = await _upload(flow, row)
        if carried is not None:
            row, attempt = carried
            row = await settle(app, row, attempt, flow.recent, doubted=let_go)
        if row.state in {State.INDEXED, State.FAILED}:
            app.observer.advance(Phase.UPLOAD, 1, row.size)
    except StaleTransitionError:
        app.observer.event(EventKind.TAKEN_OVER, path=row.file_path)
    except GeminiError as error:
        # Only answers about the whole run get here; the row stays where recovery finds it.
        _stop_run(flow, error)
    finally:
        let_go()
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
            _must_be_fit(claimed)
            names = await _send(flow, claimed, attempt)
        except ChangedWhileReadError:
            await _changed(flow, claimed, attempt)
            return None
        except FileNotFoundError:
            # Gone or renamed since the scan: it is recorded as missing, and the next scan finds it again.
            await _changed(flow, claimed, attempt)
            return None
        except OSError as error:
            why = f"cannot be read: {error.strerror or error}; check the file and its permissions"
            await _fail(flow, claimed, attempt, Failure.of(FailureKind.UNREADABLE, why))
            return None
        except OutcomeUnknownError as error:
            # The token covers the attempt, never the waiting after it.
            release()
            return await _resolve(flow, claimed, attempt, str(error))
        except NotBegunError:
            await _requeue(flow, claimed, attempt, "not begun, since a stop was asked for", excused=True)
            return None
        except GeminiError as error:
            await _refused(flow, claimed, attempt, error)
            return None
        flow.uploaded += 1
        flow.sent_bytes += row.size
        flow.unreachable = 0
        flow.pushed_back.pop(row.file_id, None)
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


def _must_be_fit(row: FileRow) -> None:
    """A scan may have found the file unfit while an earlier attempt was under way: then it is looked at again."""
    if row.size == 0 or row.mime_type == NO_TYPE:
        raise ChangedWhileReadError


async def _send(flow: Flow, row: FileRow, attempt: AttemptId) -> Names:
    """Send the file directly; where the direct way is known to break, through the Files API."""
    try:
        return await send(flow.app, row, attempt)
    except GeminiError as error:
        if not error.fallback:
            raise
        flow.app.observer.event(EventKind.TWO_STEP, path=row.file_path, error=str(error))
    return await send(flow.app, row, attempt, two_step=True)


async def _resolve(
    flow: Flow, row: FileRow, attempt: AttemptId, why: str
) -> tuple[FileRow, AttemptId] | None:
    """Ask what became of an attempt whose answer was lost; what only a listing can tell is left for it."""
    app = flow.app
    for tries in range(1, MAX_QUESTIONS + 1):
        try:
            found, facts = await inquire(app, row, await app.ledger.attempts.last(row.file_id))
        except GeminiError as error:
            if error.kind.ends_run:
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
                await _try_again(flow, row, attempt, f"{why}; {reason}")
                return None
            case Probe.LISTING:
                break
            case _:
                break
    app.observer.event(EventKind.UNKNOWN, path=row.file_path, why=why)
    return None


async def _cancelled(app: App, row: FileRow) -> bool:
    """Close the attempt's session; whether it is certain that nothing sent late can still land."""
    attempt = await app.ledger.attempts.last(row.file_id)
    if attempt is None or attempt.session_url is None:
        return True
    try:
        async with app.governor.slot(Purpose.POLL):
            return await app.client.uploads.cancel(SessionUrl(attempt.session_url))
    except GeminiError:
        return False


async def _changed(flow: Flow, row: FileRow, attempt: AttemptId) -> None:
    """The file is not what the scan saw: record what it is now, and send that if a store could take it."""
    if row.attempts >= MAX_ATTEMPTS:
        why = "changes each time it is read; upload again when the program that writes it is done"
        await _fail(flow, row, attempt, Failure.of(FailureKind.CHANGED, why))
        return
    unfit = await record_change(flow.app, row)
    if unfit is not None:
        await _fail(flow, row, attempt, unfit)
        return
    await _requeue(flow, row, attempt, "changed while it was read")


async def _refused(flow: Flow, row: FileRow, attempt: AttemptId, error: GeminiError) -> None:
    """The service said no, and it is certain that no document was made."""
    match error.kind:
        case kind if kind.ends_run or kind is ErrorKind.NOT_FOUND:
            await _requeue(flow, row, attempt, str(error), excused=True)
            _stop_run(flow, error)
        case ErrorKind.TRANSIENT | ErrorKind.UNKNOWN:
            flow.unreachable = flow.unreachable + 1 if error.connect else 0
            if flow.unreachable >= UNREACHABLE_AFTER:
                flow.stop(
                    StopReason.UNREACHABLE, "the service cannot be reached; check the network and --base-url"
                )
            await _try_again(flow, row, attempt, str(error), after=error.retry_after or 0.0)
        case ErrorKind.RATE_LIMIT:
            times = flow.pushed_back[row.file_id] = flow.pushed_back.get(row.file_id, 0) + 1
            if times >= MAX_THROTTLED:
                why = f"gave up, pushed back {times} times: {error}"
                await _fail(flow, row, attempt, Failure.of(FailureKind.RATE_LIMIT, why))
            else:
                pause = max(backoff(times, jitter=random.random()), error.retry_after or 0.0)
                await _requeue(flow, row, attempt, str(error), after=pause, excused=True)
        case _:
            await _fail(flow, row, attempt, Failure.of(FailureKind.REFUSED, str(error)))


async def _try_again(flow: Flow, row: FileRow, attempt: AttemptId, why: str, *, after: float = 0.0) -> None:
    """Back to the queue, due after a backoff and ``after`` seconds; given up if it happened too often."""
    if row.attempts >= MAX_ATTEMPTS:
        why = f"gave up after {row.attempts} attempts: {why}"
        await _fail(flow, row, attempt, Failure.of(FailureKind.TRANSIENT, why))
        return
    pause = backoff(row.attempts, jitter=random.random())
    await _requeue(flow, row, attempt, why, after=max(pause, after))


async def _requeue(
    flow: Flow,
    row: FileRow,
    attempt: AttemptId,
    why: str,
    *,
    after: float = 0.0,
    excused: bool = False,
) -> None:
    """Back to the queue, due after so many seconds; an ``excused`` attempt says nothing about the file."""
    app = flow.app
    due = app.now() + after
    if flow.limit is not None:
        flow.again[row.file_id] = due
    requeued = Transition.requeue_upload(
        row, attempt_id=attempt, run_id=app.run_id, reason=why, retry_at=due, excused=excused
    )
    await app.ledger.apply(requeued)
    app.observer.event(EventKind.REQUEUED, path=row.file_path, why=why, due=due)


async def _fail(flow: Flow, row: FileRow, attempt: AttemptId, failure: Failure) -> None:
    flow.pushed_back.pop(row.file_id, None)
    await flow.app.ledger.apply(
        Transition.fail_upload(row, attempt_id=attempt, run_id=flow.app.run_id, failure=failure)
    )
    flow.app.observer.advance(Phase.UPLOAD, 1, row.size)
    flow.app.observer.event(EventKind.FAILED, path=row.file_path, error=failure.message)


def _stop_run(flow: Flow, error: GeminiError) -> None:
    advice = str(error)
    if error.kind is ErrorKind.NOT_FOUND:
        advice = f"{advice}; check --store, or start over with another --ledger"
    flow.stop(error.kind.stop_reason, advice)
