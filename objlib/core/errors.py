"""Errors that a user can meet, and the exit code that each ends a command with.

::

    ObjlibError                       1 fatal
    ├── UsageError                    2 the command line or a setting is wrong
    ├── RefusedError                  4 refused before anything changed (wrong store, guard, lock)
    ├── LedgerError                   1 the ledger cannot be used (corrupt, newer, full disk, read-only)
    │   ├── LostNotesError            1 a connection broke, and took a scan's temporary tables with it
    │   └── NoLedgerError             2 there is none where one is named or expected
    ├── ServiceError                  1 the service cannot be used (see objlib.gemini.errors for its answers)
    └── TransitionError               a move that did not happen; a normal result, caught by the engine
        ├── StaleTransitionError      another task or run moved the row first
        ├── TransitionNotAllowedError the table has no such edge
        └── GuardRejectedError        the guard said no

Every message is one line that says what happened, to what, and what to do about it.
"""

from collections.abc import Iterator
from enum import IntEnum


class Exit(IntEnum):
    """Exit codes of the command line; scripts depend on them."""

    OK = 0
    FATAL = 1
    USAGE = 2
    SOME_FAILED = 3
    REFUSED = 4
    DRIFT = 5
    INTERRUPTED = 130


class ObjlibError(Exception):
    """Base of every error that the command line prints as one line."""

    exit_code: Exit = Exit.FATAL


class UsageError(ObjlibError):
    """The command line, the environment or the configuration file asks for something that cannot be."""

    exit_code = Exit.USAGE


class RefusedError(ObjlibError):
    """Refused before anything changed: wrong store, a vanished library, a guard or a lock."""

    exit_code = Exit.REFUSED


class LedgerError(ObjlibError):
    """The ledger cannot be opened, read or written."""


class LostNotesError(LedgerError):
    """The temporary tables of a scan went with a connection that broke; the scan has to look at all again."""


class NoLedgerError(LedgerError):
    """There is no ledger where one is named or expected."""

    exit_code = Exit.USAGE


class ServiceError(ObjlibError):
    """The service cannot be reached or used at all (as opposed to one file's failure, which is data)."""


class TransitionError(ObjlibError):
    """A transition that did not happen. The row is as it was; the event log has the attempt."""


class StaleTransitionError(TransitionError):
    """Another task or run moved the row first: its version is no longer the one that was read."""

    def __init__(self, file_id: str, expected: int) -> None:
        super().__init__(
            f"file {file_id} is no longer at version {expected}; another task or run moved it first"
        )
        self.file_id = file_id
        self.expected = expected


class TransitionNotAllowedError(TransitionError):
    """The lifecycle table has no edge for this event from this state."""

    def __init__(self, source: str, event: str) -> None:
        super().__init__(f"{event} is not allowed from state {source}")
        self.source = source
        self.event = event


class GuardRejectedError(TransitionError):
    """The guard of a transition looked at the row and said no."""

    def __init__(self, file_id: str, event: str, why: str) -> None:
        super().__init__(f"{event} of file {file_id} was rejected: {why}")
        self.file_id = file_id
        self.event = event


def leaves(error: BaseException) -> Iterator[BaseException]:
    """The errors in a group, however deep; an error alone is its own leaf."""
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from leaves(inner)
    else:
        yield error
