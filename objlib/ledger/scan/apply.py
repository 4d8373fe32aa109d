"""Recording the differences that a scan found, a page to a transaction.

A scan describes a file, the lifecycle moves its state. So the columns of the content are written directly, on
condition that they are still those the scan compared with. A change of state goes through a transition, on the
row as it is inside the transaction. Another process can undercut neither.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from objlib.core.failures import Failure
from objlib.core.ids import FileId, RunId, new_attempt_id, new_file_id
from objlib.core.library.paths import Named
from objlib.core.library.snapshot import FileSnapshot
from objlib.core.lifecycle.table import State
from objlib.ledger.database import Dialect, LedgerConnection
from objlib.ledger.rows import FileRow, decode_failure, encode_failure, encode_metadata
from objlib.ledger.scan.diff import blocked
from objlib.ledger.scan.tables import ChangeKind, Tables
from objlib.ledger.settings import bump_scan_generation
from objlib.ledger.transition_sql import must_apply
from objlib.ledger.transitions import Move

RENAMES_PAGE: Final = 500
"""Entangled renames that are read at once; all of them are one transaction."""

_WAS: Final = (
    "file_id = :file_id AND file_path = :was_path AND content_hash = :was_hash AND mtime_ns = :was_mtime"
)
"""The row is still what the scan compared with."""
_STATUS: Final = (
    "path_bytes = :path_bytes, size = :size, mtime_ns = :mtime_ns, inode = :inode, ctime_ns = :ctime_ns"
)
_SENT_PATH: Final = "coalesce(sent_path, file_path)"
"""The path under which a file's document was sent; it matters where the file is indexed."""
_MEANING: Final = "mime_type = :mime_type, metadata_json = :metadata_json"

# DO NOTHING: two live rows never share a path; where another scan was faster, its row stays. No RETURNING: for SQLite
# it makes a statement one that may fail in its middle, of which it keeps a journal, in a file for more than 64 KiB.
_INSERT: Final = (
    "INSERT INTO files (file_id, file_path, path_bytes, content_hash, size, mtime_ns, inode,"
    " ctime_ns, mime_type, metadata_json, gemini_state_updated_at) VALUES (:new_id, :path, :path_bytes, :content_hash,"
    " :size, :mtime_ns, :inode, :ctime_ns, :mime_type, :metadata_json, :now) ON CONFLICT DO NOTHING"
)
_UPDATES: Final[Mapping[ChangeKind, str]] = {
    ChangeKind.CHANGED: f"content_hash = :content_hash, {_STATUS}, {_MEANING}, missing_since = NULL",
    ChangeKind.RENAMED: (
        f"file_path = :path, sent_path = nullif({_SENT_PATH}, :path), {_STATUS}, {_MEANING}, missing_since = NULL"
    ),
    ChangeKind.MISSING: "missing_since = coalesce(missing_since, :now)",
    # One whose status was enough to know it again was not read, and keeps what is known of it.
    ChangeKind.RETURNED: f"{_STATUS}, metadata_json = coalesce(:metadata_json, metadata_json), missing_since = NULL",
    ChangeKind.DESCRIBED: f"{_STATUS}, {_MEANING}",
    ChangeKind.TOUCHED: _STATUS,
}


@dataclass(frozen=True, slots=True)
class Applied:
    """The result of a page: differences in it, the last one's number, and how many were left alone."""

    count: int
    last: int
    stale: int


def free_renames(
    conn: LedgerConnection, now: float, t: Tables, *, after: int, limit: int, run_id: RunId
) -> Applied:
    """Record the next renames to paths that no live row has."""
    page = _page(
        conn,
        t,
        f"p.kind = '{ChangeKind.RENAMED}' AND NOT EXISTS"
        " (SELECT 1 FROM files o WHERE o.file_path = p.path AND o.missing_since IS NULL)",
        after,
        limit,
    )
    conn.executemany(f"UPDATE {t.plan} SET done = 1 WHERE seq = ?", [(item["seq"],) for item in page])
    return _record_all(conn, page, run_id, now)


