"""Claiming the next files for a run: chosen and moved in one transaction."""

import json
from collections.abc import Sequence

from objlib.core.ids import AttemptId, FileId, RunId
from objlib.ledger.database import LedgerConnection
from objlib.ledger.files import FileTable
from objlib.ledger.rows import FileRow
from objlib.ledger.transition_sql import apply_transition
from objlib.ledger.transitions import Move


def claim_files(
    conn: LedgerConnection,
    now: float,
    run_id: RunId,
    attempts: Sequence[AttemptId],
    *,
    among: Sequence[FileId] | None,
) -> list[tuple[FileRow, AttemptId]]:
    """Claim the next files that are due, at most one for each attempt; the rows after it, in UPLOADING.

    Files that another session is claiming at this moment are skipped, so that the runs of many machines each take
    others. The move is a compare-and-set all the same.

    Args:
        run_id: whose the files are then.
        attempts: an id for each claim.
        among: the only files that may be claimed; None for all.
    """
    limit, lock = len(attempts), conn.dialect.skip_locked
    if among is None:
        rows = FileTable.claimable(conn, now=now, limit=limit, suffix=lock)
    else:
        rows = FileTable.due_among(conn, json.dumps(among), now=now, limit=limit, suffix=lock)
    claimed = [
        (apply_transition(conn, Move(row, run_id, attempt).start_upload(), now), attempt)
        for row, attempt in zip(rows, attempts, strict=False)
    ]
    return [(row, attempt) for row, attempt in claimed if isinstance(row, FileRow)]
