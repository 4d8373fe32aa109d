"""The candidate python-statemachine: its machine is made from the shipped table, its edge is taken by ``commit``."""

import inspect
from typing import Any

from statemachine import State as Node
from statemachine import StateMachine
from statemachine.exceptions import InvalidStateValue, TransitionNotAllowed
from statemachine.factory import StateMachineMetaclass
from statemachine.transition_list import TransitionList

from objlib.core.errors import GuardRejectedError, TransitionNotAllowedError
from objlib.core.lifecycle.table import State
from spike.phase9_spike.adapters.base import AsyncGuard, Commit
from spike.phase9_spike.states import SEED_EDGES


def _machine() -> type[StateMachine]:
    """A machine class of the five states and five seed edges, each edge with the model's async guard."""
    sources = {edge.source for edge in SEED_EDGES}
    nodes = {
        state: Node(value=str(state), initial=state is State.UNTRACKED, final=state not in sources)
        for state in State
    }
    events: dict[str, TransitionList] = {}
    for edge in SEED_EDGES:
        events[str(edge.event)] = nodes[edge.source].to(nodes[edge.target], cond="guard", on="take_edge")
    body: dict[str, Any] = {str(state): node for state, node in nodes.items()} | events
    machine_class = StateMachineMetaclass("FileMachine", (StateMachine,), body)
    assert issubclass(machine_class, StateMachine)
    return machine_class


FileMachine = _machine()


class _Model:
    """The library's model: where it finds guard and effect by name."""

    def __init__(self, commit: Commit) -> None:
        self.commit = commit
        self.why: str | None = None
        self.asked: AsyncGuard | None = None
        self.state: str | None = None

    async def guard(self) -> bool:
        """The condition of every edge."""
        self.why = None if self.asked is None else await self.asked()
        return self.why is None

    async def take_edge(self, event: str) -> None:
        """The effect of every edge."""
        await self.commit(str(event))


class StateMachineAdapter:
    """One file's machine over python-statemachine.

    Args:
        file_id: for messages.
        start: the state, as the database has it.
        commit: takes the edge where the file is kept.
        kind: await only what can be awaited, rather than what the library's documentation says to await. This is
            the best case that can be made for it under trio.
    """

    def __init__(self, file_id: str, start: str, commit: Commit, *, kind: bool = False) -> None:
        self._file_id = file_id
        self._kind = kind
        self._model = _Model(commit)
        self._machine = FileMachine(self._model, start_value=start)

    @property
    def current_state(self) -> str:
        """Return the state that the library holds."""
        return str(self._model.state)

    async def _awaited(self, result: Any) -> None:
        """Await what the library gave, which is no coroutine where it finds no asyncio."""
        if not self._kind or inspect.isawaitable(result):
            await result

    async def trigger(self, event: str, **kwargs: Any) -> None:
        """Take the edge of ``event``, if the library gets that far."""
        self._model.asked = kwargs.get("guard")
        await self._awaited(self._machine.activate_initial_state())
        try:
            await self._awaited(self._machine.send(event))
        except (TransitionNotAllowed, InvalidStateValue):
            if self._model.why is not None:
                raise GuardRejectedError(self._file_id, event, self._model.why) from None
            raise TransitionNotAllowedError(self.current_state, event) from None

    async def can_trigger(self, event: str, **kwargs: Any) -> bool:
        """Whether the library enables the event and the guard is willing."""
        guard: AsyncGuard | None = kwargs.get("guard")
        await self._awaited(self._machine.activate_initial_state())
        allowed = event in {str(each.id) for each in self._machine.allowed_events}
        return allowed and (guard is None or await guard() is None)