def entangled_renames(conn: LedgerConnection, now: float, t: Tables, *, run_id: RunId) -> Applied:
    """Record all renames to paths that another of them makes free, in one transaction.

    The rows first step aside to paths that no file can have, so that their order does not matter. A row that
    another run has changed since stays, and so does every row that would have taken its place.
    """
    pending = f"p.kind = '{ChangeKind.RENAMED}' AND p.done = 0"
    (planned,) = conn.execute(f"SELECT count(*) FROM {t.plan} p WHERE {pending}").fetchone()
    conn.execute(
        f"UPDATE {t.plan} AS p SET done = 1 WHERE {pending} AND NOT EXISTS (SELECT 1 FROM files f WHERE"
        " f.file_id = p.file_id AND f.file_path = p.was_path AND f.content_hash = p.was_hash"
        " AND f.mtime_ns = p.was_mtime)"
    )
    conn.execute(
        f"UPDATE {t.plan} AS p SET done = 1 WHERE {pending} AND file_id IN ({blocked(t.plan, pending)})"
    )
    conn.execute(
        f"UPDATE files SET file_path = '/' || file_id, sent_path = {_SENT_PATH} WHERE file_id IN"
        f" (SELECT p.file_id FROM {t.plan} p WHERE {pending})"
    )
    last, moved = 0, 0
    while page := _page(conn, t, pending, last, RENAMES_PAGE):
        last = page[-1]["seq"]
        aside = [item | {"was_path": f"/{item['file_id']}"} for item in page]
        moved += len(aside) - _record_all(conn, aside, run_id, now).stale
    return Applied(planned, last, planned - moved)


def other_changes(
    conn: LedgerConnection, now: float, t: Tables, *, after: int, limit: int, run_id: RunId
) -> Applied:
    """Record the next differences that are not renames."""
    page = _page(conn, t, f"p.kind <> '{ChangeKind.RENAMED}'", after, limit)
    return _record_all(conn, page, run_id, now)


def new_files(
    conn: LedgerConnection, now: float, files: Sequence[tuple[Named, FileSnapshot]], *, run_id: RunId
) -> int:
    """Record files at paths that have no row; how many were left alone because they have one by now."""
    if not files:
        return 0
    bump_scan_generation(conn)
    items = [
        described(snapshot)
        | {"path": file.file_path, "path_bytes": file.path_bytes, "now": now, "new_id": new_id}
        for (file, snapshot), new_id in zip(files, _ids(now, len(files)), strict=True)
    ]
    conn.executemany(_INSERT, items)
    (recorded,) = conn.execute(
        f"SELECT count(*) FROM files WHERE file_id IN {conn.dialect.texts('?')}",
        (json.dumps([item["new_id"] for item in items]),),
    ).fetchone()
    for item in items:
        if item["failure_info"] is not None:
            row = FileRow.first(conn, "WHERE file_id = ?", item["new_id"])
            if row is not None:
                _move_state(conn, row, decode_failure(item["failure_info"]), run_id, now, changed=False)
    return len(files) - int(recorded)


def described(snapshot: FileSnapshot) -> dict[str, Any]:
    """The columns of a file's content, by name."""
    return {
        "content_hash": snapshot.content_hash,
        "size": snapshot.size,
        "mtime_ns": snapshot.mtime_ns,
        "inode": snapshot.inode,
        "ctime_ns": snapshot.ctime_ns,
        "mime_type": snapshot.mime_type,
        "metadata_json": encode_metadata(snapshot.metadata),
        "failure_info": None if snapshot.failure is None else encode_failure(snapshot.failure),
    }


def _page(conn: LedgerConnection, t: Tables, condition: str, after: int, limit: int) -> list[dict[str, Any]]:
    """The next rows of the plan that meet ``condition``, each with what was seen at its path, by name."""
    cursor = conn.execute(
        "SELECT p.seq, p.kind, p.path, p.file_id, p.was_path, p.was_hash, p.was_mtime, s.path_bytes, s.size,"
        " s.mtime_ns, s.inode, s.ctime_ns, s.content_hash, s.mime_type, s.metadata_json, s.failure_info"
        f" FROM {t.plan} p LEFT JOIN {t.seen} s ON s.path = p.path"
        f" WHERE {condition} AND p.seq > ? ORDER BY p.seq LIMIT ?",
        (after, limit),
    )
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, cells, strict=True)) for cells in cursor]


