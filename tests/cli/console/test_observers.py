"""Reports of a run on their way to stdout, to a log and to a terminal."""

import io
import json
import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from objlib.cli.console import observers
from objlib.cli.console.output import OutputError
from objlib.cli.console.progress import Progress
from objlib.core.config.settings import Backend, Settings
from objlib.core.events import EventKind, GovernorStatistics, Observer, Phase

SETTINGS = Settings(Path("/lib"), Path("/led"), Path("/emb"), "store", Backend.EMBEDDED)


def play(observer: Observer) -> None:
    """A short run."""
    observer.begin(Phase.UPLOAD, 2, 3000)
    observer.pressure(GovernorStatistics(tokens=4, in_flight=2, paused_for=0.0, throttled=0))
    observer.advance(Phase.UPLOAD, 1, 1500)
    observer.pressure(
        GovernorStatistics(tokens=0, in_flight=1, paused_for=12.0, throttled=1, requests_per_second=3.91234)
    )
    observer.event(EventKind.REQUEUED, path="a b\x1b.txt", why=None, due=1.5)
    observer.note("stopping\x1b[2J")
    observer.advance(Phase.UPLOAD, 1, 1500)
    observer.end(Phase.UPLOAD)


def test_json_gets_every_event_as_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    with observers.observing(replace(SETTINGS, json=True), events=True) as observer:
        play(observer)
    output = capsys.readouterr()
    events = [json.loads(line) for line in output.out.splitlines()]
    assert [event["event"] for event in events] == [
        "begin",
        "pressure",
        "pressure",
        "requeued",
        "note",
        "end",
    ]
    assert events[0] | {"time": 0} == {
        "time": 0,
        "event": "begin",
        "phase": "upload",
        "files": 2,
        "bytes": 3000,
    }
    assert (events[1]["requests_per_second"], events[2]["requests_per_second"]) == (None, 3.91234)
    assert events[3]["path"] == "a b\x1b.txt"
    assert output.err == "objlib: stopping\\x1b[2J\n"


def test_json_without_events_is_left_to_the_result(capsys: pytest.CaptureFixture[str]) -> None:
    with observers.observing(replace(SETTINGS, json=True), events=False) as observer:
        play(observer)
    assert capsys.readouterr().out == ""


def test_quiet_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with observers.observing(replace(SETTINGS, quiet=True), events=True) as observer:
        play(observer)
    output = capsys.readouterr()
    assert output.out == output.err == ""


def test_verbose_logs_each_event_on_a_line_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    with observers.observing(replace(SETTINGS, verbose=1), events=True) as observer:
        play(observer)
    output = capsys.readouterr()
    assert output.out == ""
    lines = [line[9:] for line in output.err.splitlines()]
    assert lines == [
        "upload begins files=2 bytes=3000",
        'requeued path="a b\\u001b.txt" due=1.5',
        "stopping\\x1b[2J",
        "upload ends",
    ]
    with observers.observing(replace(SETTINGS, verbose=2), events=True) as observer:
        play(observer)
    log = capsys.readouterr().err
    assert "pressure tokens=4 in_flight=2 paused_for=0.0 throttled=0\n" in log
    assert "pressure tokens=0 in_flight=1 paused_for=12.0 throttled=1 requests_per_second=3.912\n" in log


def test_a_run_goes_on_when_its_events_cannot_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: object) -> None:
        raise OutputError("full")

    monkeypatch.setattr(observers, "print_event", broken)
    with observers.observing(replace(SETTINGS, json=True), events=True) as observer:
        play(observer)


