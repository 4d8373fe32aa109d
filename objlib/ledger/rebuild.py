"""Rows of a lost ledger, rebuilt from a listing of the store by the ordinary edges of the lifecycle.

Every row begins as a missing file; the scan that follows finds files on disk by path and by content. A rebuild
is one transaction, so that a killed one has done nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import PurePosixPath
from typing import Final

from objlib.core.advice import advise
from objlib.core.counting import plural
from objlib.core.errors import RefusedError
from objlib.core.ids import AttemptId, FileId, RunId, new_attempt_id
from objlib.core.lifecycle.table import State
from objlib.core.remote import TEMPORARY_NAME, DocumentState
from objlib.ledger.database import LedgerConnection
from objlib.ledger.files import FileTable
from objlib.ledger.listings import Listed
from objlib.ledger.rows import FileRow, count, encode_metadata
from objlib.ledger.settings import LEDGER_KEY, SettingTable
from objlib.ledger.table import Table, query, stamped
from objlib.ledger.transition_sql import must_apply
from objlib.ledger.transitions import Move

_UNTRUSTED: Final = -1
"""An mtime that no file has, so that the scan reads whatever is at the path."""


@dataclass(slots=True)
class Rebuilt:
    """Counts for the report."""

    files: int = 0
    pending: int = 0
    surplus: int = 0
    unusable: int = 0


class RebuildTable(Table):
    """Rebuilds the rows of a lost ledger."""

    @query
    def owners(conn: LedgerConnection, listing_id: str) -> list[tuple[str, int, str]]:
        """Ledgers whose tags documents carry: id (empty where there is none), number of documents, an example."""
        cursor = conn.execute(
            "SELECT coalesce(ledger_id, ''), count(*), min(display_name) FROM listed"
            " WHERE listing_id = ? AND file_id IS NOT NULL GROUP BY 1 ORDER BY 2 DESC",
            (listing_id,),
        )
        return [(str(owner), int(count), str(example)) for owner, count, example in cursor]

    @query
    def refuse_files(conn: LedgerConnection) -> None:
        """Refuse to rebuild a ledger that may have documents. Files that a scan found on disk are no matter.

        Raises:
            RefusedError: it may have.
        """
        if (
            count(conn, "FROM files WHERE gemini_document IS NOT NULL OR superseded_document IS NOT NULL")
            or count(conn, "FROM attempts")
            or count(conn, "FROM intents WHERE done_at IS NULL")
        ):
            files = count(conn, "FROM files")
            raise RefusedError(
                f"the ledger knows {plural(files, 'file')} already and has sent some, and a rebuild is for one "
                f"that was lost; to see what else the store holds: `{advise('store-sync')}`"
            )

    @stamped
    def restore(conn: LedgerConnection, now: float, listing_id: str, *, owner: str, run_id: RunId) -> Rebuilt:
        """Make a row for each file that a listed document of ``owner`` belongs to.

        Args:
            listing_id: a complete listing.
            owner: id of the ledger that was lost, empty where its documents carry none.
            run_id: the run that the moves are recorded under.

        Raises:
            RefusedError: the ledger may have documents already.
        """
        RebuildTable.refuse_files(conn)
        conn.execute("DELETE FROM files")  # what a scan found is found again afterwards
        if owner:
            SettingTable.set(conn, LEDGER_KEY, owner)
        rebuilt = Rebuilt()
        for documents in _by_file(conn, listing_id, owner):
            usable = _usable(documents)
            rebuilt.unusable += len(documents) - len(usable)
            if not usable:
                continue
            rebuilt.surplus += len(usable) - 1
            rebuilt.files += 1
            rebuilt.pending += not _restore(conn, usable[-1], run_id, now)
        return rebuilt

    @stamped
    def adopt(conn: LedgerConnection, now: float, listing_id: str, *, owner: str, run_id: RunId) -> int:
        """Let files without a document take over the searchable ones of ``owner`` that have their bytes.

        Such a file gets the id that the document carries. Its history begins anew, and the log keeps the old one.

        Returns:
            How many files did.
        """
        SettingTable.adopt(conn, owner)
        adopted = 0
        for documents in _by_file(conn, listing_id, owner):
            usable = [each for each in _usable(documents) if each.state == DocumentState.ACTIVE]
            if not usable or FileTable.get(conn, FileId(usable[-1].file_id or "")) is not None:
                continue
            best = usable[-1]
            row = FileRow.first(
                conn,
                f"WHERE gemini_state = '{State.UNTRACKED}' AND gemini_document IS NULL AND missing_since IS NULL"
                " AND content_hash = ? AND superseded_document IS NULL AND file_id NOT IN"
                " (SELECT file_id FROM attempts WHERE outcome IS NULL) ORDER BY file_path <> ?, file_id",
                str(best.content_hash),
                best.display_name,
            )
            if row is not None:
                conn.execute("DELETE FROM attempts WHERE file_id = ?", (row.file_id,))
                conn.execute("UPDATE intents SET file_id = NULL WHERE file_id = ?", (row.file_id,))
                conn.execute("UPDATE files SET file_id = ? WHERE file_id = ?", (best.file_id, row.file_id))
                _index(conn, best, run_id, now)
                adopted += 1
        return adopted


def _by_file(conn: LedgerConnection, listing_id: str, owner: str) -> Iterator[list[Listed]]:
    """The listed documents of ``owner``, those of one file at a time."""
    cursor = conn.execute(
        f"SELECT {Listed.columns()} FROM listed WHERE listing_id = ? AND file_id IS NOT NULL"
        " AND coalesce(ledger_id, '') = ? ORDER BY file_id",
        (listing_id, owner),
    ).fetchall()
    for _, group in groupby(map(Listed.read, cursor), key=lambda listed: listed.file_id):
        yield list(group)


def _usable(documents: list[Listed]) -> list[Listed]:
    """Those that can stand for their file, the best last: the newest that answers searches, else the newest."""
    usable = [each for each in documents if each.content_hash and each.state != DocumentState.FAILED]
    return sorted(usable, key=lambda each: (each.state == DocumentState.ACTIVE, each.created, each.document))


def _restore(conn: LedgerConnection, document: Listed, run_id: RunId, now: float) -> bool:
    """Make the row of a document and move it to the document's state; whether that is ``indexed``."""
    file_id = FileId(document.file_id or "")
    conn.execute(
        "INSERT INTO files (file_id, file_path, content_hash, size, mtime_ns, mime_type, metadata_json,"
        " gemini_state_updated_at, missing_since) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            file_id,
            _path(document),
            document.content_hash,
            document.size,
            _UNTRUSTED,
            document.mime_type,
            encode_metadata(document.metadata),
            now,
            now,
        ),
    )
    return _index(conn, document, run_id, now)


