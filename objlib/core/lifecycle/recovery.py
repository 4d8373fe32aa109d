"""The recovery of a row in a transient state, decided by a pure function of the facts.

:func:`decide` names either the next probe of the service or the action to take, in the order that costs least: the
upload session, the document by name, the operation, and one listing for all other rows. An attempt whose answer was
lost is *unknown*, never *failed*; nothing is sent again before the service was probed.
"""

from dataclasses import dataclass
from enum import Enum, auto
from typing import assert_never

from objlib.core.failures import FailureKind
from objlib.core.lifecycle.table import State
from objlib.core.remote import DocumentState, OperationState, SessionState


@dataclass(frozen=True, slots=True)
class Facts:
    """The facts about one attempt. None means "not probed yet", or "no such name".

    Attributes:
        state: the row's state, UPLOADING or PROCESSING.
        sent: whether a session was recorded, so that bytes may have been sent.
        session: the state of the upload session.
        document_name: full resource name of the attempt's document.
        document: the state of that document.
        operation_name: full resource name of the attempt's operation.
        operation: the state of that operation.
        importable: full resource name of a temporary file from which an import that was sent may still make a
            document; None when the attempt needs none, or it is gone.
        reason: why the operation or document failed, where the service says.
        transient: whether another attempt may not meet that reason.
        unindexable: whether the store has no reader for the file.
        listed: documents that carry the attempt's tag, best first (ACTIVE, then oldest); None before a listing.
    """

    state: State
    sent: bool
    session: SessionState | None = None
    document_name: str | None = None
    document: DocumentState | None = None
    operation_name: str | None = None
    operation: OperationState | None = None
    reason: str = ""
    transient: bool = False
    unindexable: bool = False
    importable: str | None = None
    listed: tuple[str, ...] | None = None

    @property
    def failure_kind(self) -> FailureKind:
        """The kind of a failure that will last."""
        return FailureKind.UNINDEXABLE if self.unindexable else FailureKind.PROCESSING


class Probe(Enum):
    """The next probe of the service."""

    SESSION = auto()
    DOCUMENT = auto()
    OPERATION = auto()
    FENCE = auto()
    """It deletes the temporary file, which makes the next probe final: no import can land late without it."""
    LISTING = auto()


@dataclass(frozen=True, slots=True)
class Adopt:
    """The document exists: the row goes on to PROCESSING with it; ``surplus`` documents are deleted."""

    document: str
    operation: str | None
    surplus: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Complete:
    """The document is ACTIVE: the row is indexed."""

    document: str


@dataclass(frozen=True, slots=True)
class Wait:
    """The store is still indexing the document: wait until it is ACTIVE."""


@dataclass(frozen=True, slots=True)
class Requeue:
    """It is certain that nothing landed: the file may be sent again."""

    reason: str
    cancel_session: bool = False


@dataclass(frozen=True, slots=True)
class Fail:
    """The store has the bytes and could not index them."""

    reason: str


Verdict = Probe | Adopt | Complete | Wait | Requeue | Fail


def decide(facts: Facts) -> Verdict:
    """Decide the next probe or the action for one row; never both, and never a guess."""
    match facts.state:
        case State.UPLOADING:
            return _uploading(facts)
        case State.PROCESSING:
            return _processing(facts)
        case _:
            raise ValueError(f"a row in state {facts.state} has nothing to recover")


def _uploading(facts: Facts) -> Verdict:
    if not facts.sent:
        return Requeue("the run ended before any byte was sent")
    if facts.document_name is not None:
        return Adopt(facts.document_name, facts.operation_name)
    match facts.session:
        case None:
            return Probe.SESSION
        case SessionState.ACTIVE:
            return Requeue("the upload was never finalized", cancel_session=True)
        case SessionState.CANCELLED:
            return Requeue("the upload session was cancelled before it was finalized")
        case SessionState.FINAL | SessionState.GONE:
            if facts.importable is not None and facts.listed is None:
                return Probe.FENCE
            return _listing(facts)
        case _:
            assert_never(facts.session)


def _processing(facts: Facts) -> Verdict:
    if facts.document_name is None:
        return _listing(facts)
    match facts.document:
        case None:
            return Probe.DOCUMENT
        case DocumentState.ACTIVE:
            return Complete(facts.document_name)
        case DocumentState.PENDING:
            return Wait()
        case DocumentState.FAILED:
            if facts.operation_name is not None and facts.operation is None:
                return Probe.OPERATION
            return Fail(facts.reason or "the service could not index the document and does not say why")
        case DocumentState.ABSENT:
            return _absent(facts)
        case _:
            assert_never(facts.document)


def _absent(facts: Facts) -> Verdict:
    """The document is not there, or not yet: the operation tells which, and a listing decides."""
    if facts.operation_name is not None:
        match facts.operation:
            case None:
                return Probe.OPERATION
            case OperationState.RUNNING:
                return Wait()
            case OperationState.FAILED:
                return Fail(facts.reason or "the service gave up on the document and does not say why")
            case OperationState.DONE | OperationState.ABSENT:
                pass
            case _:
                assert_never(facts.operation)
    return _listing(facts)


def _listing(facts: Facts) -> Verdict:
    if facts.listed is None:
        return Probe.LISTING
    if not facts.listed:
        return Requeue("no document of this attempt is in the store")
    kept, *surplus = facts.listed
    return Adopt(kept, None, tuple(surplus))
