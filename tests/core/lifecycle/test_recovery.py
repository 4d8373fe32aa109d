"""The verdict on a row that a dead run left, over every combination of facts."""

import itertools
from dataclasses import replace

import pytest

from objlib.core.lifecycle.recovery import (
    Adopt,
    Complete,
    Facts,
    Fail,
    Probe,
    Requeue,
    Wait,
    decide,
)
from objlib.core.lifecycle.table import TRANSIENT, State
from objlib.core.remote import DocumentState, OperationState, SessionState

EVERY = [
    Facts(state, sent, session, document_name, document, operation_name, operation, "why", listed=listed)
    for state, sent, session, document_name, document, operation_name, operation, listed in itertools.product(
        sorted(TRANSIENT),
        (False, True),
        (None, *SessionState),
        (None, "d"),
        (None, *DocumentState),
        (None, "o"),
        (None, *OperationState),
        (None, (), ("d",), ("d", "e")),
    )
]


def test_every_combination_has_a_verdict() -> None:
    assert len(EVERY) == 2 * 2 * 5 * 2 * 5 * 2 * 5 * 4
    for facts in EVERY:
        decide(facts)


def test_no_probe_is_made_twice() -> None:
    for facts in EVERY:
        match decide(facts):
            case Probe.SESSION:
                assert facts.session is None
            case Probe.DOCUMENT:
                assert facts.document is None
                assert facts.document_name is not None
            case Probe.OPERATION:
                assert facts.operation is None
                assert facts.operation_name is not None
            case Probe.LISTING:
                assert facts.listed is None


def test_nothing_is_sent_again_while_a_document_may_exist() -> None:
    for facts in EVERY:
        if not isinstance(decide(facts), Requeue):
            continue
        if facts.state is State.UPLOADING and facts.sent:
            never_finalized = facts.session in {SessionState.ACTIVE, SessionState.CANCELLED}
            assert never_finalized or facts.listed == ()
        if facts.state is State.PROCESSING:
            assert facts.listed == ()


def test_only_an_active_document_completes() -> None:
    for facts in EVERY:
        if isinstance(decide(facts), Complete):
            assert facts.document is DocumentState.ACTIVE


def test_an_active_document_completes_whatever_its_operation_says() -> None:
    for facts in EVERY:
        if facts.state is State.PROCESSING and facts.document_name and facts.document is DocumentState.ACTIVE:
            assert decide(facts) == Complete(facts.document_name)


def test_an_unfinished_session_is_closed_before_the_file_is_sent_again() -> None:
    verdict = decide(Facts(State.UPLOADING, sent=True, session=SessionState.ACTIVE))
    assert verdict == Requeue("the upload was never finalized", cancel_session=True)


def test_two_documents_of_one_attempt_leave_one() -> None:
    facts = Facts(State.UPLOADING, sent=True, session=SessionState.GONE, listed=("best", "other"))
    assert decide(facts) == Adopt("best", None, ("other",))


def test_probes_come_in_the_order_that_costs_least() -> None:
    assert isinstance(decide(Facts(State.UPLOADING, sent=False)), Requeue), "nothing to probe"
    facts = Facts(State.UPLOADING, sent=True)
    assert decide(facts) is Probe.SESSION
    assert decide(replace(facts, session=SessionState.FINAL)) is Probe.LISTING
    assert isinstance(decide(replace(facts, session=SessionState.FINAL, document_name="d")), Adopt)
    facts = Facts(State.PROCESSING, sent=True, document_name="d", operation_name="o")
    assert decide(facts) is Probe.DOCUMENT
    absent = replace(facts, document=DocumentState.ABSENT)
    assert decide(absent) is Probe.OPERATION
    assert decide(replace(absent, operation=OperationState.DONE)) is Probe.LISTING
    assert decide(replace(absent, operation=OperationState.RUNNING)) == Wait()
    assert decide(replace(absent, operation=OperationState.FAILED, reason="bad")) == Fail("bad")
    assert isinstance(decide(replace(facts, document=DocumentState.PENDING)), Wait)
    failed = replace(facts, document=DocumentState.FAILED)
    assert decide(failed) is Probe.OPERATION
    assert decide(replace(failed, operation=OperationState.FAILED, reason="bad")) == Fail("bad")


@pytest.mark.parametrize("state", sorted(set(State) - TRANSIENT))
def test_a_settled_row_has_nothing_to_recover(state: State) -> None:
    with pytest.raises(ValueError, match="nothing to recover"):
        decide(Facts(state, sent=True))


def test_the_file_of_an_import_is_deleted_before_the_listing_decides() -> None:
    """Else the service could still carry it out when the store was listed, and the file sent again."""
    for facts in EVERY:
        if decide(facts) is Probe.LISTING and facts.state is State.UPLOADING:
            assert decide(replace(facts, importable="files/a")) is Probe.FENCE
            assert decide(replace(facts, importable=None)) is Probe.LISTING
