"""Runs of commands on this ledger, with their heartbeats."""

import json
from dataclasses import asdict, fields
from typing import Final

from objlib.core.ids import RunId
from objlib.core.reports.runs import RunProgress, RunSample
from objlib.ledger.database import LedgerConnection
from objlib.ledger.rows import RunRow
from objlib.ledger.table import Table, query, stamped

KEPT_SERIES: Final = 20
"""Runs whose samples are all kept; of an older run the last one is, which holds its totals."""


class RunTable(Table):
    """The runs that work on this ledger, and those that did, with samples of their progress."""

    @stamped
    def start(conn: LedgerConnection, now: float, run_id: RunId, pid: int, host: str, command: str) -> None:
        """Record that a run begins."""
        conn.execute(
            f"INSERT INTO runs ({RunRow.columns()}) VALUES (?, ?, ?, ?, ?, NULL, ?)",
            (run_id, pid, host, now, now, command),
        )
        conn.execute(
            "DELETE FROM samples AS s WHERE at < (SELECT max(at) FROM samples WHERE run_id = s.run_id)"
            " AND run_id NOT IN (SELECT run_id FROM runs ORDER BY started DESC LIMIT ?)",
            (KEPT_SERIES,),
        )

    @stamped
    def heartbeat(
        conn: LedgerConnection, now: float, run_id: RunId, progress: RunProgress | None = None
    ) -> bool:
        """Record that a run is alive, and how far it is; whether it is asked to stop."""
        conn.execute("UPDATE runs SET heartbeat = ? WHERE run_id = ?", (now, run_id))
        _sample(conn, now, run_id, progress)
        return conn.execute("SELECT 1 FROM stops WHERE run_id = ?", (run_id,)).fetchone() is not None

    @stamped
    def ask_to_stop(conn: LedgerConnection, now: float, run_id: RunId) -> None:
        """Ask a run to finish what it has in flight, which it does from its next heartbeat on."""
        conn.execute(
            "INSERT INTO stops (run_id, at) VALUES (?, ?) ON CONFLICT (run_id) DO NOTHING", (run_id, now)
        )

    @stamped
    def end(conn: LedgerConnection, now: float, run_id: RunId, progress: RunProgress | None = None) -> None:
        """Record that a run is over, and how far it came: its rows in a transient state may be recovered at once."""
        conn.execute(
            "UPDATE runs SET heartbeat = ?1, ended = ?1 WHERE run_id = ?2 AND ended IS NULL", (now, run_id)
        )
        _sample(conn, now, run_id, progress)

    @query
    def get(conn: LedgerConnection, run_id: RunId) -> RunRow | None:
        """The run with this id."""
        return RunRow.first(conn, "WHERE run_id = ?", run_id)

    @query
    def all(conn: LedgerConnection) -> list[RunRow]:
        """All runs, oldest first."""
        return RunRow.all(conn, "ORDER BY started, run_id")

    @query
    def stops(conn: LedgerConnection) -> dict[RunId, float]:
        """When each run that was asked to stop was asked first."""
        return {RunId(run_id): float(at) for run_id, at in conn.execute("SELECT run_id, at FROM stops")}

    @query
    def samples(conn: LedgerConnection, run_id: RunId) -> list[RunSample]:
        """The samples of a run, oldest first."""
        cursor = conn.execute("SELECT at, progress FROM samples WHERE run_id = ? ORDER BY at", (run_id,))
        return [RunSample(at, _decode(text)) for at, text in cursor]

    @query
    def progress(conn: LedgerConnection) -> dict[RunId, RunProgress]:
        """The last sample of each run that has one."""
        cursor = conn.execute(
            "SELECT s.run_id, s.progress FROM samples AS s"
            " JOIN (SELECT run_id, max(at) AS at FROM samples GROUP BY run_id) AS newest"
            " ON newest.run_id = s.run_id AND newest.at = s.at"
        )
        return {RunId(run_id): _decode(text) for run_id, text in cursor}


def _sample(conn: LedgerConnection, now: float, run_id: RunId, progress: RunProgress | None) -> None:
    if progress is not None:
        conn.execute(
            "INSERT INTO samples (run_id, at, progress) VALUES (?, ?, ?)"
            " ON CONFLICT (run_id, at) DO UPDATE SET progress = excluded.progress",
            (run_id, now, json.dumps(asdict(progress), ensure_ascii=False)),
        )


def _decode(text: str) -> RunProgress:
    """The progress as it was recorded; members that this version does not know are left out."""
    known = {field.name for field in fields(RunProgress)}
    return RunProgress(**{name: value for name, value in json.loads(text).items() if name in known})
