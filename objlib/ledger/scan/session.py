"""The notebook of one scan: what was seen on disk, in temporary tables beside the ledger.

Temporary tables belong to the connection, take no lock that another process could notice, spill to a file of
their own, and vanish with the connection. So a scan of any size needs little memory, and one that is
interrupted leaves nothing behind but what it had applied, a page at a time.
"""

import itertools
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Final, NamedTuple

import trio

from objlib.core.failures import FailureKind
from objlib.core.ids import RunId
from objlib.core.library.snapshot import NO_TYPE, UNREAD, FileSnapshot
from objlib.core.lifecycle.table import State
from objlib.ledger.ledger import Ledger
from objlib.ledger.scan import apply as application
from objlib.ledger.scan import diff
from objlib.ledger.scan.tables import ChangeKind, Look, Tables
from objlib.ledger.settings import sightings

CLOSE_SECONDS: Final = 10.0
"""How long closing may wait for its turn at the connection."""
_NUMBERS: Final = itertools.count(1)

Sighting = tuple[str, bytes | None, int, int, int]
"""path, path_bytes, size, mtime_ns, inode of a file on disk."""

# A row is taken at its word when its status is that of the disk, unless what is to become of it depends on
# its bytes: an indexed file whose change came while it was under way, one found unfit after it was queued,
# and one that could not be read, since the right to read leaves no trace in the status that is compared.
_UNCHANGED: Final = f"""
    f.size = ?3 AND f.mtime_ns = ?4 AND f.inode = ?5 AND f.path_bytes IS ?2
    AND CASE f.gemini_state
        WHEN '{State.INDEXED}' THEN f.content_hash = f.indexed_hash
        WHEN '{State.UNTRACKED}' THEN f.content_hash <> '{UNREAD}' AND f.size > 0 AND f.mime_type <> '{NO_TYPE}'
        WHEN '{State.FAILED}' THEN json_extract(f.failure_info, '$.kind') <> '{FailureKind.UNREADABLE}'
        ELSE 1 END
"""


class ToRead(NamedTuple):
    """A file that has to be read, because nothing else can tell whether it changed."""

    number: int
    file_path: str
    path_bytes: bytes | None
    size: int


class ScanBook:
    """An open notebook; :func:`open_scanbook` makes one."""

    def __init__(self, ledger: Ledger, tables: Tables, since: int) -> None:
        self._ledger = ledger
        self._tables = tables
        self._since = since

    async def note_files(self, sightings: Sequence[Sighting]) -> tuple[int, int]:
        """Note files seen on disk; how many of them have to be read, and their bytes."""
        return await self._ledger.read(partial(_note_files, t=self._tables, sightings=sightings))

    async def note_blind(self, paths: Iterable[str]) -> None:
        """Note files and folders that could not be looked at: of what is there, nothing will be said."""
        await self._ledger.read(partial(_note_blind, t=self._tables, paths=list(paths)))

    async def to_read(self, after: int, limit: int) -> list[ToRead]:
        """A page, in the order of the walk, of the files that have to be read."""
        query = (
            f"SELECT seq, path, path_bytes, size FROM {self._tables.seen}"
            f" WHERE look = {Look.READ} AND seq > ? ORDER BY seq LIMIT ?"
        )
        return await self._ledger.read(
            lambda conn: [ToRead(*cells) for cells in conn.execute(query, (after, limit))]
        )

    async def note_read(self, results: Iterable[tuple[str, FileSnapshot | None]]) -> None:
        """Note what files were when they were read; None stands for one that was no longer there."""
        await self._ledger.read(partial(_note_read, t=self._tables, results=list(results)))

    async def vanished(self) -> int:
        """How many live rows with a document there are, if not a single file was seen; 0 otherwise."""
        return await self._ledger.read(partial(diff.vanished, t=self._tables))

    async def compare(self, *, outrun: bool = False) -> Mapping[ChangeKind, int] | None:
        """Work out what has to be recorded; how many differences of each kind there are.

        None if another run has recorded what it saw since this notebook was opened: the notes are out of date,
        and all has to be looked at again. With ``outrun`` they are compared all the same.
        """
        since = None if outrun else self._since
        return await self._ledger.read(partial(diff.compare, t=self._tables, since=since))

    async def changes(self, limit: int) -> list[tuple[str, str]]:
        """The first ``limit`` differences by path, as (kind, path); a rename has ``old -> new`` for a path."""
        return await self._ledger.read(partial(diff.changes, t=self._tables, limit=limit))

    async def apply(self, *, run_id: RunId, page: int) -> int:
        """Record all differences, ``page`` to a transaction; how many were left alone.

        A row that someone else changed since :meth:`compare` is left alone: the next scan sees what is true
        then.
        """
        stale = await self._pages(application.free_renames, run_id, page)
        entangled = partial(
            application.entangled_renames, t=self._tables, run_id=run_id, now=self._ledger.now()
        )
        stale += (await self._ledger.write(entangled)).stale
        return stale + await self._pages(application.others, run_id, page)

    async def _pages(self, step: Callable[..., application.Page], run_id: RunId, page: int) -> int:
        """Repeat ``step``, a transaction each time, until there is nothing left; the sum of what was stale."""
        after, stale = 0, 0
        while True:
            now = self._ledger.now()
            work = partial(step, t=self._tables, after=after, limit=page, run_id=run_id, now=now)
            done = await self._ledger.write(work)
            if not done.count:
                return stale
            after, stale = done.last, stale + done.stale


