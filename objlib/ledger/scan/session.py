"""One scan: the files seen on disk, in temporary tables beside the ledger.

Temporary tables belong to the connection, take no lock that another process could notice, spill to a file of
their own, and vanish with the connection. So a scan of any size needs little memory, and an interrupted one
leaves nothing behind but the pages that it had applied.
"""

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Concatenate, Final, Generic, NamedTuple, ParamSpec, TypeVar

import trio

from objlib.commit_queue import CommitQueue
from objlib.core.failures import FailureKind
from objlib.core.ids import RunId
from objlib.core.library.snapshot import NO_TYPE, UNREAD, FileSnapshot, FileStatus
from objlib.core.lifecycle.table import State
from objlib.ledger.database import Dialect, LedgerConnection
from objlib.ledger.leases import Lease, require_lease
from objlib.ledger.rows import FileRow
from objlib.ledger.scan import diff
from objlib.ledger.scan.apply import (
    Applied,
    described,
    entangled_renames,
    free_renames,
    new_files,
    other_changes,
    write_row,
)
from objlib.ledger.scan.tables import ChangeKind, Look, Tables
from objlib.ledger.settings import bump_scan_generation, scan_generation
from objlib.ledger.table import Table, stamped

P = ParamSpec("P")
T = TypeVar("T")

CLOSE_SECONDS: Final = 10.0
"""Seconds that closing a scan may wait for its turn at the connection."""
_NUMBERS: Final = itertools.count(1)


# A file whose status is that of its row is not read, unless its next state depends on its bytes: an indexed file
# that changed while it was under way, one found unfit after it was queued, and one that could not be read, since
# permission to read leaves no trace in the status that is compared.
def _unchanged(dialect: Dialect) -> str:
    return f"""
        f.size = ?3 AND f.mtime_ns = ?4 AND f.inode = ?5 AND coalesce(f.ctime_ns, ?6) = ?6
        AND {dialect.same("f.path_bytes", "?2")}
        AND CASE f.gemini_state
            WHEN '{State.INDEXED}' THEN f.content_hash = f.indexed_hash
            WHEN '{State.UNTRACKED}' THEN f.content_hash <> '{UNREAD}' AND f.size > 0 AND f.mime_type <> '{NO_TYPE}'
            WHEN '{State.FAILED}' THEN {dialect.field("f.failure_info", "kind")} <> '{FailureKind.UNREADABLE}'
            ELSE TRUE END
    """


def _skipped_picture(dialect: Dialect) -> str:
    return f"""
        f.gemini_state = '{State.FAILED}' AND f.mime_type LIKE 'image/%'
        AND {dialect.field("f.failure_info", "kind")} = '{FailureKind.UNSUPPORTED}'
    """


class ToRead(NamedTuple):
    """A file that has to be read, because nothing else can tell whether it changed."""

    number: int
    file_path: str
    path_bytes: bytes | None
    size: int


class noted(Generic[P, T]):  # a decorator
    """A query over the temporary tables of one scan, which are its second argument."""

    def __init__(self, function: Callable[Concatenate[LedgerConnection, Tables, P], T]) -> None:
        self.function = function

    def __get__(self, scan: "ScanSession", owner: type) -> Callable[P, Awaitable[T]]:
        return partial(scan._read, self.function, scan.tables)


