"""A saved plan comes back as it was, or is refused in one line."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objlib.core.errors import RefusedError, UsageError
from objlib.core.lifecycle.drift import REPAIRABLE, Drift, DriftKind
from objlib.core.lifecycle.repair_plan import SCHEMA, Plan, decode_plan, encode_plan

steps = st.builds(
    Drift, kind=st.sampled_from(sorted(REPAIRABLE)), document=st.text(), file_id=st.text(), path=st.text()
)
plans = st.builds(
    Plan,
    store=st.text(),
    ledger=st.text(),
    made=st.floats(0, 1e12),
    steps=st.lists(steps, max_size=4).map(tuple),
)


@given(plans)
def test_a_plan_survives_being_saved(plan: Plan) -> None:
    text = encode_plan(plan)
    assert decode_plan(text) == plan
    assert json.loads(text)["schema"] == SCHEMA


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"schema": "objlib/status/1"}',
        json.dumps({"schema": SCHEMA, "store": "s", "ledger": "l", "made": 1}),
        json.dumps({"schema": SCHEMA, "store": 1, "ledger": "l", "made": 1, "steps": []}),
        json.dumps({"schema": SCHEMA, "store": "s", "ledger": "l", "made": "x", "steps": []}),
        json.dumps({"schema": SCHEMA, "store": "s", "ledger": "l", "made": 1, "steps": [{"kind": "ok"}]}),
        json.dumps({"schema": SCHEMA, "store": "s", "ledger": "l", "made": 1, "steps": [{"kind": "odd"}]}),
        "[" * 100_000,
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        decode_plan(text)


def test_a_plan_with_the_kinds_of_version_0_1_can_be_read() -> None:
    plan = Plan("s", "l", 1.0, (Drift(DriftKind.STALE_CONTENT, "a.txt", "d1", "f"),))
    assert decode_plan(encode_plan(plan).replace("stale_content", "stale bytes")) == plan


def test_a_plan_is_refused_for_another_store_or_ledger() -> None:
    plan = Plan("s", "l", 1.0, ())
    plan.check("s", "l")
    with pytest.raises(RefusedError, match="store s"):
        plan.check("other", "l")
    with pytest.raises(RefusedError, match="another ledger"):
        plan.check("s", "other")
