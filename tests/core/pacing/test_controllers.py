"""Properties of every controller, after any history."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objlib.core.pacing import CONTROLLERS, Controller

Event = tuple[str, float, float, float]

events = st.lists(
    st.tuples(
        st.sampled_from(("starts", "passes", "fails", "refused", "refused, no hint", "shares")),
        st.floats(0, 10),
        st.floats(0.001, 5),
        st.floats(0, 60),
    ),
    max_size=60,
)


def after(name: str, history: list[Event]) -> tuple[Controller, float]:
    """A controller after a history, and the time then."""
    controller, now = CONTROLLERS[name](16), 0.0
    for event, pause, took, value in history:
        now += pause
        started = max(0.0, now - took)
        match event:
            case "starts":
                now = max(now, controller.departure(now))
                controller = controller.departed(now)
            case "passes":
                controller = controller.succeeded(started=started, now=now, in_use=8)
            case "fails":
                controller = controller.failed(started=started, now=now, in_use=8)
            case "shares":
                controller = controller.shared([value, 1.0], now)
            case _:
                hint = value if event == "refused" else None
                controller = controller.throttled(started=started, now=now, retry_after=hint, in_use=8)
    return controller, now


@pytest.mark.parametrize("name", CONTROLLERS)
@given(history=events)
def test_tokens_are_zero_inside_the_gate_and_one_or_more_outside(name: str, history: list[Event]) -> None:
    controller, now = after(name, history)
    for at in (now, now + 1, now + 1000):
        assert (controller.tokens(at) == 0) == (at < controller.gate)
        assert controller.tokens(at) <= 16


@pytest.mark.parametrize("name", CONTROLLERS)
@given(history=events)
def test_a_request_can_always_depart_and_never_inside_the_gate(name: str, history: list[Event]) -> None:
    controller, now = after(name, history)
    moment = controller.departure(now)
    assert max(now, controller.gate) <= moment < math.inf


@pytest.mark.parametrize("name", CONTROLLERS)
@given(history=events)
def test_a_rate_is_positive_and_finite(name: str, history: list[Event]) -> None:
    controller, _ = after(name, history)
    for rate in (controller.rate, controller.send_rate, controller.achieved_rate):
        assert rate is None or 0 < rate < math.inf


@pytest.mark.parametrize("name", CONTROLLERS)
@given(history=events, took=st.floats(0.001, 5))
def test_a_fault_never_moves_the_gate(name: str, history: list[Event], took: float) -> None:
    controller, now = after(name, history)
    gate = controller.gate
    assert controller.failed(started=now - took, now=now, in_use=4).gate == gate


@pytest.mark.parametrize("name", CONTROLLERS)
@given(history=events, one=st.floats(0, 100), other=st.floats(0, 100))
def test_the_latest_of_overlapping_hints_decides(
    name: str, history: list[Event], one: float, other: float
) -> None:
    controller, now = after(name, history)
    for hint in (one, other):
        controller = controller.throttled(started=now, now=now, retry_after=hint, in_use=1)
    assert controller.gate >= now + max(one, other)


@given(history=events)
def test_faults_alone_never_limit_the_measured_controller_at_once(history: list[Event]) -> None:
    controller = CONTROLLERS["measured"](16)
    assert controller.failed(started=0.0, now=0.1, in_use=4).rate is None
