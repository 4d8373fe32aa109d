"""How disk and ledger differ, worked out by SQL over the notes of one scan.

The difficult part is renames, since a file's identity is its row and not its path. A row has left its path
when its content is not there any more; a path is an arrival when its content is not that of its row. Equal
content pairs them: first where even the inode is the same, then where the name is, then in order of path.
A path that a row still needs is not taken from it, so ``mv b a`` over an existing ``a`` is a change of ``a``
while ``b`` goes missing, and swaps and chains, where each row makes room for the next, are renames.
"""

from collections.abc import Mapping
from functools import partial
from typing import Final

from objlib.core.failures import FailureKind
from objlib.core.library.snapshot import UNREAD
from objlib.core.lifecycle.table import State
from objlib.ledger.database import Dialect, LedgerConnection
from objlib.ledger.scan.tables import ChangeKind, Look, Tables
from objlib.ledger.settings import scan_generation

_LOCAL: Final = ", ".join(f"'{kind}'" for kind in sorted(FailureKind) if kind.local)
_LIVE: Final = "missing_since IS NULL"


def vanished(conn: LedgerConnection, t: Tables) -> int:
    """How many live rows with a document there are, if not a single file was seen; 0 otherwise."""
    if conn.execute(f"SELECT 1 FROM {t.seen} LIMIT 1").fetchone() is not None:
        return 0
    (documents,) = conn.execute(
        f"SELECT count(*) FROM files f WHERE {_LIVE} AND gemini_document IS NOT NULL"
        f" AND NOT {t.unseen('f.file_path')}"
    ).fetchone()
    return int(documents)


def is_outrun(conn: LedgerConnection, since: int | None) -> bool:
    """Whether any other run has recorded files since :func:`~objlib.ledger.settings.scan_generation` was ``since``.

    None stands for a scan that goes on in any case.
    """
    return since is not None and scan_generation(conn) != since


def nothing_left(conn: LedgerConnection, t: Tables) -> bool:
    """Whether each row is at its path as it was, once all paths are noted; so no new file can be a renamed one."""
    (rows,) = conn.execute("SELECT count(*) FROM files").fetchone()
    (same,) = conn.execute(f"SELECT count(*) FROM {t.seen} WHERE look = {Look.SAME}").fetchone()
    return bool(rows == same)


def prepare(conn: LedgerConnection, t: Tables) -> None:
    """Make the tables of a comparison, and bring the notes up to date."""
    t.create_comparison(conn)
    # A row may have come to a path, or left it, since the file there was noted.
    conn.execute(
        f"UPDATE {t.seen} SET file_id = (SELECT file_id FROM files WHERE seq = {t.row_at('path')})"
        f" WHERE look = {Look.READ}"
    )


def counts(conn: LedgerConnection, t: Tables, *, since: int | None) -> Mapping[ChangeKind, int] | None:
    """How many differences of each kind the plan has.

    Args:
        t: the tables of the scan.
        since: :func:`~objlib.ledger.settings.scan_generation` when the scan began; None to compare in any case.

    Returns:
        None if another scan or upload recorded files since then: a file that was renamed meanwhile, for example,
        would be taken for a missing one, because this scan saw only its old path.
    """
    if is_outrun(conn, since):
        return None
    numbers = dict(conn.execute(f"SELECT kind, count(*) FROM {t.plan} GROUP BY kind").fetchall())
    return {kind: int(numbers.get(kind, 0)) for kind in ChangeKind}


def changes(conn: LedgerConnection, t: Tables, *, limit: int) -> list[tuple[str, str]]:
    """The first ``limit`` differences to report, by path, as (kind, path); a rename has ``old -> new``."""
    return conn.execute(
        f"SELECT kind, CASE kind WHEN '{ChangeKind.RENAMED}' THEN was_path || ' -> ' || path ELSE path END"
        f" FROM {t.plan}"
        f" WHERE kind <> '{ChangeKind.TOUCHED}' ORDER BY path, kind LIMIT ?",
        (limit,),
    ).fetchall()


