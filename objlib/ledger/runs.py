"""Runs of commands on this ledger, with their heartbeats."""

from objlib.core.ids import RunId
from objlib.ledger.database import LedgerConnection
from objlib.ledger.rows import RunRow
from objlib.ledger.table import Table, query, stamped


class RunTable(Table):
    """The runs that work on this ledger, and those that did."""

    @stamped
    def start(conn: LedgerConnection, now: float, run_id: RunId, pid: int, host: str, command: str) -> None:
        """Record that a run begins."""
        conn.execute(
            f"INSERT INTO runs ({RunRow.columns()}) VALUES (?, ?, ?, ?, ?, NULL, ?)",
            (run_id, pid, host, now, now, command),
        )

    @stamped
    def heartbeat(conn: LedgerConnection, now: float, run_id: RunId) -> None:
        """Record that a run is alive."""
        conn.execute("UPDATE runs SET heartbeat = ? WHERE run_id = ?", (now, run_id))

    @stamped
    def end(conn: LedgerConnection, now: float, run_id: RunId) -> None:
        """Record that a run is over: its rows in a transient state may be recovered at once."""
        conn.execute(
            "UPDATE runs SET heartbeat = ?1, ended = ?1 WHERE run_id = ?2 AND ended IS NULL", (now, run_id)
        )

    @query
    def get(conn: LedgerConnection, run_id: RunId) -> RunRow | None:
        """The run with this id."""
        return RunRow.first(conn, "WHERE run_id = ?", run_id)

    @query
    def all(conn: LedgerConnection) -> list[RunRow]:
        """All runs, oldest first."""
        return RunRow.all(conn, "ORDER BY started, run_id")