def _index(conn: LedgerConnection, document: Listed, run_id: RunId, now: float) -> bool:
    """Move the row of a document to the document's state; whether that is ``indexed``."""
    row = FileTable.get(conn, FileId(document.file_id or ""))
    assert row is not None, "it was made or renamed in this very transaction"
    # Two files cannot share an attempt, whatever the tags say.
    other = conn.execute("SELECT 1 FROM attempts WHERE attempt_id = ?", (document.attempt_id,)).fetchone()
    attempt = AttemptId(document.attempt_id) if document.attempt_id and not other else new_attempt_id(now)
    row = must_apply(conn, Move(row, run_id, attempt).start_upload(), now)
    sent_as = None if TEMPORARY_NAME.fullmatch(document.display_name) else _path(document)
    conn.execute("UPDATE attempts SET file_path = ? WHERE attempt_id = ?", (sent_as, attempt))
    row = must_apply(
        conn,
        Move(row, run_id, attempt).adopt(operation=None, document=document.document),
        now,
    )
    if document.state != DocumentState.ACTIVE:
        return False
    done = Move(row, run_id, attempt).complete_processing(document.document)
    must_apply(conn, done, now)
    return True


def _path(document: Listed) -> str:
    """The path that the document was uploaded as. A name that leads out of the library cannot be one."""
    path = PurePosixPath(document.display_name)
    if path.is_absolute() or ".." in path.parts or "\0" in document.display_name or not path.parts:
        return document.file_id or ""
    return document.display_name