def renames(conn: LedgerConnection, t: Tables) -> list[tuple[str, str]]:
    """All renames, as (old path, new path), by the new one."""
    return conn.execute(
        f"SELECT was_path, path FROM {t.plan} WHERE kind = '{ChangeKind.RENAMED}' ORDER BY path"
    ).fetchall()


def blocked(moves: str, condition: str = "TRUE") -> str:
    """SQL for the ``file_id`` of those moves whose target is not free and will not become so.

    A target is taken for good by a live row that is not about to move; and so is, in turn, the place of each
    row that therefore stays where it is.

    Args:
        moves: a table with ``file_id`` and the target ``path``.
        condition: which rows ``p`` of it count.
    """
    return f"""
        WITH RECURSIVE
        moves AS MATERIALIZED (SELECT p.file_id, p.path FROM {moves} p WHERE {condition}),
        stuck(file_id) AS (
            SELECT m.file_id FROM moves m JOIN files o ON o.file_path = m.path AND o.{_LIVE}
            WHERE o.file_id NOT IN (SELECT file_id FROM moves)
            UNION
            SELECT m.file_id FROM stuck JOIN files o ON o.file_id = stuck.file_id AND o.{_LIVE}
            JOIN moves m ON m.path = o.file_path
        )
        SELECT file_id FROM stuck
    """


def _find_movers(conn: LedgerConnection, t: Tables) -> None:
    """Fill ``arrived`` and ``gone``."""
    conn.execute(
        f"""
        INSERT INTO {t.arrived} (path, occupant, content_hash, inode, base, late)
        SELECT s.path, (SELECT file_id FROM files WHERE file_path = s.path AND {_LIVE}),
            s.content_hash, s.inode, {_base("s.path")}, 0
        FROM {t.seen} s LEFT JOIN files f ON f.file_id = s.file_id
        WHERE s.look = {Look.READ} AND s.content_hash <> '{UNREAD}'
        AND (f.file_id IS NULL OR f.content_hash <> s.content_hash)
        """
    )
    conn.execute(
        f"""
        INSERT INTO {t.gone} (file_id, path, content_hash, inode, base, late)
        SELECT f.file_id, f.file_path, f.content_hash, f.inode, {_base("f.file_path")},
            CASE WHEN f.missing_since IS NULL THEN 0 ELSE 1 END
        FROM files f LEFT JOIN {t.seen} s ON s.file_id = f.file_id
        WHERE f.content_hash IN (SELECT content_hash FROM {t.arrived})
        AND (s.path IS NULL OR (s.look = {Look.READ} AND s.content_hash NOT IN ('{UNREAD}', f.content_hash)))
        AND NOT {t.unseen("f.file_path")}
        """
    )


def _base(path: str) -> str:
    """SQL for the last component of a path: what is left without the longest prefix that ends in ``/``."""
    return f"substr({path}, 1 + length(rtrim({path}, replace({path}, '/', ''))))"


def _match(conn: LedgerConnection, t: Tables, *, only_free: bool) -> None:
    """Pair what has left with what has arrived, the surest signs first.

    Where several of equal content qualify, the n-th that left goes to the n-th that arrived, by path: a join
    of all with all would take a thousand empty files a million steps.
    """
    if conn.execute(f"SELECT 1 FROM {t.gone} LIMIT 1").fetchone() is None:
        return
    free = "AND a.occupant IS NULL" if only_free else ""
    for keys, sure in (
        ("content_hash, inode", "inode <> 0"),
        ("content_hash, base", "TRUE"),
        ("content_hash", "TRUE"),
    ):
        conn.execute(
            f"""
            INSERT INTO {t.match} (file_id, path)
            SELECT g.file_id, a.path FROM (
                SELECT g.*, row_number() OVER (PARTITION BY {keys} ORDER BY late, path, file_id) AS nth
                FROM {t.gone} g WHERE {sure} AND file_id NOT IN (SELECT file_id FROM {t.match})
            ) g JOIN (
                SELECT a.*, row_number() OVER (PARTITION BY {keys} ORDER BY path) AS nth
                FROM {t.arrived} a WHERE {sure} AND path NOT IN (SELECT path FROM {t.match}) {free}
            ) a USING ({keys}, nth)
            """
        )


