"""Races of ten tasks for one file: with the lock, without it, and between processes."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final

import trio

from objlib.core.errors import StaleTransitionError, TransitionError, TransitionNotAllowedError
from objlib.core.ids import FileId
from objlib.core.lifecycle.table import Event
from objlib.ledger import FileRow, open_ledger
from objlib.threads import thread_runner
from spike.evidence import Seen
from spike.phase9_spike.bench import Bench, at_once
from spike.phase9_spike.candidates import CANDIDATES
from spike.phase9_spike.db import read_file_state
from spike.phase9_spike.integration.scaffold import FileLockManager
from spike.phase9_spike.protocol import FileStateMachineProtocol

RIVALS: Final = 10
ROOT: Final = Path(__file__).parents[2]


async def with_the_lock(bench: Bench) -> Seen:
    """Ten managers' calls on one file: the lock lets one in at a time, and nine find no edge."""
    async with bench.opened() as (ledger, (file_id,)):
        manager = bench.manager(ledger, locks=FileLockManager())
        results = await at_once(*[partial(manager.trigger, file_id, Event.START_UPLOAD)] * RIVALS)
        kept = await read_file_state(ledger.path, file_id)
    return _one_winner(results, TransitionNotAllowedError, kept)


async def without_the_lock(bench: Bench) -> Seen:
    """Ten machines made from the same reading of one file: compare-and-set lets one through."""
    async with bench.opened() as (ledger, (file_id,)):
        row = await ledger.files.get(file_id)
        assert row is not None
        machines = [bench.candidate.make(ledger, row) for _ in range(RIVALS)]
        results = await at_once(*(partial(machine.trigger, Event.START_UPLOAD) for machine in machines))
        kept = await read_file_state(ledger.path, file_id)
        events, _ = await ledger.files.history(file_id)
        logged = Counter(event.outcome for event in events)
    passed, evidence = _one_winner(results, StaleTransitionError, kept)
    return passed and logged == {"success": 1, "rejected": RIVALS - 1}, f"{evidence}; log: {_told(logged)}"


async def ten_files(bench: Bench) -> Seen:
    """Ten different files: no task waits for another."""
    async with bench.opened(RIVALS) as (ledger, ids):
        manager = bench.manager(ledger, locks=FileLockManager())
        results = await at_once(*(partial(manager.trigger, file_id, Event.START_UPLOAD) for file_id in ids))
        kept = {await read_file_state(ledger.path, file_id) for file_id in ids}
    won = sum(isinstance(result, FileRow) for result in results)
    return won == RIVALS and kept == {
        ("uploading", 1)
    }, f"{won} of {RIVALS} files moved, all at {_sorted(kept)}"


async def across_processes(bench: Bench) -> Seen:
    """Ten attempts at one file from several processes, which all start at one word."""
    path, (file_id,) = await bench.database(1)
    processes, each = bench.processes, RIVALS // bench.processes
    answers = await trio.to_thread.run_sync(
        partial(_race, path, bench.candidate.name, file_id, processes, each)
    )
    total = sum(answers, Counter[str]())
    kept = await read_file_state(path, file_id)
    passed = total == {"won": 1, "StaleTransitionError": RIVALS - 1} and kept == ("uploading", 1)
    return passed, f"{processes} processes x {each}: {_told(total)}; {kept[0]}, version {kept[1]}"


def _one_winner(results: Sequence[object], loser: type[Exception], kept: tuple[str, int]) -> Seen:
    won = sum(not isinstance(result, Exception) for result in results)
    lost = Counter(type(result).__name__ for result in results if isinstance(result, Exception))
    passed = won == 1 and lost == {loser.__name__: RIVALS - 1} and kept == ("uploading", 1)
    return passed, f"{won} success, {_told(lost)}; {kept[0]}, version {kept[1]}"


def _told(counted: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counted.items()))


def _sorted(kept: set[tuple[str, int]]) -> str:
    return ", ".join(f"{state} version {version}" for state, version in sorted(kept))


def _race(path: Path, candidate: str, file_id: str, processes: int, each: int) -> list[Counter[str]]:
    command = [sys.executable, "-m", "spike.phase9_spike.races", str(path), candidate, file_id, str(each)]
    racers = [
        subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(processes)
    ]
    try:
        for racer in racers:
            assert racer.stdout is not None
            racer.stdout.readline()
        for racer in racers:
            assert racer.stdin is not None
            racer.stdin.write("go\n")
            racer.stdin.flush()
        return [Counter(json.loads(racer.communicate(timeout=60)[0])) for racer in racers]
    finally:
        for racer in racers:
            racer.kill()
            racer.communicate()


async def _racer(path: Path, candidate: str, file_id: str, each: int) -> Counter[str]:
    """In the other process: read, report it, wait for the signal, and start ``count`` machines at once."""
    async with open_ledger(path, create=False) as ledger:
        row = await ledger.files.get(FileId(file_id))
        assert row is not None
        machines = [CANDIDATES[candidate].make(ledger, row) for _ in range(each)]
        print("ready", flush=True)
        await thread_runner(1)(sys.stdin.readline)
        results = await at_once(*(partial(_outcome, machine) for machine in machines))
        return Counter(str(result) for result in results)


async def _outcome(machine: FileStateMachineProtocol) -> str:
    try:
        await machine.trigger(Event.START_UPLOAD)
    except TransitionError as error:
        return type(error).__name__
    return "won"


if __name__ == "__main__":
    outcome = trio.run(_racer, Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4]))
    print(json.dumps(outcome))
