"""How every command runs: say what it works with, do the work in one trio run, show the report.

A command module declares what it needs, and calls :func:`run` and :func:`show`. It imports this module and the
engine when it runs, so that ``--help`` stays fast.
"""

import logging
import os
import sys
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import trio

from objlib.cli.console.errors import print_message, write_stderr
from objlib.cli.console.observers import observing
from objlib.cli.console.output import print_lines, print_object
from objlib.cli.console.terminal import Terminal, safe_block, terminal_of
from objlib.core.config.backend import api_key
from objlib.core.config.settings import GEMINI_URL, Backend, Settings
from objlib.core.errors import UsageError
from objlib.core.events import Observer
from objlib.data_folder import identify_service
from objlib.engine.app import App
from objlib.engine.bootstrap.open_app import Command, open_app
from objlib.ledger import ledger_exists
from objlib.sources import data_folder
from objlib.sqlite.private import tighten

T = TypeVar("T")


def run(
    settings: Settings, command: Command, work: Callable[[App], Awaitable[T]], *, events: bool = False
) -> T:
    """Open the application for ``command``, do ``work`` with it, and close it again.

    ``events`` says whether the command prints NDJSON events with ``--json``.

    Raises:
        UsageError: the command needs a ledger, and there is neither one nor a folder of which it could be made.
    """
    if not (
        command.create_ledger
        or settings.lost
        or ledger_exists(settings.ledger)
        or is_folder(settings.library)
    ):
        raise UsageError(f"there is no folder {settings.library}, and no library is known there")

    async def work_with_app(observer: Observer) -> T:
        async with open_app(settings, command, observer=observer) as app:
            return await work(app)

    return run_without_app(settings, work_with_app, events=events, changes=not command.dry_run)


def is_folder(path: Path) -> bool:
    """Whether a folder is there; one that we may not look at counts as absent."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def run_without_app(
    settings: Settings,
    work: Callable[[Observer], Awaitable[T]],
    *,
    events: bool = False,
    with_ledger: bool = True,
    changes: bool = True,
) -> T:
    """Run work that opens by itself what it needs.

    Args:
        settings: of the command.
        work: what to do.
        events: whether the command prints NDJSON events with ``--json``.
        with_ledger: whether it opens the ledger too.
        changes: whether it may change anything at all, be it the mode of a file.
    """

    async def call() -> T:
        return await work(observer)

    _tame_logging(settings)
    _introduce(settings, with_ledger=with_ledger)
    if changes:
        _keep_private(settings)
    with observing(settings, events=events) as observer:
        return trio.run(call)


def show(
    settings: Settings,
    command: str,
    report: object,
    lines: Callable[[Terminal], Iterable[str]],
    problems: str = "",
    *,
    asked: bool = False,
    notes: Iterable[str] = (),
    **members: Any,
) -> None:
    """Write a result as the settings ask for it.

    Args:
        settings: ask for JSON, for text, or for problems only.
        command: its name, for the schema of the JSON object.
        report: the JSON object, with ``members`` beside its own.
        lines: makes the text.
        problems: the lines that a quiet command prints on stderr.
        asked: whether the result is what the user asked for, so that a quiet command prints it too.
        notes: lines about the result, for stderr.
        members: further members of the JSON object.
    """
    if settings.json:
        print_object(command, report, **{"library": str(settings.library)} | members)
        return
    if asked or not settings.quiet:
        print_lines(lines(terminal_of(sys.stdout)))
    for line in problems.splitlines() if settings.quiet else notes:
        print_message(line)


def note(settings: Settings, lines: Iterable[str]) -> None:
    """Print lines about a result on stderr, unless the command is quiet."""
    for line in () if settings.quiet else lines:
        print_message(line)


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
        write_stderr(safe_block(self.format(record)) + "\n")


def _introduce(settings: Settings, *, with_ledger: bool) -> None:
    """Print the first line: the backend, the store and the ledger."""
    if settings.quiet:
        return
    # A run names the folder of a new library by an id that it draws, so only a run can say where its files are.
    unnamed = not (settings.library_id or settings.ledger_given or ledger_exists(settings.ledger))
    place = "" if unnamed else f" at {settings.embedded}"
    ledger = ("; no ledger yet" if unnamed else f"; ledger {settings.ledger}") if with_ledger else ""
    if with_ledger and not settings.library_given and not Path.cwd().is_relative_to(settings.library):
        ledger += f"; library {settings.library}"
    if settings.missing_config is not None:
        print_message(
            f"{settings.missing_config}, with the rules of this library, is gone; they do not count now"
        )
    if with_ledger and (others := services_of(settings.other_ledgers)):
        ledger += f"; this library is also in {', '.join(others)}"
    if settings.backend is Backend.EMBEDDED:
        why = " (no API key set)" if api_key(os.environ) is None else ""
        print_message(f"embedded store{place}, offline{why}{ledger}")
    else:
        print_message(f"{_kind_of_store(settings)} {settings.store} at {settings.base_url}{ledger}")


def _kind_of_store(settings: Settings) -> str:
    """The kind of a store behind an URL: only the real service is Gemini, and a port may serve an embedded store."""
    if settings.base_url == GEMINI_URL:
        return "Gemini store"
    identity = identify_service(settings.ledger)
    served = identity is not None and identity.service == Backend.EMBEDDED
    return "embedded store" if served else "store"


def services_of(ledgers: Iterable[Path]) -> list[str]:
    """The stores of other ledgers of the library, each with its service, for people."""
    names = []
    for path in ledgers:
        identity = identify_service(path)
        if identity is not None:
            service = identity.service or "another service"
            store = "the embedded store" if service == Backend.EMBEDDED else f"a store at {service}"
            names.append(store)
    return list(dict.fromkeys(names))


def _keep_private(settings: Settings) -> None:
    """Take files that an older objlib left open to other users from them, and say so."""
    files = [file for file in (settings.ledger, settings.embedded) if isinstance(file, Path)]
    opened = [each for file in files for each in tighten(file, data_folder())]
    if opened and not settings.quiet:
        names = ", ".join(str(path) for path in dict.fromkeys(opened))
        print_message(f"other users of this machine could open {names}; now only you can")