def _drop_blocked(conn: LedgerConnection, t: Tables) -> None:
    conn.execute(f"DELETE FROM {t.match} WHERE file_id IN ({blocked(t.match)})")


def _plan(conn: LedgerConnection, t: Tables) -> None:
    """Fill ``plan``, in order of path within each kind of work."""
    insert = f"INSERT INTO {t.plan} (kind, path, file_id, was_path, was_hash, was_mtime)"
    was = "f.file_id, f.file_path, f.content_hash, f.mtime_ns"
    conn.execute(
        f"{insert} SELECT '{ChangeKind.RENAMED}', m.path, {was} FROM {t.match} m"
        " JOIN files f ON f.file_id = m.file_id ORDER BY m.path"
    )
    conn.execute(
        f"""
        {insert}
        SELECT kind, path, file_id, file_path, content_hash, mtime_ns FROM (
            SELECT {_kind(conn.dialect)} AS kind, s.path, {was} FROM {t.seen} s
            LEFT JOIN files f ON f.file_id = s.file_id AND s.file_id NOT IN (SELECT file_id FROM {t.match})
            WHERE (s.look <> {Look.SAME} OR (f.file_id IS NOT NULL AND f.ctime_ns IS NULL))
            AND s.path NOT IN (SELECT path FROM {t.match})
        ) AS kinds
        WHERE kind IS NOT NULL ORDER BY path
        """
    )
    conn.execute(
        f"""
        {insert}
        SELECT '{ChangeKind.MISSING}', f.file_path, {was} FROM files f
        WHERE f.{_LIVE} AND NOT EXISTS (SELECT 1 FROM {t.seen} s WHERE s.path = f.file_path)
        AND f.file_id NOT IN (SELECT file_id FROM {t.match}) AND NOT {t.unseen("f.file_path")}
        ORDER BY f.file_path
        """
    )


def _kind(dialect: Dialect) -> str:
    """SQL for what a file that was seen (``s``) means for the row at its path (``f``); NULL for nothing.

    An indexed file whose rights alone were taken stays indexed.
    """
    return f"""
        CASE
        WHEN f.file_id IS NULL THEN '{ChangeKind.NEW}'
        WHEN s.look = {Look.RETURNED} THEN '{ChangeKind.RETURNED}'
        WHEN s.look = {Look.SAME} THEN '{ChangeKind.TOUCHED}'
        WHEN s.content_hash = '{UNREAD}' AND f.gemini_state = '{State.INDEXED}'
            AND (s.size, s.mtime_ns, s.inode) = (f.size, f.mtime_ns, f.inode) THEN NULL
        WHEN s.content_hash <> f.content_hash THEN '{ChangeKind.CHANGED}'
        WHEN f.gemini_state = '{State.INDEXED}' AND f.indexed_hash <> f.content_hash THEN '{ChangeKind.CHANGED}'
        WHEN f.gemini_state = '{State.UNTRACKED}' AND s.failure_info IS NOT NULL THEN '{ChangeKind.CHANGED}'
        WHEN f.gemini_state = '{State.FAILED}' AND NOT ({dialect.same("s.failure_info", "f.failure_info")})
            AND {dialect.field("f.failure_info", "kind")} IN ({_LOCAL}) THEN '{ChangeKind.CHANGED}'
        WHEN f.missing_since IS NOT NULL THEN '{ChangeKind.RETURNED}'
        WHEN s.content_hash <> '{UNREAD}' AND s.metadata_json <> f.metadata_json THEN '{ChangeKind.DESCRIBED}'
        WHEN (s.size, s.mtime_ns, s.inode) <> (f.size, f.mtime_ns, f.inode)
            OR NOT ({dialect.same("s.path_bytes", "f.path_bytes")})
            OR NOT ({dialect.same("s.ctime_ns", "f.ctime_ns")})
            THEN '{ChangeKind.TOUCHED}'
        END
    """


STEPS: Final = (
    prepare,
    _find_movers,
    partial(_match, only_free=False),
    _drop_blocked,
    partial(_match, only_free=True),
    _plan,
)
"""Steps that fill the plan, in this order. Each is an operation of its own, and between them the run gives its
heartbeat: in a library of many millions of files all of it may take longer than a run may be silent."""
