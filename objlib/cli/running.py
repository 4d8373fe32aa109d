"""How every command runs: what it works with is said first, then trio runs once."""

import logging
import os
import sys
from collections.abc import Awaitable, Callable
from typing import TypeVar

import trio

from objlib.cli.failures import complain
from objlib.cli.observers import observing
from objlib.cli.terminal import Terminal, terminal_of
from objlib.core.observe import Observer
from objlib.core.service import api_key
from objlib.core.settings import Backend, Settings

T = TypeVar("T")


def run(settings: Settings, work: Callable[[Observer], Awaitable[T]], *, events: bool = False) -> T:
    """Run one command's work to its end.

    Args:
        settings: the settings of the command.
        work: the async work; gets the observer to report to.
        events: whether the command prints NDJSON events with ``--json``.
    """
    # Errors reach the person as one line from here; without a handler Python would print each log record too.
    logging.getLogger("objlib").addHandler(logging.NullHandler())
    introduce(settings)
    with observing(settings, events=events) as observer:
        return trio.run(_call, work, observer)


async def _call(work: Callable[[Observer], Awaitable[T]], observer: Observer) -> T:
    return await work(observer)


def introduce(settings: Settings) -> None:
    """The first line of output: the backend, the store and the ledger."""
    if settings.quiet:
        return
    if settings.backend is Backend.EMBEDDED:
        why = " (no API key set)" if api_key(os.environ) is None else ""
        complain(f"embedded store at {settings.embedded}, offline{why}; ledger {settings.ledger}")
    else:
        complain(f"Gemini store {settings.store} at {settings.base_url}; ledger {settings.ledger}")


def screen() -> Terminal:
    """How to write results."""
    return terminal_of(sys.stdout)
