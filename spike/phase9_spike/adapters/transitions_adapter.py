"""The candidate ``transitions``: its AsyncMachine is made from the shipped table, its edge is taken by ``commit``."""

from typing import Any

from transitions import MachineError
from transitions.extensions.asyncio import AsyncMachine

from objlib.core.errors import GuardRejectedError, TransitionNotAllowedError
from spike.phase9_spike.adapters.base import AsyncGuard, Commit
from spike.phase9_spike.states import SEED_EDGES, STATES


class _Model:
    """The library's model: where it finds guard and effect by name, and leaves ``state`` and ``trigger``."""

    state: str
    trigger: Any

    def __init__(self, commit: Commit) -> None:
        self.commit = commit
        self.why: str | None = None
        self.asked: AsyncGuard | None = None

    async def guard(self, _event: str) -> bool:
        """The condition of every edge."""
        self.why = None if self.asked is None else await self.asked()
        return self.why is None

    async def take_edge(self, event: str) -> None:
        """The effect of every edge, before the library changes its own state."""
        await self.commit(event)


class TransitionsAdapter:
    """One file's machine over the AsyncMachine of ``transitions``.

    Args:
        file_id: for messages.
        start: the state, as the database has it.
        commit: takes the edge where the file is kept.
    """

    def __init__(self, file_id: str, start: str, commit: Commit) -> None:
        self._file_id = file_id
        self._model = _Model(commit)
        self._machine = AsyncMachine(
            self._model, states=list(STATES), initial=start, auto_transitions=False, queued=False
        )
        for edge in SEED_EDGES:
            self._machine.add_transition(
                str(edge.event), str(edge.source), str(edge.target), conditions="guard", before="take_edge"
            )

    @property
    def current_state(self) -> str:
        """Return the state that the library holds."""
        return self._model.state

    async def trigger(self, event: str, **kwargs: Any) -> None:
        """Take the edge of ``event``, if the library gets that far."""
        self._model.asked = kwargs.get("guard")
        try:
            moved = await self._model.trigger(event, event)
        except (MachineError, AttributeError):
            raise TransitionNotAllowedError(self.current_state, event) from None
        if not moved:
            raise GuardRejectedError(self._file_id, event, self._model.why or "no reason given")

    async def can_trigger(self, event: str, **kwargs: Any) -> bool:
        """Whether the library enables the event and the guard is willing."""
        guard: AsyncGuard | None = kwargs.get("guard")
        allowed = event in self._machine.get_triggers(self.current_state)
        return allowed and (guard is None or await guard() is None)
