"""The ledger: our SQLite database, the only truth about what we did and meant to do.

Everything that other rooms use is exported here; its modules are private to this package.
"""

from objlib.ledger.attempts import AttemptOverError
from objlib.ledger.comparison import Group, Standing
from objlib.ledger.deletions import PruneTotals, Start
from objlib.ledger.dump import is_dump
from objlib.ledger.identity import (
    EMBEDDED_KEY,
    LIBRARY_ID_KEY,
    LIBRARY_KEY,
    SERVICE_KEY,
    identify,
    ledger_exists,
    library_key,
    text_of_store,
)
from objlib.ledger.leases import SCAN, Lease, LostLeaseError
from objlib.ledger.ledger import Ledger, open_ledger
from objlib.ledger.listings import Listed, Listing
from objlib.ledger.rates import Rates
from objlib.ledger.refusals import run_at_work
from objlib.ledger.rows import (
    AttemptRow,
    Counts,
    EventRow,
    FileRow,
    FolderRow,
    IntentRow,
    RunRow,
)
from objlib.ledger.scan.patterns import PatternChoice
from objlib.ledger.scan.session import ScanSession, ToRead
from objlib.ledger.scan.tables import ChangeKind
from objlib.ledger.settings import DRIFT_KEY, LAST_SUCCESS_KEY, LEDGER_KEY, MODEL_KEY
from objlib.ledger.store_deletions import StoreIntent
from objlib.ledger.summary import LedgerSummary, files_with_content, summarize
from objlib.ledger.transfer import check_dump, copy_ledger, restore_ledger
from objlib.ledger.transitions import Guard, Move, Transition

__all__ = [
    "DRIFT_KEY",
    "EMBEDDED_KEY",
    "LAST_SUCCESS_KEY",
    "LEDGER_KEY",
    "LIBRARY_ID_KEY",
    "LIBRARY_KEY",
    "MODEL_KEY",
    "SCAN",
    "SERVICE_KEY",
    "AttemptOverError",
    "AttemptRow",
    "ChangeKind",
    "Counts",
    "EventRow",
    "FileRow",
    "FolderRow",
    "Group",
    "Guard",
    "IntentRow",
    "Lease",
    "Ledger",
    "LedgerSummary",
    "Listed",
    "Listing",
    "LostLeaseError",
    "Move",
    "PatternChoice",
    "PruneTotals",
    "Rates",
    "RunRow",
    "ScanSession",
    "Standing",
    "Start",
    "StoreIntent",
    "ToRead",
    "Transition",
    "check_dump",
    "copy_ledger",
    "files_with_content",
    "identify",
    "is_dump",
    "ledger_exists",
    "library_key",
    "open_ledger",
    "restore_ledger",
    "run_at_work",
    "summarize",
    "text_of_store",
]
