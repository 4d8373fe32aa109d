"""The hand-written machine: the shipped table says which edge, the shipped ledger takes it."""

from typing import Any

from objlib.core.errors import TransitionNotAllowedError
from objlib.core.lifecycle.table import Event, target
from objlib.ledger import FileRow, Guard, Ledger
from spike.phase9_spike.adapters.base import AsyncGuard, take


class HandrolledAdapter:
    """One file's machine over the shipped table and ledger.

    Beside ``guard`` it knows ``inside``: the ledger's own guard, which looks at the fresh row within the
    transaction. What the async guard says is carried into the transaction and recorded there, and the version
    that the row had when it judged is compared: a guard can never speak about a row that has moved on.
    """

    def __init__(self, ledger: Ledger, row: FileRow) -> None:
        self._ledger = ledger
        self._row = row

    @property
    def current_state(self) -> str:
        """Where the file stood when it was read, or after the last transition of this machine."""
        return str(self._row.state)

    async def trigger(self, event: str, **kwargs: Any) -> None:
        """Take the edge of ``event``; see :class:`spike.phase9_spike.protocol.FileStateMachineProtocol`."""
        guard: AsyncGuard | None = kwargs.get("guard")
        inside: Guard | None = kwargs.get("inside")
        verdict = inside if guard is None else await _judge(guard)
        self._row = await take(self._ledger, self._row, event, guard=verdict)

    async def can_trigger(self, event: str, **kwargs: Any) -> bool:
        """Whether there is such an edge from here and the guard is willing."""
        guard: AsyncGuard | None = kwargs.get("guard")
        try:
            target(self._row.state, Event(event))
        except (ValueError, TransitionNotAllowedError):
            return False
        return guard is None or await guard() is None


async def _judge(guard: AsyncGuard) -> Guard:
    """Call the guard inside the transaction."""
    try:
        why = await guard()
    except Exception as error:
        # Kept in a name of its own: Python deletes `error` when the block ends.
        raised = error

        def again(_row: FileRow) -> str | None:
            raise raised

        return again
    return lambda _row: why
