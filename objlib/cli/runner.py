"""How every command runs: what it works with is said first, then trio runs once."""

import logging
import os
import sys
from collections.abc import Awaitable, Callable
from typing import TypeVar

import trio

from objlib.cli.console.errors import complain, complain_raw
from objlib.cli.console.observers import observing
from objlib.cli.console.terminal import Terminal, safe_block, terminal_of
from objlib.core.config.backend import api_key
from objlib.core.config.settings import Backend, Settings
from objlib.core.events import Observer

T = TypeVar("T")


def run(
    settings: Settings,
    work: Callable[[Observer], Awaitable[T]],
    *,
    events: bool = False,
    with_ledger: bool = True,
) -> T:
    """Run one command's work to its end.

    Args:
        settings: the settings of the command.
        work: the async work; gets the observer to report to.
        events: whether the command prints NDJSON events with ``--json``.
        with_ledger: whether the command works with the ledger.
    """
    _tame_logging(settings)
    introduce(settings, with_ledger=with_ledger)
    with observing(settings, events=events) as observer:
        return trio.run(_call, work, observer)


async def _call(work: Callable[[Observer], Awaitable[T]], observer: Observer) -> T:
    return await work(observer)


def _tame_logging(settings: Settings) -> None:
    """Show log records with ``-v`` only: without a handler Python would print some of them in any case."""
    logger = logging.getLogger("objlib")
    logger.handlers.clear()
    if not settings.verbose:
        logger.addHandler(logging.NullHandler())
        return
    handler = _ToStderr()
    handler.setFormatter(logging.Formatter("%(asctime)s %(name)s: %(message)s", "%H:%M:%S"))
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG if settings.verbose > 1 else logging.INFO)


class _ToStderr(logging.Handler):
    """Log records as lines on stderr, in which nothing can act on the terminal."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        complain_raw(safe_block(self.format(record)) + "\n")


def introduce(settings: Settings, *, with_ledger: bool = True) -> None:
    """The first line of output: the backend, the store and the ledger."""
    if settings.quiet:
        return
    ledger = f"; ledger {settings.ledger}" if with_ledger else ""
    if settings.backend is Backend.EMBEDDED:
        why = " (no API key set)" if api_key(os.environ) is None else ""
        complain(f"embedded store at {settings.embedded}, offline{why}{ledger}")
    else:
        complain(f"Gemini store {settings.store} at {settings.base_url}{ledger}")


def screen() -> Terminal:
    """How to write results."""
    return terminal_of(sys.stdout)
