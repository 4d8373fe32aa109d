"""The candidates, and how each is built over a shipped ledger."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from objlib.ledger import FileRow, Ledger
from spike.phase9_spike.adapters.base import Commit, take
from spike.phase9_spike.adapters.handrolled_adapter import HandrolledAdapter
from spike.phase9_spike.adapters.statemachine_adapter import StateMachineAdapter
from spike.phase9_spike.adapters.transitions_adapter import TransitionsAdapter
from spike.phase9_spike.protocol import FileStateMachineProtocol

Make = Callable[[Ledger, FileRow], FileStateMachineProtocol]
"""A fresh machine for a row; it lives for one transition."""

MakeAnywhere = Callable[[str, str, Commit], FileStateMachineProtocol]
"""The same from (file id, state, commit), which needs no ledger and so runs under asyncio too."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One way to have a state machine.

    Attributes:
        name: as on the command line.
        about: for the report.
        make: over a shipped ledger.
        anywhere: over any commit; None where the candidate is made of the ledger itself.
    """

    name: str
    about: str
    make: Make
    anywhere: MakeAnywhere | None


def _over_ledger(make: MakeAnywhere) -> Make:
    def made(ledger: Ledger, row: FileRow) -> FileStateMachineProtocol:
        async def commit(event: str) -> None:
            await take(ledger, row, event)

        return make(row.file_id, str(row.state), commit)

    return made


KIND: Final = partial(StateMachineAdapter, kind=True)

CANDIDATES: Final = {
    candidate.name: candidate
    for candidate in (
        Candidate("handrolled", "the shipped table and ledger", HandrolledAdapter, None),
        Candidate(
            "statemachine", "python-statemachine", _over_ledger(StateMachineAdapter), StateMachineAdapter
        ),
        Candidate(
            "statemachine-kind",
            "python-statemachine, awaiting only what it makes awaitable",
            _over_ledger(KIND),
            KIND,
        ),
        Candidate(
            "transitions", "transitions' AsyncMachine", _over_ledger(TransitionsAdapter), TransitionsAdapter
        ),
    )
}
"""All candidates by name."""
