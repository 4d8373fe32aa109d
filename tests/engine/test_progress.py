"""The tally of a run's progress: phases inside phases, and what is passed on."""

from objlib.core.events import EventKind, GovernorStatistics, Phase
from objlib.core.reports.runs import RunProgress
from objlib.engine.progress import ProgressTally
from objlib.testing import RecordingObserver

IDLE = GovernorStatistics(tokens=4, in_flight=2, paused_for=0.5, throttled=1, requests_per_second=3.0)


def progress(tally: ProgressTally) -> RunProgress:
    return tally.progress(requests=7, now=IDLE)


def test_the_inner_phase_is_shown_and_the_outer_goes_on_behind_it() -> None:
    tally = ProgressTally(RecordingObserver())
    tally.advance(Phase.UPLOAD, 1, 5)  # of no phase that is open: it counts in the whole alone
    with tally.phase(Phase.UPLOAD, 3, 30):
        tally.advance(Phase.UPLOAD, 1, 10)
        with tally.phase(Phase.RECOVER):
            tally.total(Phase.RECOVER, 2, None)
            tally.advance(Phase.RECOVER, 2, 0)
            inner = progress(tally)
            assert (inner.phase, inner.files, inner.total_files) == ("recover", 2, 2)
        outer = progress(tally)
        assert (outer.phase, outer.files, outer.total_files) == ("upload", 1, 3)
        assert (outer.bytes, outer.total_bytes) == (10, 30)
    over = progress(tally)
    assert (over.phase, over.files, over.total_files) == ("", 0, None)
    assert (over.done, over.sent_bytes) == ({"upload": 2, "recover": 2}, 15)
    assert (over.requests, over.throttled, over.in_flight, over.requests_per_second) == (7, 1, 2, 3.0)


def test_the_reason_of_a_stop_is_kept_and_everything_is_passed_on() -> None:
    observer = RecordingObserver()
    tally = ProgressTally(observer)
    tally.event(EventKind.STOPPING, reason="daily_quota", advice="come back tomorrow")
    tally.event(EventKind.INDEXED, path="a")
    tally.note("a line")
    assert (progress(tally).stopping, progress(tally).advice) == ("daily_quota", "come back tomorrow")
    tally.advance(Phase.UPLOAD, 1, 5)
    assert tally.totals.take() == {"events indexed": 1, "sent_bytes": 5}
    assert observer.notes == ["a line"]
    assert len(observer.events) == 2
