"""The runs as they go on: what the ledger says of them now, as a part of a page and as server-sent events."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import trio
from jinja2 import Environment
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from objlib.api import Library
from objlib.core.errors import ObjlibError
from objlib.core.events import Phase
from objlib.core.reports.runs import RunProgress, RunReport, RunSample
from objlib.core.reports.status import StatusReport
from objlib.web.chart import Chart, chart_of

EVERY: Final = 1.0
"""Seconds between two looks into the ledger; a heartbeat of a run writes its progress each five."""
KEEP_ALIVE: Final = 15.0
"""Seconds without a change after which a comment is sent, by which a closed tab is noticed."""
RATE_WINDOW: Final = 60.0
"""Seconds before now over which the rate of a run is measured."""
PHASES: Final = (Phase.SCAN, Phase.RECOVER, Phase.UPLOAD, Phase.VECTORS)
"""The phases of an upload, in order."""


@dataclass(frozen=True, slots=True)
class LiveRun:
    """A run that goes on, as a page shows it.

    Attributes:
        report: the run with its samples.
        progress: its last sample, or an empty one before the first.
        files, total: files done in this phase, and of how many; None while that is not known.
        rate: files per second in the last minute; None before two samples.
        bytes_rate: bytes per second.
        seconds_left: until the phase is over at this rate; None where it cannot be said.
        chart: requests and throttles over time.
        now: Unix time of this look.
    """

    report: RunReport
    progress: RunProgress
    files: int
    total: int | None
    rate: float | None
    bytes_rate: float | None
    seconds_left: float | None
    chart: Chart | None
    now: float

    @property
    def phases(self) -> list[tuple[str, str]]:
        """The phases of an upload with how each is: ``done``, ``now`` or ``later``; another one alone."""
        current = self.progress.phase
        if current and current not in PHASES:
            return [(current, "now")]
        at = PHASES.index(Phase(current)) if current else -1
        return [
            (str(phase), "now" if index == at else "done" if index < at else "later")
            for index, phase in enumerate(PHASES)
        ]


async def live_runs(library: Library, status: StatusReport) -> list[LiveRun]:
    """The runs that are alive, wherever they are, the newest first."""
    alive = [run for run in await library.runs() if run.alive]
    return [live_run(await library.run(run.run_id), status, library.now()) for run in alive]


def live_run(report: RunReport, status: StatusReport, now: float) -> LiveRun:
    """One run, with what follows from its samples."""
    progress = report.run.progress or RunProgress()
    files, total = progress.files, progress.total_files
    if progress.phase == Phase.UPLOAD and total is not None:
        # The states are those of this second, the sample is that of the last heartbeat.
        left = sum(status.states.get(state, 0) for state in ("untracked", "uploading", "processing"))
        files = max(files, min(total, total - left))
    rate, bytes_rate = _rates(report.samples, now)
    left_seconds = (total - files) / rate if rate and total is not None else None
    chart = chart_of(report.samples, now)
    return LiveRun(report, progress, files, total, rate, bytes_rate, left_seconds, chart, now)


def _rates(samples: tuple[RunSample, ...], now: float) -> tuple[float | None, float | None]:
    """Files and bytes per second of the present phase, between the first and the last sample of the window."""
    if not samples:
        return None, None
    phase = samples[-1].progress.phase
    recent = list(
        itertools.takewhile(
            lambda sample: sample.progress.phase == phase and now - sample.at <= RATE_WINDOW,
            reversed(samples),
        )
    )
    if len(recent) < 2 or recent[0].at <= recent[-1].at:
        return None, None
    last, first = recent[0], recent[-1]
    seconds = last.at - first.at
    files = (last.progress.files - first.progress.files) / seconds
    size = (last.progress.bytes - first.progress.bytes) / seconds
    return max(0.0, files), max(0.0, size)


class LiveEvents(Response):
    """The part of the page that shows the runs, whenever it changes, as server-sent events.

    An error of the ledger ends the stream; the browser opens it again. A class that sends by itself, since a generator
    that is cancelled with its connection would be left to the garbage collector.

    Args:
        library: whose runs.
        templates: those of the pages.
        busy: whether a run of a page goes on, which its record in the ledger does not show at its very start and end.
    """

    def __init__(self, library: Library, templates: Environment, busy: Callable[[], bool]) -> None:
        super().__init__(media_type="text/event-stream")
        del self.headers["content-length"]
        self._library = library
        self._busy = busy
        self._template = templates.get_template("_live.html")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send events until the client goes."""
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        before, quiet = "", 0.0
        while (part := await self._part()) is not None:
            if part != before:
                before, quiet = part, 0.0
                event = "".join(f"data: {line}\n" for line in part.splitlines()) + "\n"
                await _send(send, event)
            elif quiet >= KEEP_ALIVE:
                quiet = 0.0
                await _send(send, ": nothing changed\n\n")
            await trio.sleep(EVERY)
            quiet += EVERY
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _part(self) -> str | None:
        try:
            status = await self._library.status()
            live = await live_runs(self._library, status)
            return self._template.render(live=live, status=status, busy=self._busy())
        except ObjlibError:
            return None


async def _send(send: Send, text: str) -> None:
    await send({"type": "http.response.body", "body": text.encode(), "more_body": True})
