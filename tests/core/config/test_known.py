"""Whether a ledger of the catalog is lost, by what the ledger at its path says of itself."""

from pathlib import Path

import pytest

from objlib.core.config.known import KnownLedger, LedgerIdentity

SENT = KnownLedger(Path("/data/ledger.db"), ledger_id="abc", store="notes")


@pytest.mark.parametrize(
    ("identity", "lost"),
    [
        (None, True),
        (LedgerIdentity(), True),
        (LedgerIdentity(ledger_id="other"), True),
        (LedgerIdentity(ledger_id="abc"), False),
        (LedgerIdentity(ledger_id="other", store="fileSearchStores/x"), False),
    ],
    ids=["no file", "an empty ledger", "a new ledger", "the same ledger", "a ledger with a store of its own"],
)
def test_a_ledger_that_sent_documents_is_lost_where_none_knows_them(
    identity: LedgerIdentity | None, lost: bool
) -> None:
    assert SENT.is_lost(identity) is lost


@pytest.mark.parametrize("identity", [None, LedgerIdentity(ledger_id="other")])
def test_a_ledger_that_sent_nothing_is_never_lost(identity: LedgerIdentity | None) -> None:
    assert not KnownLedger(Path("/data/ledger.db"), ledger_id="abc").is_lost(identity)
