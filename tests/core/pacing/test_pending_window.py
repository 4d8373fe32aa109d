"""How many documents may be on their way, as properties."""

from hypothesis import given
from hypothesis import strategies as st

from objlib.core.pacing import pending_window
from objlib.core.pacing.pending_window import PendingWindow


@given(
    st.integers(1, 200),
    st.lists(st.tuples(st.booleans(), st.floats(0, 60), st.integers(0, 200)), max_size=60),
)
def test_the_window_stays_between_one_and_the_ceiling(
    ceiling: int, history: list[tuple[bool, float, int]]
) -> None:
    state, now = PendingWindow(ceiling=ceiling, size=float(ceiling)), 0.0
    for good, seconds, in_use in history:
        now += 1
        state = (
            pending_window.indexed(state, started=now - seconds, took=seconds, now=now, in_use=in_use)
            if good
            else pending_window.failed(state, started=now - seconds, now=now, in_use=in_use)
        )
        assert 1 <= pending_window.capacity(state) <= ceiling


def test_a_bad_file_now_and_then_does_not_throttle() -> None:
    state = PendingWindow(ceiling=50, size=50.0)
    for now in range(200):
        if now % 5 == 0:
            state = pending_window.failed(state, started=now - 1.0, now=float(now), in_use=50)
        else:
            state = pending_window.indexed(state, started=now - 1.0, took=1.0, now=float(now), in_use=50)
    assert pending_window.capacity(state) == 50
    assert pending_window.failed_confirmations(state) == pending_window.CONFIRMATIONS


def test_a_burst_cuts_once_and_asks_for_more_confirmations() -> None:
    state = PendingWindow(ceiling=50, size=50.0)
    for _ in range(30):
        state = pending_window.failed(state, started=0.0, now=5.0, in_use=50)
    assert pending_window.capacity(state) == int(50 * pending_window.DECREASE)
    assert pending_window.failed_confirmations(state) == pending_window.BURST_CONFIRMATIONS


def test_documents_that_take_far_longer_than_usual_throttle() -> None:
    state = PendingWindow(ceiling=50, size=50.0)
    for now in range(20):
        state = pending_window.indexed(state, started=now - 2.0, took=2.0, now=float(now), in_use=50)
    assert pending_window.capacity(state) == 50
    slow = pending_window.indexed(state, started=100.0, took=30.0, now=130.0, in_use=50)
    assert pending_window.capacity(slow) == int(50 * pending_window.DECREASE)


def test_documents_that_were_only_polled_late_do_not_throttle() -> None:
    state = PendingWindow(ceiling=50, size=50.0)
    for now in range(20):
        state = pending_window.indexed(state, started=now - 2.0, took=2.0, now=float(now), in_use=50)
    late = pending_window.indexed(state, started=100.0, took=2.0, now=130.0, in_use=50)
    assert pending_window.capacity(late) == 50
    assert abs(late.typical - 2.0) < 1e-9


def test_the_window_grows_back_while_it_is_used() -> None:
    state = PendingWindow(ceiling=50, size=10.0)
    idle = state
    for now in range(2000):
        state = pending_window.indexed(state, started=now - 1.0, took=1.0, now=float(now), in_use=50)
        idle = pending_window.indexed(idle, started=now - 1.0, took=1.0, now=float(now), in_use=3)
    assert pending_window.capacity(state) == 50
    assert pending_window.capacity(idle) == 10
