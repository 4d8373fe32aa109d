"""The ledger: our SQLite database, the only truth about what we did and meant to do."""

from objlib.ledger.attempts import AttemptOverError
from objlib.ledger.ledger import Ledger, open_ledger
from objlib.ledger.rows import AttemptRow, Counts, EventRow, FileRow, IntentRow, RunRow
from objlib.ledger.transitions import Guard, Transition

__all__ = [
    "AttemptOverError",
    "AttemptRow",
    "Counts",
    "EventRow",
    "FileRow",
    "Guard",
    "IntentRow",
    "Ledger",
    "RunRow",
    "Transition",
    "open_ledger",
]