@asynccontextmanager
async def open_scanbook(ledger: Ledger) -> AsyncIterator[ScanBook]:
    """Open a notebook for the length of the block. Several may be open on one ledger."""
    tables = Tables.numbered(next(_NUMBERS))
    try:
        await ledger.read(tables.create)
        yield ScanBook(ledger, tables, await ledger.read(sightings))
    finally:
        with trio.move_on_after(CLOSE_SECONDS, shield=True):
            await ledger.read(tables.drop)


def _note_files(conn: sqlite3.Connection, *, t: Tables, sightings: Sequence[Sighting]) -> tuple[int, int]:
    (last,) = conn.execute(f"SELECT coalesce(max(seq), 0) FROM {t.seen}").fetchone()
    conn.executemany(
        f"""
        INSERT OR IGNORE INTO {t.seen} (path, path_bytes, size, mtime_ns, inode, file_id, look)
        SELECT ?1, ?2, ?3, ?4, ?5, f.file_id, CASE
            WHEN f.file_id IS NULL OR NOT ({_UNCHANGED}) THEN {Look.READ}
            WHEN f.missing_since IS NOT NULL THEN {Look.RETURNED} ELSE {Look.SAME} END
        FROM (SELECT 1) LEFT JOIN main.files f ON f.seq = {Tables.row_at("?1")}
        """,
        sightings,
    )
    count, size = conn.execute(
        f"SELECT count(*), coalesce(sum(size), 0) FROM {t.seen} WHERE look = {Look.READ} AND seq > ?", (last,)
    ).fetchone()
    return int(count), int(size)


def _note_blind(conn: sqlite3.Connection, *, t: Tables, paths: Sequence[str]) -> None:
    conn.executemany(f"INSERT OR IGNORE INTO {t.blind} VALUES (?)", [(path,) for path in paths])


def _note_read(
    conn: sqlite3.Connection, *, t: Tables, results: Sequence[tuple[str, FileSnapshot | None]]
) -> None:
    for path, examined in results:
        if examined is None:
            conn.execute(f"DELETE FROM {t.seen} WHERE path = ?", (path,))
            continue
        conn.execute(
            f"UPDATE {t.seen} SET content_hash = :content_hash, size = :size, mtime_ns = :mtime_ns,"
            " inode = :inode, mime_type = :mime_type, metadata_json = :metadata_json,"
            " failure_info = :failure_info WHERE path = :path",
            application.described(examined) | {"path": path},
        )
