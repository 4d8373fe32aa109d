"""Two-stage stop."""

import os
import signal

import pytest
import trio

from objlib.core.events import Observer
from objlib.engine.shutdown import GRACE, InterruptedRun, stop_on_signals


async def test_the_first_signal_ends_the_intake_and_the_second_the_work() -> None:
    trace: list[str] = []
    with pytest.RaisesGroup(InterruptedRun, flatten_subgroups=True):
        async with stop_on_signals(Observer()) as drain:
            with drain.work():
                with drain.intake():
                    os.kill(os.getpid(), signal.SIGINT)
                    await trio.sleep_forever()
                trace.append("intake over")
                with drain.intake():
                    trace.append("no new intake begins")
                    await trio.lowlevel.checkpoint()
                    trace.append("unreachable")
                os.kill(os.getpid(), signal.SIGTERM)
                await trio.sleep_forever()
    assert trace == ["intake over", "no new intake begins"]


async def test_without_an_intake_the_first_signal_ends_the_work() -> None:
    with pytest.RaisesGroup(InterruptedRun, flatten_subgroups=True):
        async with stop_on_signals(Observer()) as drain:
            with drain.work():
                os.kill(os.getpid(), signal.SIGINT)
                await trio.sleep_forever()


@pytest.mark.parametrize(
    ("changes", "words"), [(True, "interrupted; nothing is lost: .*recover"), (False, "interrupted$")]
)
async def test_only_work_that_changes_something_leaves_something_to_finish(changes: bool, words: str) -> None:
    with pytest.RaisesGroup(pytest.RaisesExc(InterruptedRun, match=words), flatten_subgroups=True):
        async with stop_on_signals(Observer(), listen=False) as drain:
            with drain.work(changes=changes):
                drain.stop()
                await trio.sleep_forever()


async def test_the_work_in_flight_gets_its_grace_and_no_more() -> None:
    with pytest.RaisesGroup(InterruptedRun, flatten_subgroups=True):
        async with stop_on_signals(Observer()) as drain:
            with drain.work():
                with drain.intake():
                    drain.stop()
                    await trio.sleep_forever()
                began = trio.current_time()
                try:
                    await trio.sleep_forever()
                finally:
                    assert trio.current_time() - began == pytest.approx(GRACE)
