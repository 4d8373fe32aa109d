"""Kinds of things at the service, and their states: one set of words for client, lifecycle and engine."""

import re
from enum import StrEnum
from typing import Final

LISTING_LAG: Final = 5.0
"""Seconds after which what was made is sure to be listed; users of the service measured 1.5 to 2 s."""
TEMPORARY_NAME: Final = re.compile(r"[a-z0-9-]{1,40}")
"""The shape of a temporary file's id. The service names an imported document after it, and cannot rename it."""


class DocumentState(StrEnum):
    """How far the store is with a document."""

    PENDING = "pending"
    """Not searchable yet; the client also takes an unspecified or unknown state for this."""
    ACTIVE = "active"
    FAILED = "failed"
    """Not indexed. Only the operation says why; the document may still turn ACTIVE."""
    ABSENT = "absent"
    """There is no such document (any more); no listing says this of a document."""


class SessionState(StrEnum):
    """Where an upload session stands."""

    ACTIVE = "active"
    FINAL = "final"
    CANCELLED = "cancelled"
    GONE = "gone"
    """The service does not know the session (any more): only a listing can tell what became of it."""


class OperationState(StrEnum):
    """How far the service is with an operation."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    ABSENT = "absent"
    """Its record is gone, which says nothing of its document."""
