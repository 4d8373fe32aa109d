"""The interface of every candidate, whatever library is behind it."""

from typing import Any, Protocol, runtime_checkable


@runtime_checkable
class FileStateMachineProtocol(Protocol):
    """The state machine of one file, made for one transition and then thrown away.

    Keywords of both methods: ``guard``, an async function of nothing that gives the reason for a refusal or
    None; a candidate may know more (see each).
    """

    @property
    def current_state(self) -> str:
        """Where the file stands, as this machine knows it."""
        ...

    async def trigger(self, event: str, **kwargs: Any) -> None:
        """Take the edge of ``event``.

        Raises:
            TransitionNotAllowedError: there is no such edge from here.
            GuardRejectedError: the guard said no.
            StaleTransitionError: someone else moved the file first.
        """
        ...

    async def can_trigger(self, event: str, **kwargs: Any) -> bool:
        """Whether :meth:`trigger` would find an edge and a willing guard; changes nothing."""
        ...
