"""Pattern 5: asking until it is done, judged as a whole: what comes out, how often it asked, when, what it let pass.

The judge takes any poll loop, so that it can be shown loops with a fault (:mod:`spike.phase18_spike.traps`) as well
as the right one; the loop that ships, :func:`objlib.engine.attempt.wait_active.wait_until_active`, is judged
through its whole stack.
"""

from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Final, Protocol

import trio

from objlib.core.failures import FailureKind
from objlib.core.ids import new_attempt_id
from objlib.core.lifecycle.table import Event, State
from objlib.core.pacing.backoff import next_poll
from objlib.engine.app import App
from objlib.engine.attempt.enact import Attempt
from objlib.engine.attempt.wait_active import wait_until_active
from objlib.gemini import GeminiError
from objlib.testing.actions import Action, Respond, refusal
from objlib.testing.databases import raw
from objlib.testing.faults import Faults
from spike.evidence import Seen
from spike.phase18_spike.product import opened

NOT_DONE: Final = 3
"""Answers of "not done" before success."""
DEADLINE: Final = 30.0


class PassingError(Exception):
    """Says nothing about what is asked for: to be asked again."""


class RealError(Exception):
    """An answer, and a bad one: never to be asked again."""


Ask = Callable[[], Awaitable[str | None]]
"""One question: the value, or None for "not done"."""


class PollLoop(Protocol):
    """Asks until there is a value. It has no timeout: callers use ``trio.fail_after``."""

    async def __call__(self, ask: Ask, /) -> str | None:
        """The value."""
        ...


async def poll_until(ask: Ask, /) -> str | None:
    """The right loop: it is left in one place only, and that is where there is a value.

    Pauses are those of the product (`objlib.core.pacing.backoff.next_poll`).
    """
    began = trio.current_time()
    value: str | None = None
    while value is None:
        try:
            value = await ask()
        except PassingError:
            value = None
        if value is None:
            await trio.sleep(next_poll(trio.current_time() - began))
    return value


@dataclass
class Script:
    """A service that gives its answers in turn and repeats the last; it records the times of requests."""

    answers: list[str | Exception | None]
    asked: list[float] = field(default_factory=list)

    async def __call__(self) -> str | None:
        """The next answer."""
        self.asked.append(trio.current_time())
        await trio.lowlevel.checkpoint()
        answer = self.answers[min(len(self.asked), len(self.answers)) - 1]
        if isinstance(answer, Exception):
            raise answer
        return answer

    @property
    def pauses(self) -> list[float]:
        """Seconds between the questions."""
        return [after - before for before, after in pairwise(self.asked)]


async def judge(loop: PollLoop) -> Seen:
    """Everything that is wanted of a poll loop. Virtual time."""
    for part in (_success, _passing, _deadline, _real_error):
        held, evidence = await part(loop)
        if not held:
            return False, evidence
    return await _success(loop)


async def _success(loop: PollLoop) -> Seen:
    script = Script([*[None] * NOT_DONE, "done", "another"])
    with trio.move_on_after(DEADLINE):
        value = await loop(script)
        waits = ", ".join(f"{pause:.3f}" for pause in script.pauses)
        counts = f"{len(script.asked)} questions, {len(script.pauses)} retries"
        evidence = f"value {value!r} after {counts}, pauses {waits} s"
        good = len(script.asked) == NOT_DONE + 1 and all(0.01 <= pause <= 10 for pause in script.pauses)
        return value == "done" and good, evidence
    return False, f"no value after {len(script.asked)} questions"


async def _passing(loop: PollLoop) -> Seen:
    script = Script([None, PassingError(), "done"])
    with trio.move_on_after(DEADLINE):
        try:
            value = await loop(script)
        except PassingError:
            return False, f"gave up at a passing error after {len(script.asked)} questions"
        return value == "done" and len(
            script.asked
        ) == 3, f"value {value!r} after {len(script.asked)} questions"
    return False, f"no value after {len(script.asked)} questions"


async def _deadline(loop: PollLoop) -> Seen:
    script, began = Script([None]), trio.current_time()
    try:
        with trio.fail_after(DEADLINE):
            value = await loop(script)
    except trio.TooSlowError:
        waited = trio.current_time() - began
        good = waited == DEADLINE and len(script.asked) <= 50
        return good, f"stopped after {waited:g} s and {len(script.asked)} questions"
    return False, f"value {value!r} of something that is never done, after {len(script.asked)} questions"


