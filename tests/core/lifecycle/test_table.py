"""The lifecycle table, exhaustively: every state with every event, and what must hold of the whole."""

import itertools

import pytest

from objlib.core.errors import TransitionNotAllowedError
from objlib.core.lifecycle.table import TABLE, TRANSIENT, Event, State, target

SEED = [
    ("start_upload", "untracked", "uploading"),
    ("complete_upload", "uploading", "processing"),
    ("complete_processing", "processing", "indexed"),
    ("fail_upload", "uploading", "failed"),
    ("fail_processing", "processing", "failed"),
]
"""The five moves that scripts and older ledgers know by name; they never change."""


@pytest.mark.parametrize(("source", "event"), list(itertools.product(State, Event)))
def test_an_event_leads_where_the_table_says_and_nowhere_else(source: State, event: Event) -> None:
    edges = [edge for edge in TABLE if edge.source is source and edge.event is event]
    if edges:
        assert [target(source, event)] == [edge.target for edge in edges]
    else:
        with pytest.raises(TransitionNotAllowedError) as caught:
            target(source, event)
        assert (caught.value.source, caught.value.event) == (source, event)
        assert str(caught.value) == f"{event} is not allowed from state {source}"


def test_the_first_five_edges_are_the_ones_scripts_know() -> None:
    assert [(edge.event.value, edge.source.value, edge.target.value) for edge in TABLE[:5]] == SEED


def test_each_event_leaves_from_one_state_only() -> None:
    # So an event's name alone tells a reader of the log where the row stood.
    assert sorted(edge.event for edge in TABLE) == sorted(Event)


def test_every_edge_moves_and_says_why() -> None:
    for edge in TABLE:
        assert edge.source is not edge.target
        assert edge.reason
        assert edge.reason[0].islower()
        assert not edge.reason.endswith(".")


def test_no_state_is_a_trap() -> None:
    """From every state a file can still get to ``indexed``, and from every state it can fail."""
    onward = {state: {edge.target for edge in TABLE if edge.source is state} for state in State}
    for start in State:
        reached = {start}
        while (more := set().union(*(onward[state] for state in reached))) - reached:
            reached |= more
        assert reached == set(State)


def test_indexed_is_reached_from_processing_alone() -> None:
    """``indexed`` means that the store said ACTIVE, so there is no shorter way."""
    assert {edge.source for edge in TABLE if edge.target is State.INDEXED} == {State.PROCESSING}


def test_a_transient_state_can_be_left_for_better_or_worse() -> None:
    """Whatever a dead run left can be completed, failed or taken back."""
    for state in TRANSIENT:
        targets = {edge.target for edge in TABLE if edge.source is state}
        assert {State.UNTRACKED, State.FAILED} < targets


def test_states_and_events_are_the_words_kept_in_the_ledger() -> None:
    # Renaming a member would orphan every row and event already written.
    assert [state.value for state in State] == ["untracked", "uploading", "processing", "indexed", "failed"]
    assert all(event.value == event.name.lower() for event in Event)
