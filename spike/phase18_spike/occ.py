"""Pattern 2: a compare-and-set that lost reads the row afresh and tries again."""

import random
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Final, TypeVar

import trio

from objlib.core.errors import GuardRejectedError, StaleTransitionError
from objlib.core.ids import FileId, new_id
from objlib.core.lifecycle.table import Event, State
from objlib.core.pacing.backoff import backoff
from objlib.ledger import FileRow, Ledger, open_ledger
from objlib.threads import Runner, inline_runner
from spike.evidence import Seen
from spike.phase9_spike.adapters.base import take
from spike.phase9_spike.bench import at_once
from spike.phase9_spike.db import init_spike_db
from spike.phase9_spike.invariants import check_db_invariants

T = TypeVar("T")

RIVALS: Final = 10


async def occ_transition(fn: Callable[[], Awaitable[T]], max_attempts: int = 5, base_delay: float = 0.1) -> T:
    """Return the result of ``fn``; a stale call is repeated after a pause, so that its rival can finish.

    Args:
        fn: reads the row, decides and takes the transition, all of it each time. It must be safe to call again
            after a :class:`StaleTransitionError`, which is certain to have changed nothing.
        max_attempts: how often it is called at most.
        base_delay: the span of the first pause in seconds; it doubles, with jitter (`core.pacing.backoff`).

    Raises:
        StaleTransitionError: the last attempt was stale too.
        Exception: anything else that ``fn`` raises, at once.
    """
    for attempt in range(1, max_attempts):
        try:
            return await fn()
        except StaleTransitionError:
            pause = backoff(attempt, jitter=random.random(), base=base_delay)
        await trio.sleep(pause)
    return await fn()


async def ten_increments(folder: Path) -> Seen:
    """Ten tasks on two ledgers, threads and a disk: many meet again, so each may try ten times. Real time."""
    return await _increments(folder, None, attempts=RIVALS)


async def ten_increments_by_default(folder: Path) -> Seen:
    """The same with five attempts, where only the pauses take time: no two tasks meet twice. Virtual time."""
    return await _increments(folder, inline_runner, attempts=5)


async def _increments(folder: Path, runner: Runner | None, *, attempts: int) -> Seen:
    """Ten tasks each raise one row's version once; all have read it before any writes."""
    db = folder / f"{new_id()}.db"
    (file_id,) = await init_spike_db(db, runner=runner)
    calls = [0] * RIVALS
    everybody_has_read = Meeting(RIVALS)

    async def increment(ledger: Ledger, rival: int) -> int:
        calls[rival] += 1
        row = await _row(ledger, file_id)
        if calls[rival] == 1:
            await everybody_has_read.wait()
        event = Event.START_UPLOAD if row.state is State.UNTRACKED else Event.REQUEUE_UPLOAD
        return (await take(ledger, row, event)).version

    async with AsyncExitStack() as stack:
        ledgers = [await stack.enter_async_context(open_ledger(db, runner=runner)) for _ in range(2)]
        results = await at_once(
            *(
                partial(occ_transition, partial(increment, ledgers[rival % 2], rival), max_attempts=attempts)
                for rival in range(RIVALS)
            )
        )
        row = await _row(ledgers[0], file_id)
        events, _ = await ledgers[0].files.history(file_id)
    won = sorted(result for result in results if isinstance(result, int))
    stale = sum(event.outcome == "rejected" for event in events)
    retries = sum(calls) - RIVALS
    problems = check_db_invariants(db)
    passed = (
        row.version == RIVALS
        and won == list(range(1, RIVALS + 1))
        and retries == stale >= RIVALS - 1
        and not problems
    )
    return passed, (
        f"the counter is {row.version}, {len(won)} succeeded once each, {retries} retries = {stale} stale events, "
        f"at most {max(calls)} calls by one task"
    )


class Meeting:
    """A point at which ``count`` tasks wait until all have arrived."""

    def __init__(self, expected: int) -> None:
        self._missing = expected
        self._all = trio.Event()

    async def wait(self) -> None:
        """Arrive, and wait for the others."""
        self._missing -= 1
        if not self._missing:
            self._all.set()
        await self._all.wait()


async def _row(ledger: Ledger, file_id: FileId) -> FileRow:
    row = await ledger.files.get(file_id)
    assert row is not None
    return row


async def exhausted(_folder: Path) -> Seen:
    """A rival who is always first: five attempts, four pauses that grow, then the error. Virtual time."""
    moments: list[float] = []

    async def always_late() -> None:
        moments.append(trio.current_time())
        await trio.lowlevel.checkpoint()
        raise StaleTransitionError("f", 0)

    raised = 0
    try:
        await occ_transition(always_late)
    except StaleTransitionError:
        raised += 1
    pauses = [after - before for before, after in pairwise(moments)]
    spans = [0.1, 0.2, 0.4, 0.8]
    within = [0.25 * span <= pause <= span for pause, span in zip(pauses, spans, strict=True)]
    listed = ", ".join(f"{pause:.3f}" for pause in pauses)
    return raised == 1 and len(moments) == 5 and all(
        within
    ), f"{len(moments)} attempts, pauses {listed} s, {raised} error"


async def other_errors_are_not_retried(_folder: Path) -> Seen:
    """A guard that says no is no race: one attempt. And a pause can be cancelled at once. Virtual time."""
    calls = 0

    async def refused() -> None:
        nonlocal calls
        calls += 1
        await trio.lowlevel.checkpoint()
        raise GuardRejectedError("f", "start_upload", "not now")

    raised = 0
    try:
        await occ_transition(refused)
    except GuardRejectedError:
        raised += 1
    began = trio.current_time()

    async def late() -> None:
        await trio.lowlevel.checkpoint()
        raise StaleTransitionError("f", 0)

    with trio.move_on_after(1) as scope:
        await occ_transition(late, base_delay=60)
    waited = trio.current_time() - began
    passed = calls == 1 and raised == 1 and scope.cancelled_caught and waited == 1
    return passed, f"{calls} call, {raised} error; a pause of 15 s or more was cancelled after {waited:g} s"
