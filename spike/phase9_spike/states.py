"""The five states, the five seed edges and their events, taken from the shipped table: there is no second copy."""

from typing import Final

from objlib.core.lifecycle.table import TABLE, Edge, Event, State

STATES: Final = tuple(str(state) for state in State)
"""All five, by their names in the database."""

SEED_EVENTS: Final = (
    Event.START_UPLOAD,
    Event.COMPLETE_UPLOAD,
    Event.COMPLETE_PROCESSING,
    Event.FAIL_UPLOAD,
    Event.FAIL_PROCESSING,
)
"""The events that the spike began with; production added the others."""

SEED_EDGES: Final[tuple[Edge, ...]] = tuple(edge for edge in TABLE if edge.event in SEED_EVENTS)
"""The rows of the shipped table for these events."""

LEGAL: Final = frozenset((str(edge.event), str(edge.source), str(edge.target)) for edge in TABLE)
"""Every legal (event, from, to), for reading an event log."""
