"""The seam through which blocking work leaves the event loop.

Production uses :func:`thread_runner`; virtual-time tests pass :func:`inline_runner`, because trio's
autojump clock takes a task that waits for a thread to be idle and jumps ahead (trio issue 456).
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final, Protocol, TypeVar

import trio

T = TypeVar("T")


class Runner(Protocol):
    """Runs a blocking function to its end and gives back its result; never abandons it."""

    async def __call__(self, fn: Callable[[], T], /) -> T:
        """Run ``fn``. If the caller is cancelled while it runs, the result still comes back first."""
        ...


def thread_runner(tokens: int) -> Runner:
    """A runner over worker threads with a small limiter of its own.

    The default limiter of trio is shared with DNS look-ups and file opens, so long work never uses it.
    Since ``abandon_on_cancel`` stays False, "returned" means "done": a commit needs no shield.

    Args:
        tokens: how many functions may run at once; 1 makes the runner a queue.
    """
    limiter = trio.CapacityLimiter(tokens)

    async def run(fn: Callable[[], T], /) -> T:
        return await trio.to_thread.run_sync(fn, limiter=limiter)

    return run


async def inline_runner(fn: Callable[[], T], /) -> T:
    """Run ``fn`` right here, after a checkpoint: exact under a virtual clock."""
    await trio.lowlevel.checkpoint()
    return fn()


TURN_SECONDS: Final = 0.0005
"""How long a thread that computes keeps the interpreter from the others; Python's own 5 ms are for throughput."""


@contextmanager
def short_turns() -> Iterator[None]:
    """Let threads take shorter turns: a search goes through the interpreter a dozen times while another indexes."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(min(usual, TURN_SECONDS))
    try:
        yield
    finally:
        sys.setswitchinterval(usual)


def checkpoint_in_thread() -> None:
    """Raise trio's Cancelled where the caller of a :class:`Runner` was cancelled meanwhile; for long functions.

    Nothing happens where the function runs inline.
    """
    with suppress(RuntimeError):
        trio.from_thread.check_cancelled()