class ScanSession(Table):
    """One scan under way; :meth:`ScanTable.open` makes one."""

    def __init__(
        self,
        database: CommitQueue[LedgerConnection],
        now: Callable[[], float],
        tables: Tables,
        generation: int,
        lease: Lease | None,
    ) -> None:
        super().__init__(database, now)
        self.tables = tables
        self._generation = generation
        self._lease = lease

    @noted
    def note_files(
        conn: LedgerConnection,
        t: Tables,
        files: Sequence[FileStatus],
        *,
        read_all: bool,
        pictures: bool = False,
    ) -> tuple[int, int]:
        """Note files seen on disk; how many of them have to be read, and their bytes.

        With ``pictures`` also those that were skipped as pictures, since the store takes them.
        """
        (last,) = conn.execute(f"SELECT coalesce(max(seq), 0) FROM {t.seen}").fetchone()
        conn.executemany(
            f"""
            INSERT INTO {t.seen} (path, path_bytes, size, mtime_ns, inode, ctime_ns, file_id, look)
            SELECT ?1, ?2, ?3, ?4, ?5, ?6, f.file_id, CASE
                WHEN {read_all} OR f.file_id IS NULL OR NOT ({_unchanged(conn.dialect)})
                    OR ({pictures} AND {_skipped_picture(conn.dialect)}) THEN {Look.READ}
                WHEN f.missing_since IS NOT NULL THEN {Look.RETURNED} ELSE {Look.SAME} END
            FROM (SELECT 1) AS one LEFT JOIN files f ON f.seq = {Tables.row_at("?1")}
            WHERE TRUE ON CONFLICT DO NOTHING
            """,
            files,
        )
        count, size = conn.execute(
            f"SELECT count(*), coalesce(sum(size), 0) FROM {t.seen} WHERE look = {Look.READ} AND seq > ?",
            (last,),
        ).fetchone()
        return int(count), int(size)

    @noted
    def note_blind(conn: LedgerConnection, t: Tables, paths: Sequence[str]) -> None:
        """Note files and folders that could not be read; the scan records nothing about what is in them."""
        conn.executemany(
            f"INSERT INTO {t.blind} VALUES (?) ON CONFLICT DO NOTHING", [(path,) for path in paths]
        )

    @noted
    def to_read(conn: LedgerConnection, t: Tables, *, after: int, limit: int) -> list[ToRead]:
        """A page, in the order of the walk, of the files that have to be read."""
        cursor = conn.execute(
            f"SELECT seq, path, path_bytes, size FROM {t.seen}"
            f" WHERE look = {Look.READ} AND seq > ? ORDER BY seq LIMIT ?",
            (after, limit),
        )
        return [ToRead(*cells) for cells in cursor]

    @noted
    def note_read(
        conn: LedgerConnection, t: Tables, results: Sequence[tuple[ToRead, FileSnapshot | None]]
    ) -> None:
        """Note what files were when they were read; None stands for one that was no longer there."""
        _forget(conn, t, [file for file, snapshot in results if snapshot is None])
        conn.executemany(
            f"UPDATE {t.seen} SET content_hash = :content_hash, size = :size, mtime_ns = :mtime_ns,"
            " inode = :inode, ctime_ns = :ctime_ns, mime_type = :mime_type, metadata_json = :metadata_json,"
            " failure_info = :failure_info WHERE seq = :seq",
            (
                described(snapshot) | {"seq": file.number}
                for file, snapshot in results
                if snapshot is not None
            ),
        )

    vanished = noted(diff.vanished)
    changes = noted(diff.changes)
    renames = noted(diff.renames)
    nothing_left = noted(diff.nothing_left)

    async def record_new(
        self, results: Sequence[tuple[ToRead, FileSnapshot | None]], *, run_id: RunId, outrun: bool
    ) -> int | None:
        """Record files as new at once, without the comparison; None stands for one that is no longer there.

        For a scan after :meth:`nothing_left`. The comparison takes them for unchanged.

        Returns:
            How many were left alone; None, and nothing is recorded, as for :meth:`compare`.
        """
        since = None if outrun else self._generation
        stale = await self._change(_record_new, results, run_id=run_id, since=since)
        if stale is not None:
            self._generation += 1
        return stale

    async def compare(self, *, outrun: bool = False) -> Mapping[ChangeKind, int] | None:
        """Compare disk and ledger; how many differences of each kind there are.

        None if another run has recorded what it saw since this scan began: the notes are out of date, and all
        has to be looked at again. With ``outrun`` they are compared all the same.
        """
        since = None if outrun else self._generation
        if await self._read(diff.is_outrun, since):
            return None
        for step in diff.STEPS:
            await self._read(step, self.tables)
        # No other run has recorded anything since, so all the steps saw the same files.
        return await self._read(diff.counts, self.tables, since=since)

    async def apply(self, *, run_id: RunId, page: int) -> int:
        """Record all differences, ``page`` to a transaction; how many were left alone.

        A row that another task or run changed since :meth:`compare` is left to the next scan.
        """
        stale = await self._pages(free_renames, run_id, page)
        stale += (await self._change(entangled_renames, run_id=run_id)).stale
        return stale + await self._pages(other_changes, run_id, page)

    async def _pages(self, step: Callable[..., Applied], run_id: RunId, limit: int) -> int:
        """Repeat ``step``, a transaction each time, until there is nothing left; the sum of what was stale."""
        after, stale = 0, 0
        while True:
            page = await self._change(step, after=after, limit=limit, run_id=run_id)
            if not page.count:
                return stale
            after, stale = page.last, stale + page.stale

    async def _change(self, step: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Change files as the plan says, in a transaction in which no other run can take this one's lease.

        Raises:
            LostLeaseError: another run took it before; nothing is changed.
        """

        def change(conn: LedgerConnection, now: float) -> T:
            require_lease(conn, self._lease)
            return step(conn, now, self.tables, *args, **kwargs)

        return await self._record(change)


def _record_new(
    conn: LedgerConnection,
    now: float,
    t: Tables,
    results: Sequence[tuple[ToRead, FileSnapshot | None]],
    *,
    run_id: RunId,
    since: int | None,
) -> int | None:
    if diff.is_outrun(conn, since):
        return None
    _forget(conn, t, [file for file, snapshot in results if snapshot is None])
    files = [(file, snapshot) for file, snapshot in results if snapshot is not None]
    # They are the next files that had to be read, without a gap; those that are gone were taken out.
    numbers = [file.number for file, _ in results]
    conn.execute(
        f"UPDATE {t.seen} SET look = {Look.SAME} WHERE look = {Look.READ} AND seq BETWEEN ? AND ?",
        (min(numbers), max(numbers)),
    )
    return new_files(conn, now, files, run_id=run_id)


def _forget(conn: LedgerConnection, t: Tables, files: Sequence[ToRead]) -> None:
    """Take out files that were no longer there when they were read."""
    conn.executemany(f"DELETE FROM {t.seen} WHERE seq = ?", ((file.number,) for file in files))


class ScanTable(Table):
    """The files on disk, as scans and uploads see them."""

    @asynccontextmanager
    async def open(self, lease: Lease | None = None) -> AsyncIterator[ScanSession]:
        """Open a scan for the length of the block. Several may be open on one ledger.

        With ``lease`` it changes nothing once another run holds that.
        """
        tables = await self._read(partial(Tables.make, number=next(_NUMBERS)))
        try:
            generation = await self._read(scan_generation)
            yield ScanSession(self._database, self._now, tables, generation, lease)
        finally:
            with trio.move_on_after(CLOSE_SECONDS, shield=True):
                await self._read(tables.drop)

    @stamped
    def record_content(
        conn: LedgerConnection, now: float, row: FileRow, snapshot: FileSnapshot | None
    ) -> FileRow | None:
        """Record a file that was read outside a scan; its state stays as it is.

        Args:
            row: the file as its reader knew it.
            snapshot: the file now; None if it is not there.

        Returns:
            The row after it, or None if it was changed in the meantime.
        """
        item: dict[str, Any] = {
            "file_id": row.file_id,
            "was_path": row.file_path,
            "was_hash": row.content_hash,
            "was_mtime": row.mtime_ns,
            "path_bytes": row.path_bytes,
            "now": now,
        }
        bump_scan_generation(conn)
        if snapshot is None:
            return write_row(conn, ChangeKind.MISSING, item)
        return write_row(conn, ChangeKind.CHANGED, item | described(snapshot))
