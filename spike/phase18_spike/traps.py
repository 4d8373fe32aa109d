"""Poll loops with a fault each, among them the one that started all this; the judge has to catch every one.

The old design's loop stood inside ``async for attempt in AsyncRetrying(...): with attempt:`` and returned from there.
A retry block retries what *raises*; an answer of "not done" does not raise, so the first one was returned as if it were
the value. No error was thrown, and the spike that looked for errors passed it.
"""

from pathlib import Path
from typing import Final

import trio

from spike.evidence import Seen
from spike.phase18_spike.polling import Ask, PassingError, PollLoop, judge


async def returns_inside_its_retry_block(ask: Ask, /) -> str | None:
    """The trap: whatever the question answers is returned, "not done" too."""
    for _ in range(10):
        try:
            return await ask()
        except PassingError:
            await trio.sleep(0.1)
    return None


async def retries_everything(ask: Ask, /) -> str | None:
    """A permanent error is retried without end."""
    while True:
        try:
            value = await ask()
        except Exception:
            value = None
        if value is not None:
            return value
        await trio.sleep(0.1)


async def retries_nothing(ask: Ask, /) -> str | None:
    """A passing error ends it."""
    while True:
        value = await ask()
        if value is not None:
            return value
        await trio.sleep(0.1)


async def asks_without_a_pause(ask: Ask, /) -> str | None:
    """Three questions in no time: a poll loop that is a flood."""
    for _ in range(1000):
        try:
            value = await ask()
        except PassingError:
            value = None
        if value is not None:
            return value
    return None


async def asks_once_more(ask: Ask, /) -> str | None:
    """Two values come of one document: the second answer is returned."""
    while True:
        try:
            if await ask() is not None:
                return await ask()
        except PassingError:
            pass
        await trio.sleep(0.1)


async def cannot_be_stopped(ask: Ask, /) -> str | None:
    """The deadline of its caller passes it by."""
    with trio.move_on_after(600, shield=True):
        while True:
            try:
                value = await ask()
            except PassingError:
                value = None
            if value is not None:
                return value
            await trio.sleep(5)
    return None


TRAPS: Final[tuple[PollLoop, ...]] = (
    returns_inside_its_retry_block,
    retries_everything,
    retries_nothing,
    asks_without_a_pause,
    asks_once_more,
    cannot_be_stopped,
)


async def all_are_caught(_folder: Path) -> Seen:
    """The control of pattern 5. Virtual time."""
    caught: list[str] = []
    first = ""
    for trap in TRAPS:
        passed, evidence = await judge(trap)
        if not passed:
            caught.append(getattr(trap, "__name__", ""))
            first = first or evidence
    return len(caught) == len(TRAPS), f"{len(caught)} of {len(TRAPS)} caught; {caught[:1]}: {first}"