async def _real_error(loop: PollLoop) -> Seen:
    script = Script([None, RealError("broken")])
    with trio.move_on_after(DEADLINE):
        try:
            value = await loop(script)
        except RealError:
            return len(script.asked) == 2, f"the error came out after {len(script.asked)} questions"
        return False, f"value {value!r} in place of an error, after {len(script.asked)} questions"
    return False, f"asked {len(script.asked)} times in spite of a real error"


async def the_right_loop(_folder: Path) -> Seen:
    """The loop above, before the judge."""
    return await judge(poll_until)


async def the_deadline_of_the_right_loop(_folder: Path) -> Seen:
    """Something that is never done ends at the caller's deadline."""
    return await _deadline(poll_until)


async def a_real_error_of_the_right_loop(_folder: Path) -> Seen:
    """A real error comes out at once."""
    return await _real_error(poll_until)


async def the_loop_that_ships(folder: Path) -> Seen:
    """`wait_until_active`: PENDING three times, then ACTIVE; indexed once, and the pauses grow. Virtual time."""
    faults = Faults(script=_answers([*["STATE_PENDING"] * NOT_DONE, "STATE_ACTIVE"]))
    async with opened(folder, faults) as app:
        attempt = await _processing(app)
        await wait_until_active(attempt, deque())
        row = attempt.row
        events, _ = await app.ledger.files.history(row.file_id)
    moments = _asked(faults)
    pauses = [after - before for before, after in pairwise(moments)]
    waits = ", ".join(f"{pause:.3f}" for pause in pauses)
    indexed = sum(event.event is Event.COMPLETE_PROCESSING for event in events)
    passed = (
        row.state is State.INDEXED
        and len(moments) == NOT_DONE + 1
        and indexed == 1
        and pauses == sorted(pauses)
        and pauses[0] > 0
    )
    return (
        passed,
        f"{row.state} {indexed} time after {len(moments)} questions, {len(pauses)} retries, pauses {waits} s",
    )


async def the_deadline_that_ships(folder: Path) -> Seen:
    """`wait_until_active`: always PENDING ends in ``failed`` for the user to see, at the deadline. Virtual time."""
    faults = Faults(script=_answers(["STATE_PENDING"]))
    async with opened(folder, faults, settle_seconds=DEADLINE) as app:
        attempt = await _processing(app)
        began = trio.current_time()
        await wait_until_active(attempt, deque())
        row = attempt.row
        waited = trio.current_time() - began
    asked = len(_asked(faults))
    late = row.failure is not None and row.failure.kind is FailureKind.TIMEOUT and row.failure.retryable
    passed = row.state is State.FAILED and late and DEADLINE <= waited <= DEADLINE + 10 and asked <= 50
    return passed, f"{row.state} (to be retried) after {waited:.1f} s and {asked} questions"


async def a_real_error_that_ships(folder: Path) -> Seen:
    """`wait_until_active`: a refused key comes out after one question, and the row stays for recovery. Virtual time."""
    denied = refusal(403, "PERMISSION_DENIED", "The caller does not have permission")
    faults = Faults(script=lambda kind, _number: denied if kind == "document" else None)
    raised = 0
    async with opened(folder, faults) as app:
        attempt = await _processing(app)
        try:
            await wait_until_active(attempt, deque())
        except GeminiError:
            raised += 1
        row = attempt.row
        after = await app.ledger.files.get(row.file_id)
    asked = len(_asked(faults))
    return (
        raised == 1 and asked == 1 and after == row,
        f"{raised} error after {asked} question; the row is as it was",
    )


def _answers(states: list[str]) -> Callable[[str, int], Action | None]:
    """Build a script that answers requests for a document itself; the last state repeats."""

    def script(kind: str, number: int) -> Action | None:
        if kind != "document":
            return None
        state = states[min(number, len(states) - 1)]
        body = f'{{"name": "fileSearchStores/s/documents/d", "displayName": "d", "state": "{state}"}}'
        return Respond(200, body.encode(), ((b"content-type", b"application/json"),))

    return script


def _asked(faults: Faults) -> list[float]:
    return [request.moment for request in faults.history if request.kind == "document"]


async def _processing(app: App) -> Attempt:
    """A row that waits for its document, as an upload leaves it."""
    await raw(app.ledger).write(
        lambda conn: conn.execute(
            "INSERT INTO files (file_id, file_path, content_hash, size, mtime_ns, mime_type,"
            " gemini_state_updated_at) VALUES ('file', 'a.txt', 'hash', 10, 1, 'text/plain', 1.0)"
        )
    )
    ((row, attempt_id),) = await app.ledger.claim(app.run_id, [new_attempt_id()])
    attempt = Attempt(app, row, attempt_id)
    await attempt.mark_uploaded(operation=None, document=f"{app.store}/documents/waited-for")
    return attempt
