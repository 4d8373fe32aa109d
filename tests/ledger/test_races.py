"""Races for one row: tasks, ledgers on one file, and processes."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import pytest
import trio

from objlib.core.config.ledger_url import LedgerUrl
from objlib.core.errors import StaleTransitionError
from objlib.core.ids import FileId, new_attempt_id
from objlib.core.lifecycle.table import Event, State
from objlib.ledger import FileRow, Ledger, open_ledger
from tests.support.ledger import add, add_many, fresh, gather, wanted


def claim(ledger: Ledger, row: FileRow) -> Callable[[], Awaitable[FileRow]]:
    """A try at claiming a file."""
    return partial(ledger.apply, wanted(Event.START_UPLOAD, row, new_attempt_id()))


async def test_ten_tasks_on_one_file_are_one_success(ledger: Ledger) -> None:
    row = await add(ledger)
    results = await gather(*(claim(ledger, row) for _ in range(10)))
    assert Counter(type(result) for result in results) == {FileRow: 1, StaleTransitionError: 9}
    assert (await fresh(ledger, row.file_id)).version == 1
    events, attempts = await ledger.files.history(row.file_id)
    assert Counter(event.outcome for event in events) == {"success": 1, "rejected": 9}
    assert len(attempts) == 1


async def test_ten_tasks_on_ten_files_all_succeed(ledger: Ledger) -> None:
    rows = await add_many(ledger, 10)
    results = await gather(*(claim(ledger, row) for row in rows))
    assert Counter(type(result) for result in results) == {FileRow: 10}


async def test_two_ledgers_on_one_file_share_the_work(path: Path) -> None:
    async with open_ledger(path) as one, open_ledger(path) as two:
        rows = await add_many(one, 40)
        results = await gather(*(claim(ledger, row) for row in rows for ledger in (one, two)))
        assert Counter(type(result) for result in results) == {FileRow: 40, StaleTransitionError: 40}
        for row in rows:
            assert await fresh(one, row.file_id) == await fresh(two, row.file_id)
        assert (await two.files.counts(now=two.now())).states[State.UPLOADING] == 40


RACER = """
import sys, trio
from pathlib import Path
from objlib.core.config.parsers import ledger_place
from objlib.core.errors import StaleTransitionError
from objlib.core.ids import RunId, new_attempt_id
from objlib.ledger import Move, open_ledger
import json

won, lost = [], []

async def claim(ledger, row, run):
    try:
        await ledger.apply(Move(row, run, new_attempt_id()).start_upload())
        won.append(row.file_id)
    except StaleTransitionError:
        lost.append(row.file_id)

async def main(place, run, tries):
    async with open_ledger(place, create=False) as ledger:
        rows = await ledger.files.claimable(now=0, limit=1000)
        print("ready", flush=True)
        sys.stdin.readline()
        async with trio.open_nursery() as nursery:
            for row in rows:
                for _ in range(tries):
                    nursery.start_soon(claim, ledger, row, run)
    print(json.dumps({"won": won, "lost": len(lost)}), flush=True)

trio.run(main, ledger_place(sys.argv[1], Path(), Path()), RunId(sys.argv[2]), int(sys.argv[3]))
"""


def race(place: Path | LedgerUrl, tries: dict[str, int]) -> dict[str, tuple[list[FileId], int]]:
    """Start a process for each name at once; each tries to claim every file so often. The wins and losses of each."""
    address = f"{place.conninfo}&schema={place.schema}" if isinstance(place, LedgerUrl) else str(place)
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", RACER, address, name, str(number)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for name, number in tries.items()
    ]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    results = [json.loads(racer.communicate(timeout=60)[0]) for racer in racers]
    assert [racer.returncode for racer in racers] == [0] * len(tries)
    return {name: (result["won"], result["lost"]) for name, result in zip(tries, results, strict=True)}


async def test_two_processes_claim_every_file_once(path: Path) -> None:
    async with open_ledger(path) as ledger:
        rows = await add_many(ledger, 300)
    results = await trio.to_thread.run_sync(race, path, {"one": 1, "two": 1})
    claimed = sorted(file_id for won, _ in results.values() for file_id in won)
    assert claimed == [row.file_id for row in rows]
    assert sum(lost for _, lost in results.values()) == len(rows)
    async with open_ledger(path) as ledger:
        assert {row.version for row in await ledger.files.page()} == {1}
        for name, (won, _) in results.items():
            for file_id in won:
                _, (attempt,) = await ledger.files.history(file_id)
                assert attempt.run_id == name


async def test_ten_tasks_of_four_processes_want_the_same_files_and_each_is_won_once(
    place: Path | LedgerUrl,
) -> None:
    async with open_ledger(place) as ledger:
        rows = await add_many(ledger, 10)
    tries = {"one": 3, "two": 3, "three": 2, "four": 2}
    results = await trio.to_thread.run_sync(race, place, tries)
    assert sorted(file_id for won, _ in results.values() for file_id in won) == [row.file_id for row in rows]
    assert sum(lost for _, lost in results.values()) == 9 * len(rows)
    async with open_ledger(place) as ledger:
        for row in rows:
            events, _ = await ledger.files.history(row.file_id)
            assert Counter(event.outcome for event in events) == {"success": 1, "rejected": 9}


async def test_a_row_that_came_back_to_its_state_is_another_than_before(ledger: Ledger) -> None:
    """The state alone does not tell; the version does."""
    row, attempt = await add(ledger), new_attempt_id()
    claimed = await ledger.apply(wanted(Event.START_UPLOAD, row, attempt))
    back = await ledger.apply(wanted(Event.REQUEUE_UPLOAD, claimed, attempt))
    assert back.state is row.state
    with pytest.raises(StaleTransitionError):
        await ledger.apply(wanted(Event.START_UPLOAD, row, new_attempt_id()))
    assert await fresh(ledger, row.file_id) == back
