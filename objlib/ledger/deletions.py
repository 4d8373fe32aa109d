"""Documents that leave the store while a row still names them: which may go, and the row afterwards.

The order is always the same: record the intent, delete the document, and in one transaction close the intent
and remove the document from the row. A crash leaves an open intent, from which the next recovery goes on. Since
the row comes last, a file that is back on disk before its document was deleted simply keeps it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from objlib.core.ids import RunId
from objlib.core.lifecycle.table import TRANSIENT, State
from objlib.ledger.database import LedgerConnection
from objlib.ledger.intents import IntentTable
from objlib.ledger.rows import FileRow, IntentRow
from objlib.ledger.table import Table, query, stamped
from objlib.ledger.transition_sql import must_apply
from objlib.ledger.transitions import Move

_ROW: Final = FileRow.columns("f")
_IN_TRANSIT: Final = ", ".join(f"'{state}'" for state in sorted(TRANSIENT))
# Not a file under way: its task is about to give it a document.
_PRUNABLE: Final = (
    "missing_since IS NOT NULL AND coalesce(gemini_document, superseded_document) IS NOT NULL"
    f" AND gemini_state NOT IN ({_IN_TRANSIT})"
)


@dataclass(frozen=True, slots=True)
class PruneTotals:
    """The size of a prune.

    Attributes:
        files, documents: those gone for long enough.
        young: files that are gone, but not for long enough yet.
        first, last: when the first and the last of these went missing, in Unix seconds; None where there are none.
    """

    files: int
    documents: int
    young: int
    first: float | None
    last: float | None


class Start(Enum):
    """How the execution of an intent begins."""

    SEND = auto()
    """The delete may be sent; that is on record now."""
    KEPT = auto()
    """The file is back on disk, and nothing was sent: it keeps its document, and the intent is closed."""
    REPLACE = auto()
    """The file is back on disk, but a delete was sent, and may take effect at any time: the file gets a new document
    first, and the intent stays open until that one answers searches."""


class DeletionTable(Table):
    """Deletes of documents that a row still names."""

    @query
    def prune_totals(conn: LedgerConnection, *, cutoff: float) -> PruneTotals:
        """How much is to be pruned of what went missing at ``cutoff`` (Unix time) or before."""
        old, documents, young, first, last = conn.execute(
            "SELECT count(*) FILTER (WHERE missing_since <= :cutoff),"
            " count(gemini_document) FILTER (WHERE missing_since <= :cutoff)"
            " + count(superseded_document) FILTER (WHERE missing_since <= :cutoff),"
            " count(*) FILTER (WHERE missing_since > :cutoff),"
            " min(missing_since) FILTER (WHERE missing_since > :cutoff),"
            " max(missing_since) FILTER (WHERE missing_since > :cutoff)"
            f" FROM files {conn.dialect.by_index('files_missing')} WHERE {_PRUNABLE}",
            {"cutoff": cutoff},
        ).fetchone()
        return PruneTotals(int(old), int(documents), int(young), first, last)

    @query
    def prunable(conn: LedgerConnection, *, cutoff: float, after: str, limit: int) -> list[FileRow]:
        """A page, by ``file_id``, of the files whose documents are to be removed."""
        page = f"WHERE {_PRUNABLE} AND missing_since <= ? AND file_id > ? ORDER BY file_id LIMIT ?"
        return FileRow.all(conn, page, cutoff, after, limit)

    @stamped
    def open_prune(
        conn: LedgerConnection,
        now: float,
        files: Iterable[FileRow],
        *,
        cutoff: float,
        run_id: RunId,
    ) -> list[IntentRow]:
        """Record the intents for those of ``files`` that are still to be pruned."""
        opened = []
        for file in files:
            prunable = f"WHERE file_id = ? AND missing_since <= ? AND {_PRUNABLE}"
            row = FileRow.first(conn, prunable, file.file_id, cutoff)
            for document in row.documents if row else ():
                why = "the file is no longer in the library"
                opened.append(IntentTable.open(conn, now, file.file_id, document, reason=why, run_id=run_id))
        return opened

    @stamped
    def begin(conn: LedgerConnection, now: float, intent_id: str, *, run_id: RunId) -> Start:
        """Decide how to execute an open intent, and record that; see :class:`Start`."""
        intent = conn.execute(
            f"SELECT i.sent_at, {_ROW} FROM intents i JOIN files f ON f.file_id = i.file_id"
            " WHERE i.intent_id = ? AND i.done_at IS NULL"
            " AND f.gemini_document = i.document_name AND f.missing_since IS NULL",
            (intent_id,),
        ).fetchone()
        if intent is not None:
            sent_at, *cells = intent
            row = FileRow.read(cells)
            if sent_at is None:
                IntentTable.close(conn, now, intent_id, "kept")
                return Start.KEPT
            if row.state is State.INDEXED:
                why = "it came back while the delete of its document was on its way"
                must_apply(conn, Move(row, run_id).reset(why), now)
            if row.state is not State.FAILED:  # a failed file gets no new document by itself
                return Start.REPLACE
        conn.execute(
            "UPDATE intents SET sent_at = ? WHERE intent_id = ? AND done_at IS NULL AND sent_at IS NULL",
            (now, intent_id),
        )
        return Start.SEND

    @stamped
    def finish(conn: LedgerConnection, now: float, intent_id: str, *, outcome: str, run_id: RunId) -> None:
        """Close an intent whose document is gone, and remove the document from its row.

        An indexed row goes back to untracked, so that a file that is on disk after all is sent again. Any other
        row only loses the name of the document; its state does not depend on it.
        """
        cells = conn.execute(
            f"SELECT {_ROW} FROM intents i JOIN files f ON f.file_id = i.file_id"
            " WHERE i.intent_id = ? AND i.done_at IS NULL AND f.gemini_document = i.document_name",
            (intent_id,),
        ).fetchone()
        if cells is not None:
            row = FileRow.read(cells)
            if row.state is State.INDEXED:
                reset = Move(row, run_id).reset("its document was removed", gone=True)
                must_apply(conn, reset, now)
            else:
                conn.execute(
                    "UPDATE files SET gemini_document = NULL, indexed_hash = NULL WHERE file_id = ?",
                    (row.file_id,),
                )
        IntentTable.close(conn, now, intent_id, outcome)
