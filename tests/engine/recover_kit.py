"""What the tests of recovery share: a script by the number of each request, and the ledger from outside."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager

from objlib.core.config.settings import Settings
from objlib.testing import Action, Faults


def follow(faults: Faults, **script: Sequence[Action | None]) -> None:
    """What happens to the first, second, … request of each kind; what comes after them is let through."""

    def act(kind: str, count: int) -> Action | None:
        planned = script.get(kind, [])
        return planned[count] if count < len(planned) else None

    faults.script = act


@contextmanager
def ledger_of(settings: Settings) -> Iterator[sqlite3.Connection]:
    """The ledger's own file, as another program sees it."""
    with closing(sqlite3.connect(settings.ledger, timeout=10)) as db, db:
        yield db
