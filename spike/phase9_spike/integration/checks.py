"""The four tests of the scaffold."""

import gc
import weakref
from functools import partial

import trio

from objlib.core.errors import StaleTransitionError, TransitionNotAllowedError
from objlib.core.lifecycle.table import Event
from objlib.ledger import FileRow, Ledger
from spike.evidence import Seen
from spike.phase9_spike.bench import Bench, at_once
from spike.phase9_spike.db import read_file_state
from spike.phase9_spike.integration.scaffold import FileLockManager, FileTransitionManager
from spike.phase9_spike.protocol import FileStateMachineProtocol

HAPPY = (Event.START_UPLOAD, Event.COMPLETE_UPLOAD, Event.COMPLETE_PROCESSING)


async def a_lock_is_one_files(bench: Bench) -> Seen:
    """Two of one file take turns, two of different files do not, and no lock outlives its users."""
    locks = FileLockManager()
    inside: dict[str, int] = {}
    most: dict[str, int] = {}
    together = 0

    async def visit(file_id: str) -> None:
        nonlocal together
        async with locks.hold(file_id):
            inside[file_id] = inside.get(file_id, 0) + 1
            most[file_id] = max(most.get(file_id, 0), inside[file_id])
            for _ in range(5):
                await trio.lowlevel.checkpoint()
                together = max(together, sum(inside.values()))
            inside[file_id] -= 1

    await at_once(*(partial(visit, file_id) for file_id in ("a", "b") for _ in range(5)))
    passed = most == {"a": 1, "b": 1} and together == 2 and len(locks) == 0
    return passed, (
        f"{bench.candidate.name}: at most {max(most.values())} in one lock, {together} in two, "
        f"{len(locks)} locks left"
    )


async def a_file_goes_all_the_way(bench: Bench) -> Seen:
    """Three transitions, each by a machine of its own that is gone afterwards, each read back."""
    machines: list[weakref.ref[FileStateMachineProtocol]] = []

    def make(ledger: Ledger, row: FileRow) -> FileStateMachineProtocol:
        machine = bench.candidate.make(ledger, row)
        assert isinstance(machine, FileStateMachineProtocol), "the adapter does not follow the protocol"
        assert machine.current_state == row.state
        machines.append(weakref.ref(machine))
        return machine

    async with bench.opened() as (ledger, (file_id,)):
        manager = FileTransitionManager(ledger, make, bench.collector, FileLockManager())
        rows = [await manager.trigger(file_id, event) for event in HAPPY]
        kept = await read_file_state(ledger.path, file_id)
        events, _ = await ledger.files.history(file_id)
    gc.collect()
    alive = sum(ref() is not None for ref in machines)
    passed = (
        [str(row.state) for row in rows] == ["uploading", "processing", "indexed"]
        and kept == ("indexed", 3)
        and [event.event for event in events] == list(HAPPY)
        and len(machines) == 3
        and alive == 0
    )
    return (
        passed,
        f"{len(machines)} machines, {alive} alive; {kept[0]}, version {kept[1]}; {len(events)} events",
    )


async def a_wrong_event_changes_nothing(bench: Bench) -> Seen:
    """Every event that has no edge from untracked, and one that does not exist, is refused and recorded."""
    async with bench.opened() as (ledger, (file_id,)):
        manager = bench.manager(ledger, locks=FileLockManager())
        row = await ledger.files.get(file_id)
        assert row is not None
        wrong = [*HAPPY[1:], Event.FAIL_UPLOAD, Event.FAIL_PROCESSING, "nonsense"]
        before = len(bench.collector.lines)
        refused = offered = 0
        for event in wrong:
            offered += await bench.candidate.make(ledger, row).can_trigger(event)
            try:
                await manager.trigger(file_id, event)
            except TransitionNotAllowedError:
                refused += 1
        kept = await read_file_state(ledger.path, file_id)
        willing = await bench.candidate.make(ledger, row).can_trigger(Event.START_UPLOAD)
    outcomes = [event["outcome"] for event in bench.collector.events()[before:]]
    passed = (
        refused == len(wrong)
        and offered == 0
        and willing
        and kept == ("untracked", 0)
        and outcomes == ["rejected"] * len(wrong)
    )
    return (
        passed,
        f"{refused} of {len(wrong)} refused, {len(outcomes)} recorded; {kept[0]}, version {kept[1]}",
    )


async def a_machine_from_yesterday_is_stale(bench: Bench) -> Seen:
    """A machine made before a rival moved the file changes nothing, and the rival's move stands."""
    async with bench.opened() as (ledger, (file_id,)):
        row = await ledger.files.get(file_id)
        assert row is not None
        old = bench.candidate.make(ledger, row)
        manager = bench.manager(ledger, locks=FileLockManager())
        for event in HAPPY[:2]:
            await manager.trigger(file_id, event)
        stale = 0
        try:
            await old.trigger(Event.START_UPLOAD)
        except StaleTransitionError:
            stale += 1
        kept = await read_file_state(ledger.path, file_id)
    return stale == 1 and kept == ("processing", 2), f"{stale} refused as stale; {kept[0]}, version {kept[1]}"
