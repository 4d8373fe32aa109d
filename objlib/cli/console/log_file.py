"""The log file: everything that happens as JSON lines, rotated by size, for its owner alone and without a secret."""

import json
import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any, Final

from objlib.cli.console.output import to_plain
from objlib.core.errors import UsageError, leaves
from objlib.core.events import EventKind, GovernorStatistics, Observer, Phase
from objlib.gemini.redact import without_secrets
from objlib.version import __version__

MAX_BYTES: Final = 10_000_000
"""Bytes of the file at which it is rotated."""
KEPT: Final = 5
"""Rotated files that are kept beside it, ``.1`` the newest."""


class LogFile(Observer):
    """An observer that writes each event as one line.

    A line that cannot be written, such as on a full disk, is lost: no run fails for its log.
    """

    def __init__(self, path: Path, *, secrets: tuple[str, ...]) -> None:
        self._handler = _Private(
            path, maxBytes=MAX_BYTES, backupCount=KEPT, encoding="utf-8", errors="replace"
        )
        self._secrets = secrets

    def begin(
        self, phase: Phase, files: int | None, size: int | None, *, seconds: float | None = None
    ) -> None:
        """A phase begins."""
        self.write("begin", phase=phase, files=files, bytes=size)

    def end(self, phase: Phase) -> None:
        """A phase ends."""
        self.write("end", phase=phase)

    def pressure(self, now: GovernorStatistics) -> None:
        """The governor moved."""
        self.write("pressure", **asdict(now))

    def event(self, kind: EventKind, /, **fields: Any) -> None:
        """Something happened to a file, or to the run."""
        self.write(kind, **fields)

    def note(self, message: str) -> None:
        """A line for the user."""
        self.write("note", message=message)

    def write(self, event: str, **fields: Any) -> None:
        """Write one line."""
        members = {"time": round(time.time(), 3), "pid": os.getpid(), "event": event, **fields}
        text = json.dumps(to_plain(members), ensure_ascii=False)
        line = without_secrets(text, self._secrets)
        with suppress(OSError, ValueError):
            self._handler.emit(logging.makeLogRecord({"msg": line}))

    def close(self) -> None:
        """Close the file."""
        self._handler.close()


@contextmanager
def logging_to(path: Path, *, library: Path, secrets: tuple[str, ...]) -> Iterator[LogFile]:
    """Write a log file for the length of the block, with its beginning, its end, and the error that ends it.

    Raises:
        UsageError: it cannot be written.
    """
    try:
        log = LogFile(path, secrets=secrets)
    except OSError as error:
        raise UsageError(f"--log-file: cannot write {path}: {error.strerror or error}") from None
    log.write("start", version=__version__, library=str(library))
    try:
        yield log
    except BaseException as error:
        log.write("error", message="; ".join(str(leaf) or type(leaf).__name__ for leaf in leaves(error)))
        raise
    finally:
        log.write("exit", library=str(library))
        log.close()


class _Private(RotatingFileHandler):
    """A rotating file that only its owner may read: it names documents."""

    def _open(self) -> TextIOWrapper:
        file = os.open(self.baseFilename, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        return os.fdopen(file, "a", encoding=self.encoding, errors=self.errors)

    def handleError(self, record: logging.LogRecord) -> None:
        """Lose the line: the standard handler would print a traceback."""
