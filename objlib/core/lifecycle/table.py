"""The lifecycle of one file: the only place that names states, events and edges.

The SQL CHECK of the ledger, the diagram in ``docs/lifecycle.md`` and the exhaustive test all derive
from :data:`TABLE`. A file's row moves along one edge at a time, by compare-and-set on its version.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from objlib.core.errors import TransitionNotAllowedError


class State(StrEnum):
    """Where a file stands. Each comment says who moves a row *out* of the state."""

    UNTRACKED = "untracked"
    """Known on disk, wanted in the store, nothing under way. The upload pump takes it."""
    UPLOADING = "uploading"
    """Claimed by a run that is sending its bytes. That run moves it; if it died, recovery does."""
    PROCESSING = "processing"
    """The store has the bytes and indexes them. The run that waits moves it; if it died, recovery does."""
    INDEXED = "indexed"
    """The store said ACTIVE for exactly these bytes. Scan moves it when the file changes, audit when it broke."""
    FAILED = "failed"
    """Given up, with a reason that the user can act on. Only a retry, asked for or due, moves it."""


class Event(StrEnum):
    """An event in the life of a file."""

    START_UPLOAD = "start_upload"
    COMPLETE_UPLOAD = "complete_upload"
    COMPLETE_PROCESSING = "complete_processing"
    FAIL_UPLOAD = "fail_upload"
    FAIL_PROCESSING = "fail_processing"
    RETRY = "retry"
    REQUEUE_UPLOAD = "requeue_upload"
    REQUEUE_PROCESSING = "requeue_processing"
    ADOPT = "adopt"
    RESET = "reset"
    DEMOTE = "demote"


@dataclass(frozen=True, slots=True)
class Edge:
    """One legal move: in ``source``, ``event`` leads to ``target``, because of ``reason``."""

    event: Event
    source: State
    target: State
    reason: str


TABLE: Final[tuple[Edge, ...]] = (
    Edge(Event.START_UPLOAD, State.UNTRACKED, State.UPLOADING, "a run claimed the file"),
    Edge(Event.COMPLETE_UPLOAD, State.UPLOADING, State.PROCESSING, "the store has the bytes"),
    Edge(Event.COMPLETE_PROCESSING, State.PROCESSING, State.INDEXED, "the store said ACTIVE"),
    Edge(Event.FAIL_UPLOAD, State.UPLOADING, State.FAILED, "the upload was refused for good"),
    Edge(Event.FAIL_PROCESSING, State.PROCESSING, State.FAILED, "the store could not index it"),
    Edge(Event.RETRY, State.FAILED, State.UNTRACKED, "a retry was asked for, or the file changed"),
    Edge(Event.REQUEUE_UPLOAD, State.UPLOADING, State.UNTRACKED, "it is certain that nothing landed"),
    Edge(Event.REQUEUE_PROCESSING, State.PROCESSING, State.UNTRACKED, "it is certain that nothing is left"),
    Edge(Event.ADOPT, State.UPLOADING, State.PROCESSING, "the attempt's document was found in the store"),
    Edge(Event.RESET, State.INDEXED, State.UNTRACKED, "the file changed, or its document is gone"),
    Edge(Event.DEMOTE, State.INDEXED, State.FAILED, "an audit found the document broken"),
)

TRANSIENT: Final = frozenset({State.UPLOADING, State.PROCESSING})
"""States that belong to a run: a row in one of them has to be recovered when its run is dead."""

_TARGETS: Final = {(edge.source, edge.event): edge.target for edge in TABLE}


def target(source: State, event: Event) -> State:
    """The state that ``event`` leads to from ``source``.

    Raises:
        TransitionNotAllowedError: the table has no such edge.
    """
    try:
        return _TARGETS[source, event]
    except KeyError:
        raise TransitionNotAllowedError(source, event) from None
