"""Observers of a run: NDJSON on stdout, a log on stderr, notes for the user, and several of them at once."""

# Rich is loaded only where a terminal shows progress.

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, replace
from typing import Any

from objlib.cli.console.errors import print_message, write_stderr
from objlib.cli.console.heartbeat import Heartbeat
from objlib.cli.console.output import OutputError, encode, print_event, to_plain
from objlib.cli.console.terminal import is_terminal, safe
from objlib.core.config.settings import Settings
from objlib.core.events import EventKind, GovernorStatistics, Observer, Phase


@contextmanager
def observing(settings: Settings, *, events: bool) -> Iterator[Observer]:
    """The observers that the settings ask for; ``events`` go to stdout with ``--json``."""
    observers: list[Observer] = []
    with ExitStack() as stack:
        if settings.json and events:
            observers.append(_Events())
        if is_terminal(sys.stderr) and not (settings.json or settings.verbose or settings.quiet):
            from objlib.cli.console.progress import Progress

            observers.append(stack.enter_context(Progress()))
        elif not settings.quiet:
            observers.append(_Log(settings.verbose) if settings.verbose else _Notes())
            observers.append(stack.enter_context(Heartbeat()))
        if settings.log_file is not None:
            from objlib.cli.console.log_file import logging_to

            log = logging_to(settings.log_file, library=settings.library, secrets=(settings.api_key,))
            observers.append(stack.enter_context(log))
        yield _Several(observers)


class _Events(Observer):
    """Prints what happens as NDJSON. When stdout breaks, the run goes on: its result says so at the end."""

    def begin(
        self, phase: Phase, files: int | None, size: int | None, *, seconds: float | None = None
    ) -> None:
        self._print(event="begin", phase=phase, files=files, bytes=size)

    def end(self, phase: Phase) -> None:
        self._print(event="end", phase=phase)

    def pressure(self, now: GovernorStatistics) -> None:
        self._print(event="pressure", **asdict(now))

    def event(self, kind: EventKind, /, **fields: Any) -> None:
        self._print(event=kind, **fields)

    def note(self, message: str) -> None:
        self._print(event="note", message=message)

    def _print(self, **fields: Any) -> None:
        with suppress(OutputError):  # the final object meets the same wall, and that error is printed
            print_event({"time": round(time.time(), 3), **fields})


class _Log(Observer):
    """Logs to stderr: what happens at level 1, every change of pressure at level 2."""

    def __init__(self, level: int) -> None:
        self._level = level

    def begin(
        self, phase: Phase, files: int | None, size: int | None, *, seconds: float | None = None
    ) -> None:
        self._log(f"{phase} begins", files=files, bytes=size)

    def end(self, phase: Phase) -> None:
        self._log(f"{phase} ends")

    def pressure(self, now: GovernorStatistics) -> None:
        if self._level > 1:
            speed = now.requests_per_second
            rate = None if speed is None else round(speed, 3)
            now = replace(now, paused_for=round(now.paused_for, 2), requests_per_second=rate)
            self._log("pressure", **asdict(now))

    def event(self, kind: EventKind, /, **fields: Any) -> None:
        self._log(kind, **fields)

    def note(self, message: str) -> None:
        self._log(message)

    def _log(self, what: str, **fields: Any) -> None:
        details = " ".join(f"{key}={_value(value)}" for key, value in fields.items() if value is not None)
        stamp = time.strftime("%H:%M:%S")
        write_stderr(f"{stamp} {safe(what)}{' ' if details else ''}{details}\n")


class _Notes(Observer):
    """Prints the lines for the user and nothing else."""

    def note(self, message: str) -> None:
        print_message(message)


class _Several(Observer):
    """Several observers behind one."""

    def __init__(self, observers: Sequence[Observer]) -> None:
        self._observers = list(observers)

    def begin(
        self, phase: Phase, files: int | None, size: int | None, *, seconds: float | None = None
    ) -> None:
        for each in self._observers:
            each.begin(phase, files, size, seconds=seconds)

    def total(self, phase: Phase, files: int | None, size: int | None) -> None:
        for each in self._observers:
            each.total(phase, files, size)

    def advance(self, phase: Phase, files: int, size: int) -> None:
        for each in self._observers:
            each.advance(phase, files, size)

    def end(self, phase: Phase) -> None:
        for each in self._observers:
            each.end(phase)

    def pressure(self, now: GovernorStatistics) -> None:
        for each in self._observers:
            each.pressure(now)

    def event(self, kind: EventKind, /, **fields: Any) -> None:
        for each in self._observers:
            each.event(kind, **fields)

    def note(self, message: str) -> None:
        for each in self._observers:
            each.note(message)


def _value(value: object) -> str:
    plain = to_plain(value)
    if isinstance(plain, str) and plain and not any(char.isspace() or char in '"=' for char in plain):
        return safe(plain)
    return safe(encode(plain))
