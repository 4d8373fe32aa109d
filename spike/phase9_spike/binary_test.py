"""The question before all others: is an async guard, with a database read inside, awaited under trio?

Each candidate answers in a process of its own, because a library that makes an event loop of asyncio inside
trio's thread, or hangs, must not touch the other checks. Under asyncio, for which the libraries were written, the
same test is the control: a candidate that fails there was only used wrongly.
"""

import asyncio
import json
import sys
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

import trio

from objlib.core.errors import GuardRejectedError
from objlib.ledger import open_ledger
from spike.evidence import short_trace
from spike.phase9_spike.adapters.base import AsyncGuard
from spike.phase9_spike.candidates import CANDIDATES, Candidate
from spike.phase9_spike.db import make_spike_db, peek
from spike.phase9_spike.old_design import compare_and_set
from spike.phase9_spike.protocol import FileStateMachineProtocol

T = TypeVar("T")

TIMEOUT: Final = 60.0
"""Seconds that a candidate gets for all of its cases."""

Hop = Callable[[Callable[[], T]], Awaitable[T]]
"""How blocking work leaves the event loop: trio's way or asyncio's."""

Trigger = Callable[[str, str, AsyncGuard | None], Awaitable[str]]
"""Makes a machine that starts at (file id, state) and sends it its event under a guard; the state it ends at."""


@dataclass(frozen=True, slots=True)
class Case:
    """The result of one candidate in one case under one event loop."""

    case: str
    loop: str
    passed: bool
    evidence: str
    trace: str = ""


@dataclass(slots=True)
class Guard:
    """A guard that waits for a database read in a thread, and remembers that it got to its end."""

    db: Path
    file_id: str
    hop: Hop[tuple[str, int]]
    answer: str | None = None
    finished: int = 0
    saw: str = ""

    async def __call__(self) -> str | None:
        """Read, wait, and answer."""
        state, _ = await self.hop(partial(peek, self.db, self.file_id))
        self.saw = state
        self.finished += 1
        return self.answer


async def three_cases(loop: str, db: Path, ids: list[str], hop: Hop[Any], trigger: Trigger) -> list[Case]:
    """Awaited and passes; the guard says no; a start value as a string out of the database."""
    passes, refused, later = ids
    return [
        await _case(loop, "awaited and passes", partial(_passes, db, passes, hop, trigger)),
        await _case(loop, "guard says no", partial(_refuses, db, refused, hop, trigger)),
        await _case(loop, "start value as a string", partial(_starts_later, db, later, hop, trigger)),
    ]


async def _case(loop: str, name: str, body: Callable[[], Awaitable[str]]) -> Case:
    try:
        return Case(name, loop, passed=True, evidence=await body())
    except Exception as error:
        message = str(error).splitlines() or [""]
        return Case(
            name,
            loop,
            passed=False,
            evidence=f"{type(error).__name__}: {message[0]}",
            trace=short_trace(error),
        )


async def _passes(db: Path, file_id: str, hop: Hop[Any], trigger: Trigger) -> str:
    guard = Guard(db, file_id, hop)
    state = await trigger(file_id, "untracked", guard)
    kept = await hop(partial(peek, db, file_id))
    assert guard.finished == 1, f"the guard ran to its end {guard.finished} times"
    assert guard.saw == "untracked", f"the guard read {guard.saw!r}"
    assert state == "uploading", f"the machine says {state}"
    assert kept == ("uploading", 1), f"the database says {kept}"
    return f"guard awaited 1 time, read {guard.saw!r}; database: {kept[0]}, version {kept[1]}"


async def _refuses(db: Path, file_id: str, hop: Hop[Any], trigger: Trigger) -> str:
    guard = Guard(db, file_id, hop, answer="not now")
    try:
        await trigger(file_id, "untracked", guard)
    except GuardRejectedError as error:
        refusal = str(error)
    else:
        raise AssertionError("it went through against the guard")
    kept = await hop(partial(peek, db, file_id))
    assert guard.finished == 1, f"the guard ran to its end {guard.finished} times"
    assert refusal.endswith("not now"), refusal
    assert kept == ("untracked", 0), f"the database says {kept}"
    return f"guard awaited 1 time, refused; database: {kept[0]}, version {kept[1]}"