def _record_all(conn: LedgerConnection, page: list[dict[str, Any]], run_id: RunId, now: float) -> Applied:
    if page:
        bump_scan_generation(conn)
    ids = _ids(now, len(page))
    stale = sum(not _record(conn, item, run_id, now, new_id) for item, new_id in zip(page, ids, strict=True))
    return Applied(len(page), page[-1]["seq"] if page else 0, stale)


def _ids(now: float, count: int) -> list[FileId]:
    """Ids of new files in ascending order. A run sends by id, so a plan and its run choose the same below a limit."""
    return sorted(new_file_id(now) for _ in range(count))


def _record(
    conn: LedgerConnection, item: dict[str, Any], run_id: RunId, now: float, unused_id: FileId
) -> bool:
    """Record one difference; False when the row is no longer what it was compared with."""
    kind = ChangeKind(item["kind"])
    new_id = unused_id if kind is ChangeKind.NEW else None
    if not _write(conn, kind, item | {"now": now, "new_id": new_id}):
        return False
    looked_at = kind in {ChangeKind.CHANGED, ChangeKind.RENAMED} or (
        kind is ChangeKind.NEW and item["failure_info"] is not None
    )
    if looked_at:
        row = _row(conn, new_id or item["file_id"])
        changed = kind is not ChangeKind.RENAMED and item["was_hash"] != item["content_hash"]
        _move_state(conn, row, decode_failure(item["failure_info"]), run_id, now, changed=changed)
    return True


def write_row(conn: LedgerConnection, kind: ChangeKind, item: dict[str, Any]) -> FileRow | None:
    """Write a difference to its row; None when the row is no longer what it was compared with."""
    return _row(conn, item["file_id"]) if _write(conn, kind, item) else None


def _write(conn: LedgerConnection, kind: ChangeKind, item: dict[str, Any]) -> bool:
    return conn.execute(_sql(conn.dialect, kind), item).rowcount == 1


@cache
def _sql(dialect: Dialect, kind: ChangeKind) -> str:
    if kind is ChangeKind.NEW:
        return _INSERT
    path = ":path" if kind is ChangeKind.RENAMED else "files.file_path"
    return dialect.update_of_file(_UPDATES[kind], _WAS, path)


def _row(conn: LedgerConnection, file_id: FileId) -> FileRow:
    """The row of a file that this transaction has written."""
    row = FileRow.first(conn, "WHERE file_id = ?", file_id)
    assert row is not None, "it was written in this transaction"
    return row


def _move_state(
    conn: LedgerConnection,
    row: FileRow,
    failure: Failure | None,
    run_id: RunId,
    now: float,
    *,
    changed: bool,
) -> None:
    """Move a row to the state that its file calls for now.

    A file that no store could take goes the way of any other, with an attempt of its own that sends nothing:
    the lifecycle has no short cut to ``failed``, and the log keeps the reason. A row under way is left alone;
    a later scan looks at it again.
    """
    if row.state is State.INDEXED and row.indexed_hash != row.content_hash:
        row = must_apply(conn, Move(row, run_id).reset("the file changed"), now)
    elif row.state is State.FAILED and (changed or _failure_changed(row, failure)):
        reason = "the file changed" if changed else "what was wrong with the file has changed"
        row = must_apply(conn, Move(row, run_id).retry(reason), now)
    if row.state is State.UNTRACKED and failure is not None:
        attempt = new_attempt_id(now)
        row = must_apply(conn, Move(row, run_id, attempt).start_upload(), now)
        must_apply(conn, Move(row, run_id, attempt).fail(failure), now)


def _failure_changed(row: FileRow, failure: Failure | None) -> bool:
    return row.failure is not None and row.failure.kind.local and row.failure != failure
