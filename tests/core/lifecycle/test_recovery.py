"""The verdict on what a dead run left, over every combination of facts."""

import itertools
from dataclasses import replace

import pytest

from objlib.core.lifecycle.recovery import (
    Adopt,
    Ask,
    Complete,
    Document,
    Facts,
    Fail,
    Operation,
    Requeue,
    Session,
    Wait,
    verdict,
)
from objlib.core.lifecycle.table import TRANSIENT, State

EVERY = [
    Facts(state, sent, session, document_name, document, operation_name, operation, "why", listed=listed)
    for state, sent, session, document_name, document, operation_name, operation, listed in itertools.product(
        sorted(TRANSIENT),
        (False, True),
        (None, *Session),
        (None, "d"),
        (None, *Document),
        (None, "o"),
        (None, *Operation),
        (None, (), ("d",), ("d", "e")),
    )
]


def test_every_combination_has_a_verdict() -> None:
    assert len(EVERY) == 2 * 2 * 5 * 2 * 5 * 2 * 5 * 4
    for facts in EVERY:
        verdict(facts)


def test_a_question_is_never_asked_twice() -> None:
    for facts in EVERY:
        match verdict(facts):
            case Ask.SESSION:
                assert facts.session is None
            case Ask.DOCUMENT:
                assert facts.document is None
                assert facts.document_name is not None
            case Ask.OPERATION:
                assert facts.operation is None
                assert facts.operation_name is not None
            case Ask.LISTING:
                assert facts.listed is None


def test_nothing_is_sent_again_while_a_document_may_exist() -> None:
    for facts in EVERY:
        if not isinstance(verdict(facts), Requeue):
            continue
        if facts.state is State.UPLOADING and facts.sent:
            never_finalized = facts.session in {Session.ACTIVE, Session.CANCELLED}
            assert never_finalized or facts.listed == ()
        if facts.state is State.PROCESSING:
            assert facts.listed == ()


def test_only_an_active_document_completes() -> None:
    for facts in EVERY:
        if isinstance(verdict(facts), Complete):
            assert facts.document is Document.ACTIVE


def test_an_active_document_completes_whatever_its_operation_says() -> None:
    for facts in EVERY:
        if facts.state is State.PROCESSING and facts.document_name and facts.document is Document.ACTIVE:
            assert verdict(facts) == Complete(facts.document_name)


def test_an_unfinished_session_is_closed_before_the_file_is_sent_again() -> None:
    found = verdict(Facts(State.UPLOADING, sent=True, session=Session.ACTIVE))
    assert found == Requeue("the upload was never finalized", cancel_session=True)


def test_two_documents_of_one_attempt_leave_one() -> None:
    facts = Facts(State.UPLOADING, sent=True, session=Session.GONE, listed=("best", "other"))
    assert verdict(facts) == Adopt("best", None, ("other",))


def test_the_order_of_questions_costs_least() -> None:
    assert isinstance(verdict(Facts(State.UPLOADING, sent=False)), Requeue), "nothing to ask about"
    facts = Facts(State.UPLOADING, sent=True)
    assert verdict(facts) is Ask.SESSION
    assert verdict(replace(facts, session=Session.FINAL)) is Ask.LISTING
    assert isinstance(verdict(replace(facts, session=Session.FINAL, document_name="d")), Adopt)
    facts = Facts(State.PROCESSING, sent=True, document_name="d", operation_name="o")
    assert verdict(facts) is Ask.DOCUMENT
    absent = replace(facts, document=Document.ABSENT)
    assert verdict(absent) is Ask.OPERATION
    assert verdict(replace(absent, operation=Operation.DONE)) is Ask.LISTING
    assert verdict(replace(absent, operation=Operation.RUNNING)) == Wait()
    assert verdict(replace(absent, operation=Operation.FAILED, reason="bad")) == Fail("bad")
    assert isinstance(verdict(replace(facts, document=Document.PENDING)), Wait)
    failed = replace(facts, document=Document.FAILED)
    assert verdict(failed) is Ask.OPERATION
    assert verdict(replace(failed, operation=Operation.FAILED, reason="bad")) == Fail("bad")


@pytest.mark.parametrize("state", sorted(set(State) - TRANSIENT))
def test_a_settled_row_has_nothing_to_recover(state: State) -> None:
    with pytest.raises(ValueError, match="nothing to recover"):
        verdict(Facts(state, sent=True))


def test_before_an_import_is_given_up_for_lost_its_file_is_taken_away() -> None:
    """Else the service could still carry it out when the store was listed, and the file sent again."""
    for facts in EVERY:
        if verdict(facts) is Ask.LISTING and facts.state is State.UPLOADING:
            assert verdict(replace(facts, importable="files/a")) is Ask.FENCE
            assert verdict(replace(facts, importable=None)) is Ask.LISTING