async def _starts_later(db: Path, file_id: str, hop: Hop[Any], trigger: Trigger) -> str:
    guard = Guard(db, file_id, hop)
    await trigger(file_id, "untracked", None)
    stored, _ = await hop(partial(peek, db, file_id))
    assert type(stored) is str, "the state did not come out of the database as a plain string"
    state = await trigger(file_id, stored, guard)
    kept = await hop(partial(peek, db, file_id))
    assert guard.finished == 1, f"the guard ran to its end {guard.finished} times"
    assert state == "processing", f"the machine says {state}"
    assert kept == ("processing", 2), f"the database says {kept}"
    return f"started at {stored!r}; database: {kept[0]}, version {kept[1]}"


NEXT: Final = {"untracked": "start_upload", "uploading": "complete_upload"}
"""The event that each case sends, by where its machine starts."""


async def under_trio(candidate: Candidate, db: Path, ids: list[str]) -> list[Case]:
    """All cases under trio, over the shipped ledger."""
    async with open_ledger(db) as ledger:

        async def trigger(file_id: str, start: str, guard: AsyncGuard | None) -> str:
            rows = await ledger.files.page()
            (row,) = (row for row in rows if row.file_id == file_id)
            assert str(row.state) == start
            machine = candidate.make(ledger, row)
            return await _send(machine, start, guard)

        return await three_cases("trio", db, ids, trio.to_thread.run_sync, trigger)


async def under_asyncio(candidate: Candidate, db: Path, ids: list[str]) -> list[Case]:
    """All cases under asyncio, over a plain compare-and-set: the control."""
    make = candidate.anywhere
    assert make is not None

    async def trigger(file_id: str, start: str, guard: AsyncGuard | None) -> str:
        async def commit(event: str) -> None:
            await compare_and_set(db, file_id, event)

        return await _send(make(file_id, start, commit), start, guard)

    return await three_cases("asyncio", db, ids, asyncio.to_thread, trigger)


async def _send(machine: FileStateMachineProtocol, start: str, guard: AsyncGuard | None) -> str:
    await machine.trigger(NEXT[start], guard=guard)
    return machine.current_state


def answer(candidate: Candidate) -> list[Case]:
    """All cases of one candidate in this process: under asyncio where it can run there, then under trio."""
    cases: list[Case] = []
    with tempfile.TemporaryDirectory() as folder:
        if candidate.anywhere is not None:
            db = Path(folder) / "asyncio.db"
            ids: list[str] = list(make_spike_db(db, 3))
            cases += asyncio.run(under_asyncio(candidate, db, ids))
        db = Path(folder) / "trio.db"
        ids = list(make_spike_db(db, 3))
        try:
            cases += trio.run(under_trio, candidate, db, ids)
        except Exception as error:  # a library can bring down trio itself
            trace = short_trace(error.__cause__ or error)
            cases.append(
                Case("any", "trio", passed=False, evidence=f"trio.run ended: {error!r}", trace=trace)
            )
    return cases


async def ask(name: str) -> list[Case]:
    """All cases of one candidate, from a process of its own."""
    command = [sys.executable, "-m", "spike.phase9_spike.binary_test", name]
    try:
        with trio.fail_after(TIMEOUT):
            done = await trio.run_process(
                command, cwd=Path(__file__).parents[2], capture_stdout=True, capture_stderr=True, check=False
            )
    except trio.TooSlowError:
        return [Case("any", "trio", passed=False, evidence=f"no answer within {TIMEOUT:g} s")]
    if done.returncode:
        last = done.stderr.decode().splitlines()[-1:]
        return [Case("any", "trio", passed=False, evidence=f"exit {done.returncode}: {''.join(last)}")]
    return [Case(**case) for case in json.loads(done.stdout.decode().splitlines()[-1])]


def passed(cases: list[Case]) -> bool:
    """Whether a candidate may take part: every case under trio, and there are all three of them."""
    trios = [case.passed for case in cases if case.loop == "trio"]
    return trios == [True] * 3


if __name__ == "__main__":
    cases = [asdict(case) for case in answer(CANDIDATES[sys.argv[1]])]
    print(json.dumps(cases))
