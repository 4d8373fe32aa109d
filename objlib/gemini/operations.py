"""Operations: the service's long-running jobs that turn bytes into a searchable document."""

from dataclasses import dataclass
from typing import Final

from objlib.gemini import names
from objlib.gemini.errors import Call, ErrorKind
from objlib.gemini.redact import without_secrets
from objlib.gemini.refusals import one_line
from objlib.gemini.transport import Resource
from objlib.gemini.wire import OperationShape

_GET: Final = Call("operation", "asking for an operation")
_KINDS: Final = {5: ErrorKind.NOT_FOUND, 7: ErrorKind.AUTH, 16: ErrorKind.AUTH} | dict.fromkeys(
    (1, 2, 4, 10, 13, 14, 15), ErrorKind.TRANSIENT
)


@dataclass(frozen=True, slots=True)
class OperationError:
    """Why an operation failed.

    Attributes:
        code: gRPC number (3 invalid, 8 exhausted, 12 unimplemented, 13 internal, 14 unavailable), not an HTTP status.
        message: one line.
    """

    code: int
    message: str

    @property
    def kind(self) -> ErrorKind:
        """The kind of error that it is."""
        if self.code == 8:
            return ErrorKind.STORE_FULL if "storage limit" in self.message.lower() else ErrorKind.RATE_LIMIT
        return _KINDS.get(self.code, ErrorKind.PERMANENT)

    @property
    def unindexable(self) -> bool:
        """Whether the store has no reader for the file, which is no fault of the file."""
        return self.code == 12


@dataclass(frozen=True, slots=True)
class Operation:
    """One look at an operation.

    Attributes:
        name: full resource name.
        done: finished, well or not. A ``response`` is no proof of it: the finalize answer has one already.
        error: why it failed.
        document: full name of its document; computed from the operation's id where the answer does not say.
        hint: whether the document's name was computed, and so has to be confirmed.
    """

    name: str
    done: bool = False
    error: OperationError | None = None
    document: str | None = None
    hint: bool = False


class OperationsApi(Resource):
    """The requests about operations; see :attr:`objlib.gemini.Client.operations`."""

    async def get(self, name: str) -> Operation:
        """One look at the operation of that full name.

        NOT_FOUND when its record is gone, which says nothing of its document.
        """
        shape = await self._transport.json(_GET, names.operation_name(name), OperationShape)
        return read(shape, store=names.store_of(name), name=name)


def read(shape: OperationShape, *, store: str | None, name: str = "") -> Operation:
    """``shape`` with its names made full: bare ids belong to ``store``, and ``name`` is the operation's default."""
    full = names.full_operation(shape.name, store, upload=False) or name
    document = None
    if shape.response is not None and shape.response.document_name:
        parent = names.full_store(shape.response.parent) or names.store_of(full) or store
        document = names.full_document(shape.response.document_name, parent)
    hinted = names.document_hint(full) if document is None else None
    error = shape.error
    return Operation(
        name=full,
        done=shape.done,
        error=None if error is None else OperationError(error.code, one_line(without_secrets(error.message))),
        document=document or hinted,
        hint=hinted is not None,
    )
