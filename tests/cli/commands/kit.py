"""An engine that gives the reports it was given, and the reports."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio

from objlib.core.config.settings import Settings
from objlib.core.events import Observer
from objlib.core.reports.answers import AnswerReport, Citation
from objlib.core.reports.failed_files import FailedFile
from objlib.core.reports.status import ExplainReport, StatusReport
from objlib.core.reports.upload import ScanReport, UploadReport
from objlib.engine.bootstrap.open_app import Command

UPLOAD = UploadReport(
    "r", "embedded", "s", "/lib", ScanReport(scanned=1, new=1), scanned=1, uploaded=1, indexed=1
)


STATUS = StatusReport("/lib", "/led", "embedded", "s", {"indexed": 1}, 0, 0, 0, None, 0, 0, 0, {})


ANSWER = AnswerReport("q", "embedded", "s", "m", "Claim.", (Citation("a.txt", "a passage"),))


EXPLAIN = ExplainReport("a", "indexed", "It is well.", "id", 1, 1, "h", "h")


FAILED = FailedFile("a", "failed", "too large", retryable=False)


Calls = list[tuple[str, dict[str, Any]]]


class Engine:
    """Stands in for the engine: gives the reports it was given, and remembers what it was asked."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.patch = patch
        self.opened: list[tuple[Settings, Command]] = []
        self.asked: Calls = []

        @asynccontextmanager
        async def open_app(settings: Settings, command: Command, *, observer: Observer) -> AsyncIterator[Any]:
            self.opened.append((settings, command))
            self.observer = observer
            yield self

        patch.setattr("objlib.cli.runner.open_app", open_app)

    def gives(self, target: str, report: Any) -> None:
        """Let the engine's function ``target`` answer ``report``, or raise it."""

        async def answer(*args: Any, **more: Any) -> Any:
            await trio.lowlevel.checkpoint()
            self.asked.append((target, {"args": args[1:], **more}))
            if isinstance(report, BaseException):
                raise report
            return report

        self.patch.setattr(f"objlib.engine.{target}", answer)


Read = Callable[[], tuple[str, str]]
