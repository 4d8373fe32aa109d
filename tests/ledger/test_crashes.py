"""A process that dies at any statement of a transition leaves the whole of it, or nothing."""

import json
import os
import sys
from pathlib import Path

import pytest
import trio

from objlib.core.lifecycle.table import Event, State
from objlib.ledger import open_ledger
from objlib.threads import inline_runner

CRASHER = '''
import json, os, sys
from pathlib import Path
import trio
from objlib.core.lifecycle.table import Event, State
from objlib.core.ids import AttemptId
from objlib.ledger import open_ledger
from objlib.testing.databases import raw
from objlib.threads import inline_runner
from tests.support.ledger import add, bring, index, reset, wanted

HALT = 17

async def live(path, event, state, point):
    """Take one transition, and die at its point-th statement."""
    left = [point]

    def step(statement):
        left[0] -= 1
        if left[0] == 0:
            os._exit(HALT)

    async with open_ledger(path, runner=inline_runner, now=lambda: 5.0) as ledger:
        row = await add(ledger)
        row = await reset(ledger, await index(ledger, row, "d1"))
        row = await reset(ledger, await index(ledger, row, "d2"))
        row, attempt = await bring(ledger, row, state)
        if event is Event.START_UPLOAD:
            attempt = AttemptId("fresh")
        await raw(ledger).read(lambda conn: conn.set_trace_callback(step))
        await ledger.apply(wanted(event, row, attempt))
        os._exit(0)

folder, event, state = Path(sys.argv[1]), Event(sys.argv[2]), State(sys.argv[3])
for point in range(1, 100):
    child = os.fork()
    if child == 0:
        trio.run(live, folder / f"{point}.db", event, state, point)
    if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != HALT:
        break
print(json.dumps(point))
'''


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork to be quick")
@pytest.mark.parametrize(
    ("event", "state"),
    [
        (Event.START_UPLOAD, State.UNTRACKED),
        (Event.COMPLETE_PROCESSING, State.PROCESSING),
    ],
)
async def test_a_crash_at_any_statement_leaves_all_or_nothing(
    tmp_path: Path, event: Event, state: State
) -> None:
    crashed = await trio.run_process(
        [sys.executable, "-c", CRASHER, str(tmp_path), event, state],
        cwd=Path(__file__).parents[2],
        capture_stdout=True,
    )
    points = int(json.loads(crashed.stdout))
    assert points > 6
    outcomes = []
    for point in range(1, points + 1):
        async with open_ledger(tmp_path / f"{point}.db", runner=inline_runner) as ledger:
            (row,) = await ledger.files.page()
            events, attempts = await ledger.files.history(row.file_id)
            outcomes.append(row.state is not state)
            assert row.version == len(events)
            assert events[-1].to_state is row.state
            assert len(attempts) == sum(one.event is Event.START_UPLOAD for one in events)
            assert len(await ledger.intents.page()) == (row.document not in {None, "d2"})
    # After the commit there is one statement more, about how long the connection waits for locks.
    assert outcomes == [False] * (points - 2) + [True] * 2
