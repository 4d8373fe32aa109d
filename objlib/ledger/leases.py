"""Leases: what one run at a time may do, and how a run that lost its lease is kept from doing harm.

A lease lives as long as its run, whose heartbeat renews it; there is nothing else to renew. A run that seems dead may
only be frozen, and goes on where it was when it thaws. So each transaction that relies on a lease asks for it first.
"""

from typing import Final, NamedTuple

from objlib.core.errors import LedgerError
from objlib.core.ids import RunId
from objlib.ledger.database import LedgerConnection
from objlib.ledger.table import Table, command, stamped

SCAN: Final = "scan"
"""The lease of the run that looks for changes on disk."""


class LostLeaseError(LedgerError):
    """Another run has taken the lease over; nothing of the transaction happened."""


class Lease(NamedTuple):
    """A lease, and the time (Unix seconds, by the ledger's clock) since which the run has it."""

    name: str
    run_id: RunId
    since: float


class LeaseTable(Table):
    """The leases, each with its holder."""

    @stamped
    def take(
        conn: LedgerConnection, now: float, name: str, run_id: RunId, *, instead_of: Lease | None = None
    ) -> Lease:
        """Take a lease that is free, or still held as ``instead_of``; return the one that is held then."""
        if instead_of is not None:
            LeaseTable.give_back(conn, instead_of)
        conn.execute(
            "INSERT INTO leases (name, run_id, at) VALUES (?, ?, ?) ON CONFLICT (name) DO NOTHING",
            (name, run_id, now),
        )
        holder, since = conn.execute("SELECT run_id, at FROM leases WHERE name = ?", (name,)).fetchone()
        return Lease(name, RunId(holder), float(since))

    @command
    def give_back(conn: LedgerConnection, lease: Lease) -> None:
        """End a lease, if it is still held as it was."""
        conn.execute("DELETE FROM leases WHERE name = ? AND run_id = ? AND at = ?", lease)


def require_lease(conn: LedgerConnection, lease: Lease | None) -> None:
    """Go on only while ``lease`` is held, for all of this transaction; None stands for work that needs none.

    Raises:
        LostLeaseError: it is not.
    """
    if lease is None:
        return
    held = conn.execute("SELECT 1 FROM leases WHERE name = ? AND run_id = ? AND at = ?", lease).fetchone()
    if held is None:
        raise LostLeaseError("another run took this one for dead, and does its work; run it again")