class TestProgress:
    @pytest.fixture
    def drawn(self) -> Iterator[io.StringIO]:
        with io.StringIO() as stream:
            yield stream

    def console(self, stream: io.StringIO, width: int = 120) -> Console:
        return Console(file=stream, force_terminal=True, width=width, color_system=None)

    def test_a_short_run_draws_nothing(self, drawn: io.StringIO, capsys: pytest.CaptureFixture[str]) -> None:
        with Progress(self.console(drawn), delay=60.0) as progress:
            play(progress)
        assert drawn.getvalue() == ""
        assert capsys.readouterr().err == "objlib: stopping\\x1b[2J\n"

    def test_a_long_run_shows_files_bytes_and_the_governor(
        self, drawn: io.StringIO, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        drawn_once = threading.Event()
        draw = Progress._show

        def show(self: Progress) -> None:
            draw(self)
            drawn_once.set()

        monkeypatch.setattr(Progress, "_show", show)
        with Progress(self.console(drawn), delay=0.0) as progress:
            assert drawn_once.wait(30)
            progress.begin(Phase.SCAN, None, None)
            progress.advance(Phase.SCAN, 7, 0)
            progress.begin(Phase.UPLOAD, 20, 3000)
            progress.pressure(
                GovernorStatistics(
                    tokens=4, in_flight=2, paused_for=0.0, throttled=3, requests_per_second=119.7
                )
            )
            progress.advance(Phase.UPLOAD, 1, 1500)
            progress.note("stopping\x1b[2J [bold]")
            progress.begin(Phase.VECTORS, 10, None)
            progress.advance(Phase.VECTORS, 1, 0)
            progress.event(EventKind.KEPT)
            progress._bars.refresh()
            text = drawn.getvalue()
            progress.pressure(GovernorStatistics(tokens=0, in_flight=1, paused_for=12.0, throttled=4))
            progress._bars.refresh()
            progress.begin(Phase.UPLOAD, 1, 0)
            progress.end(Phase.UPLOAD)
            progress.end(Phase.UPLOAD)
            progress.advance(Phase.UPLOAD, 1, 1)
        assert "7 files" in text
        assert "1/20 files  1.5 kB" in text
        assert "2 of 4 at once, 120 requests/s, throttled 3x" in text
        assert "1/10 passages" in text
        assert "stopping\\x1b[2J [bold]" in text
        assert "paused for 12 s" in drawn.getvalue()

    @pytest.mark.parametrize("width", [60, 40, 20])
    def test_a_narrow_terminal_shows_a_pause_and_the_speed(self, drawn: io.StringIO, width: int) -> None:
        progress = Progress(self.console(drawn, width))
        progress.begin(Phase.UPLOAD, 30, 3000)
        progress.advance(Phase.UPLOAD, 9, 583)
        progress.pressure(
            GovernorStatistics(tokens=4, in_flight=2, paused_for=0, throttled=3, requests_per_second=4.93)
        )
        progress._bars.console.print(progress._bars.get_renderable())
        progress.pressure(GovernorStatistics(tokens=0, in_flight=2, paused_for=51, throttled=4))
        progress._bars.console.print(progress._bars.get_renderable())
        open_gate, shut = (line.rstrip() for line in drawn.getvalue().splitlines())
        assert "9/30" in open_gate
        assert "4.9 requests/s" in open_gate
        assert "9/30" in shut
        assert re.search("paused (for )?51 s", shut)
        assert "…" not in open_gate + shut

    def test_a_pause_counts_down_and_a_short_one_does_not_flicker(self, drawn: io.StringIO) -> None:
        clock = [1000.1]
        console = Console(file=drawn, force_terminal=True, width=120, get_time=lambda: clock[0])
        progress = Progress(console)
        progress.begin(Phase.UPLOAD, 30, None)

        def after(seconds: float, paused_for: float | None = None) -> str:
            """The lines that are drawn then, if the governor reports this first."""
            clock[0] += seconds
            if paused_for is not None:
                shut = 0 if paused_for else 4
                progress.pressure(
                    GovernorStatistics(tokens=shut, in_flight=2, paused_for=paused_for, throttled=3)
                )
            with console.capture() as output:
                console.print(progress._bars.get_renderable())
            return output.get()

        running = "2 of 4 at once, throttled 3x"
        assert "0/30 files  throttled 3x" in after(0, 0.2)
        assert running in after(0, 0)
        assert running in after(0, 0.03)
        assert running in after(0, 1.4)
        assert "paused for 1 min 5 s" in after(0, 65)
        assert "paused for 59 s" in after(6)
        assert "paused for 3 s" in after(55.8)
        assert "paused for 2 s" in after(1.6)
        assert "paused for 1 s" in after(0.7, 0.8)
        assert "paused for 1 s" in after(0.7)
        assert running in after(0.2)
        assert "paused for 9 s" in after(0, 9)
        assert running in after(3, 0)

    def test_totals_that_are_known_later_stand_in_the_bar(self, drawn: io.StringIO) -> None:
        progress = Progress(self.console(drawn, 100))
        progress.total(Phase.SCAN, 9, 900)
        progress.begin(Phase.SCAN, None, None)
        progress.advance(Phase.SCAN, 3, 400)
        progress._bars.console.print(progress._bars.get_renderable())
        progress.total(Phase.SCAN, 12, 1600)
        progress._bars.console.print(progress._bars.get_renderable())
        before, after = drawn.getvalue().splitlines()
        assert "3 files" in before
        assert "3/12 files" in after
        assert progress._bars.tasks[0].percentage == 25

    def test_the_time_left_is_for_what_this_run_does(self, drawn: io.StringIO) -> None:
        clock = [1000.0]
        console = Console(file=drawn, force_terminal=True, width=120, get_time=lambda: clock[0])
        progress = Progress(console)
        progress.begin(Phase.VECTORS, 10_000, None, seconds=120)
        for _ in range(4):
            clock[0] += 10
            progress.advance(Phase.VECTORS, 10, 0)
        console.print(progress._bars.get_renderable())
        progress.begin(Phase.VECTORS, 50, None, seconds=3600)
        for _ in range(4):
            clock[0] += 10
            progress.advance(Phase.VECTORS, 10, 0)
        console.print(progress._bars.get_renderable())
        plain = re.sub(r"\x1b\[[0-9;]*m", "", drawn.getvalue())
        bounded, whole = (line.split()[-1] for line in plain.splitlines())
        assert (bounded, whole) == ("01:20", "00:10")

    def test_a_pause_is_shown_for_the_phase_that_began_last(self, drawn: io.StringIO) -> None:
        progress = Progress(self.console(drawn, 60))
        progress.pressure(GovernorStatistics(tokens=0, in_flight=0, paused_for=12, throttled=1))
        progress.begin(Phase.RECOVER, None, None)
        progress._bars.console.print(progress._bars.get_renderable())
        progress.begin(Phase.LISTING, None, None)
        progress.advance(Phase.LISTING, 40, 0)
        progress._bars.console.print(progress._bars.get_renderable())
        progress.end(Phase.LISTING)
        progress.pressure(GovernorStatistics(tokens=4, in_flight=0, paused_for=0, throttled=1))
        progress._bars.console.print(progress._bars.get_renderable())
        lines = [" ".join(re.sub("[━╺╸]", "", line).split()) for line in drawn.getvalue().splitlines()]
        assert lines == [
            "Recovering 0 files paused for 12 s",
            "Recovering 0 files",
            "Listing the store 40 documents paused for 12 s",
            "Recovering 0 files",
        ]

    def test_a_run_that_ends_as_the_timer_fires_draws_nothing(self, drawn: io.StringIO) -> None:
        progress = Progress(self.console(drawn), delay=60.0)
        with progress:
            pass
        progress._show()
        assert drawn.getvalue() == ""
