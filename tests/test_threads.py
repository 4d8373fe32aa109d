"""The seam to threads: a result is never lost, the limit holds, and virtual time is exact."""

import threading
import time

import pytest
import trio
import trio.testing

from objlib.threads import Runner, inline_runner, thread_runner


class Gate:
    """A function that a test starts and stops: it runs in a thread until it is let go."""

    def __init__(self) -> None:
        self.running = trio.Event()
        self.token = trio.lowlevel.current_trio_token()
        self.go = threading.Event()

    def __call__(self) -> str:
        self.token.run_sync_soon(self.running.set)
        assert self.go.wait(10), "the test never let go"
        return "done"


@pytest.mark.parametrize("runner", [thread_runner(1), inline_runner], ids=["threads", "inline"])
async def test_a_result_and_an_error_come_back(runner: Runner) -> None:
    assert await runner(lambda: 6 * 7) == 42
    with pytest.raises(ZeroDivisionError):
        await runner(lambda: 1 // 0)


async def test_a_caller_cancelled_while_its_function_runs_gets_the_result_first() -> None:
    """So "returned" means "committed", and a commit needs no shield."""
    run = thread_runner(1)
    gate = Gate()
    results = []

    async def caller() -> None:
        results.append(await run(gate))
        results.append("no checkpoint was cancelled in between")
        await trio.lowlevel.checkpoint()
        results.append("never reached")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(caller)
        await gate.running.wait()
        nursery.cancel_scope.cancel()
        gate.go.set()
    assert results == ["done", "no checkpoint was cancelled in between"]


@pytest.mark.parametrize("runner", [thread_runner(1), inline_runner], ids=["threads", "inline"])
async def test_a_caller_cancelled_beforehand_runs_nothing(runner: Runner) -> None:
    ran: list[int] = []
    with trio.CancelScope() as scope:
        scope.cancel()
        await runner(lambda: ran.append(1))
    assert scope.cancelled_caught
    assert not ran


async def test_a_caller_cancelled_in_the_queue_runs_nothing() -> None:
    run = thread_runner(1)
    gate = Gate()
    ran: list[int] = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(run, gate)
        await gate.running.wait()
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as beside:
                beside.start_soon(_cancel_when_all_wait, scope)
                await run(lambda: ran.append(1))
        gate.go.set()
    assert scope.cancelled_caught
    assert not ran


async def _cancel_when_all_wait(scope: trio.CancelScope) -> None:
    await trio.testing.wait_all_tasks_blocked()
    scope.cancel()


@pytest.mark.parametrize("tokens", [1, 3])
async def test_no_more_run_at_once_than_there_are_tokens(tokens: int) -> None:
    run = thread_runner(tokens)
    lock = threading.Lock()
    inside = 0
    most = 0
    # Each waits until all the tokens are in use, so the limit is reached as well as kept.
    full = threading.Barrier(tokens)

    def work() -> None:
        nonlocal inside, most
        with lock:
            inside += 1
            most = max(most, inside)
        full.wait(10)
        with lock:
            inside -= 1

    async with trio.open_nursery() as nursery:
        for _ in range(4 * tokens):
            nursery.start_soon(run, work)
    assert most == tokens
    assert inside == 0


async def test_a_runner_of_one_keeps_the_order_of_its_queue() -> None:
    run = thread_runner(1)
    gate = Gate()
    order: list[int] = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(run, gate)
        await gate.running.wait()
        for number in range(5):
            nursery.start_soon(run, lambda number=number: order.append(number))
            await trio.testing.wait_all_tasks_blocked()
        gate.go.set()
    assert order == [0, 1, 2, 3, 4]


async def test_two_runners_do_not_wait_for_each_other() -> None:
    slow, quick = thread_runner(1), thread_runner(1)
    gate = Gate()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(slow, gate)
        await gate.running.wait()
        assert await quick(lambda: "at once") == "at once"
        gate.go.set()


async def test_the_loop_goes_on_while_a_function_blocks() -> None:
    run = thread_runner(1)
    gate = Gate()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(run, gate)
        await gate.running.wait()
        for _ in range(100):
            await trio.lowlevel.checkpoint()
        gate.go.set()


@pytest.mark.usefixtures("autojump_clock")
async def test_inline_is_exact_under_a_virtual_clock() -> None:
    """No virtual second passes while the function runs, however long it takes and however many tasks sleep."""
    woken: list[float] = []

    async def sleeper() -> None:
        await trio.sleep(300)  # virtual, autojump
        woken.append(trio.current_time())

    def slow() -> int:
        deadline = time.perf_counter() + 0.05
        while time.perf_counter() < deadline:
            pass
        return threading.get_ident()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(sleeper)
        start = trio.current_time()
        with trio.fail_after(1):
            assert await inline_runner(slow) == threading.get_ident()
        assert trio.current_time() == start
        assert not woken
    assert woken == [start + 300]


async def test_inline_is_a_checkpoint() -> None:
    """A task that only uses the runner still lets the others in."""
    ran: list[str] = []

    async def other() -> None:
        ran.append("other")
        await trio.lowlevel.checkpoint()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(other)
        # Trio shuffles the tasks that may run, so it is after the second turn that the other has had its own.
        await inline_runner(lambda: None)
        await inline_runner(lambda: None)
        assert ran == ["other"]
