"""How many documents may be on their way, as properties."""

from hypothesis import given
from hypothesis import strategies as st

from objlib.core.pacing import pending_window
from objlib.core.pacing.pending_window import PendingWindow


@given(
    st.integers(1, 200),
    st.lists(st.tuples(st.booleans(), st.floats(0, 60), st.integers(0, 200)), max_size=60),
)
def test_there_is_always_room_for_one_and_never_more_than_the_ceiling(
    ceiling: int, history: list[tuple[bool, float, int]]
) -> None:
    state, now = PendingWindow(ceiling=ceiling, room=float(ceiling)), 0.0
    for good, seconds, in_use in history:
        now += 1
        state = (
            pending_window.settled(state, started=now - seconds, took=seconds, now=now, in_use=in_use)
            if good
            else pending_window.failed(state, started=now - seconds, now=now, in_use=in_use)
        )
        assert 1 <= pending_window.slots(state) <= ceiling


def test_a_bad_file_now_and_then_is_no_push_back() -> None:
    state = PendingWindow(ceiling=50, room=50.0)
    for now in range(200):
        if now % 5 == 0:
            state = pending_window.failed(state, started=now - 1.0, now=float(now), in_use=50)
        else:
            state = pending_window.settled(state, started=now - 1.0, took=1.0, now=float(now), in_use=50)
    assert pending_window.slots(state) == 50
    assert pending_window.asks(state) == pending_window.CALM_ASKS


def test_a_burst_cuts_once_and_makes_patient() -> None:
    state = PendingWindow(ceiling=50, room=50.0)
    for _ in range(30):
        state = pending_window.failed(state, started=0.0, now=5.0, in_use=50)
    assert pending_window.slots(state) == int(50 * pending_window.CUT)
    assert pending_window.asks(state) == pending_window.STRAINED_ASKS


def test_documents_that_take_far_longer_than_usual_are_push_back() -> None:
    state = PendingWindow(ceiling=50, room=50.0)
    for now in range(20):
        state = pending_window.settled(state, started=now - 2.0, took=2.0, now=float(now), in_use=50)
    assert pending_window.slots(state) == 50
    slow = pending_window.settled(state, started=100.0, took=30.0, now=130.0, in_use=50)
    assert pending_window.slots(slow) == int(50 * pending_window.CUT)


def test_documents_that_were_only_asked_about_late_are_no_push_back() -> None:
    state = PendingWindow(ceiling=50, room=50.0)
    for now in range(20):
        state = pending_window.settled(state, started=now - 2.0, took=2.0, now=float(now), in_use=50)
    late = pending_window.settled(state, started=100.0, took=2.0, now=130.0, in_use=50)
    assert pending_window.slots(late) == 50
    assert abs(late.usual - 2.0) < 1e-9


def test_room_comes_back_while_it_is_used() -> None:
    state = PendingWindow(ceiling=50, room=10.0)
    idle = state
    for now in range(2000):
        state = pending_window.settled(state, started=now - 1.0, took=1.0, now=float(now), in_use=50)
        idle = pending_window.settled(idle, started=now - 1.0, took=1.0, now=float(now), in_use=3)
    assert pending_window.slots(state) == 50
    assert pending_window.slots(idle) == 10
