"""Queries of files. Pages go by ``file_id``: one starts after the last id of the one before."""

import json
from dataclasses import fields
from typing import Final

from objlib.core.failures import FailureKind
from objlib.core.ids import FileId
from objlib.core.lifecycle.table import TRANSIENT, State
from objlib.ledger.database import LedgerConnection
from objlib.ledger.rows import AttemptRow, Backlog, Counts, EventRow, FileRow, FolderRow, RunRow, count
from objlib.ledger.table import Table, query

PAGE: Final = 500
"""Rows of a page where the caller does not say."""

_UNSENT: Final = f"WHERE gemini_state = '{State.UNTRACKED}' AND missing_since IS NULL"
_IN_TRANSIT: Final = ", ".join(f"'{state}'" for state in sorted(TRANSIENT))

_INDEXED: Final = f"gemini_state = '{State.INDEXED}' AND missing_since IS NULL"
_OTHERS: Final = ", ".join(f"'{state}'" for state in State if state is not State.INDEXED)

_SLASH: Final = "'/'"
_SKIPPING: Final = ", ".join(f"'{kind}'" for kind in sorted(FailureKind) if kind.skips)


class FileTable(Table):
    """The files of the library."""

    @query
    def claimable(conn: LedgerConnection, *, now: float, limit: int, suffix: str = "") -> list[FileRow]:
        """At most ``limit`` files to upload now: never postponed ones by id, then due ones by time.

        Two queries, because one with OR would sort all remaining files for each page. ``suffix`` ends both of them.
        """
        claimable = _claimable(conn)
        new = FileRow.all(conn, f"{claimable} AND retry_at IS NULL ORDER BY file_id LIMIT ? {suffix}", limit)
        if len(new) == limit:
            return new
        due = f"{claimable} AND retry_at <= ? ORDER BY retry_at, file_id LIMIT ? {suffix}"
        return new + FileRow.all(conn, due, now, limit - len(new))

    @query
    def due_among(
        conn: LedgerConnection, file_ids: str, *, now: float, limit: int, suffix: str = ""
    ) -> list[FileRow]:
        """As :meth:`claimable`, of the files with these ids, a JSON list, alone."""
        among = f"file_id IN {conn.dialect.texts('?')}"
        due = f"{_UNSENT} AND {among} AND coalesce(retry_at, 0) <= ? ORDER BY file_id LIMIT ? {suffix}"
        return FileRow.all(conn, due, file_ids, now, limit)

    @query
    def claimable_totals(conn: LedgerConnection, *, now: float | None = None) -> tuple[int, int]:
        """How many files are to be uploaded and their bytes: all, or with ``now`` those that are due."""
        due = "" if now is None else " AND (retry_at IS NULL OR retry_at <= ?)"
        files, size = conn.execute(
            f"SELECT count(*), coalesce(sum(size), 0) FROM files {_claimable(conn)}{due}",
            () if now is None else (now,),
        ).fetchone()
        return int(files), int(size)

    @query
    def next_retry_at(conn: LedgerConnection) -> float | None:
        """The earliest time at which a postponed file may be tried again."""
        (when,) = conn.execute(
            f"SELECT min(retry_at) FROM files {_claimable(conn)} AND retry_at IS NOT NULL"
        ).fetchone()
        return None if when is None else float(when)

    @query
    def get(conn: LedgerConnection, file_id: FileId) -> FileRow | None:
        """The file with this id."""
        return FileRow.first(conn, "WHERE file_id = ?", file_id)

    @query
    def by_path(conn: LedgerConnection, path: str) -> FileRow | None:
        """The file at ``path`` on disk; if there is none, the one that went missing from there last."""
        # Two queries, because only a small index covers each half.
        at_path = "WHERE file_path = ? AND missing_since IS"
        return FileRow.first(conn, f"{at_path} NULL", path) or FileRow.first(
            conn, f"{at_path} NOT NULL ORDER BY missing_since DESC", path
        )

    @query
    def page(
        conn: LedgerConnection, state: State | None = None, *, after: str = "", limit: int = PAGE
    ) -> list[FileRow]:
        """A page of the files in ``state``, or of all."""
        return _page(conn, "TRUE" if state is None else f"gemini_state = '{state}'", after, limit)

    @query
    def failed(
        conn: LedgerConnection, after: str = "", limit: int = PAGE, *, skipped: bool | None = None
    ) -> list[FileRow]:
        """A page of the files that failed: all, or those (not) of a kind that is skipped."""
        kinds = ""
        if skipped is not None:
            kinds = f" AND coalesce({_skipped(conn)}, {not skipped}) = {skipped}"
        return _page(conn, f"gemini_state = '{State.FAILED}'{kinds}", after, limit)

    @query
    def some(conn: LedgerConnection, *, limit: int) -> list[FileRow]:
        """Some of the files on disk, spread over all of them."""
        where = "WHERE missing_since IS NULL ORDER BY substr(file_id, -6), file_id LIMIT ?"
        return FileRow.all(conn, where, limit)

    @query
    def superseded(conn: LedgerConnection, after: str = "", limit: int = PAGE) -> list[FileRow]:
        """A page of the files with an older document that is still to be deleted."""
        return _page(conn, "superseded_document IS NOT NULL", after, limit)

    @query
    def transient(
        conn: LedgerConnection, after: str = "", limit: int = PAGE
    ) -> list[tuple[FileRow, AttemptRow | None, RunRow | None]]:
        """A page of the files in a transient state, each with its last attempt and the run that owns it."""
        cursor = conn.execute(
            f"SELECT {FileRow.columns('f')}, {AttemptRow.columns('a')}, {RunRow.columns('r')}"
            " FROM files f"
            " LEFT JOIN attempts a ON a.seq = (SELECT max(seq) FROM attempts WHERE file_id = f.file_id)"
            " LEFT JOIN runs r ON r.run_id = a.run_id"
            f" WHERE f.gemini_state IN ({_IN_TRANSIT}) AND f.file_id > ? ORDER BY f.file_id LIMIT ?",
            (after, limit),
        )
        first, second = len(fields(FileRow)), len(fields(FileRow)) + len(fields(AttemptRow))
        return [
            (
                FileRow.read(cells[:first]),
                None if cells[first] is None else AttemptRow.read(cells[first:second]),
                None if cells[second] is None else RunRow.read(cells[second:]),
            )
            for cells in cursor
        ]

    @query
    def history(conn: LedgerConnection, file_id: FileId) -> tuple[list[EventRow], list[AttemptRow]]:
        """All events and attempts of a file, oldest first."""
        events = EventRow.all(conn, "WHERE file_id = ? ORDER BY event_id", file_id)
        return events, AttemptRow.all(conn, "WHERE file_id = ? ORDER BY seq", file_id)

    @query
    def listed(
        conn: LedgerConnection,
        folder: str = "",
        *,
        state: State | None = None,
        deep: bool = True,
        after: str = "",
        limit: int = PAGE,
    ) -> list[FileRow]:
        """A page by path of the files on disk in a folder; with its subfolders where ``deep``."""
        first, last = _range(folder)
        conditions = ["missing_since IS NULL AND file_path > ? AND file_path < ?"]
        if state is not None:
            conditions.append(f"gemini_state = '{state}'")
        if not deep:
            conditions.append(f"{conn.dialect.position(_below(first), _SLASH)} = 0")
        where = f"WHERE {' AND '.join(conditions)} ORDER BY file_path LIMIT ?"
        return FileRow.all(conn, where, max(first, after), last, limit)

    @query
    def subfolders(conn: LedgerConnection, folder: str = "") -> list[FolderRow]:
        """The folders directly in a folder, with what they hold, by name."""
        first, last = _range(folder)
        rest = _below(first)
        slash = conn.dialect.position(rest, _SLASH)
        cursor = conn.execute(
            f"SELECT substr({rest}, 1, {slash} - 1) AS name, count(*), sum(size),"
            f" count(*) FILTER (WHERE gemini_state = '{State.INDEXED}'),"
            f" count(*) FILTER (WHERE gemini_state = '{State.FAILED}') FROM files"
            f" WHERE missing_since IS NULL AND file_path > ? AND file_path < ? AND {slash} > 0"
            " GROUP BY name ORDER BY name",
            (first, last),
        )
        return [FolderRow(*cells) for cells in cursor]

    @query
    def metadata_keys(conn: LedgerConnection) -> dict[str, bool]:
        """The keys in the metadata of files that have a document, sorted, and whether all of its values are numbers."""
        return {key: bool(numbers) for key, numbers in conn.execute(conn.dialect.metadata_keys)}

    @query
    def facets(conn: LedgerConnection, *, limit: int) -> list[tuple[str, str | float, int]]:
        """Each key and value in the metadata of at least two files that have a document, with their number.

        The most first, of each key at most ``limit`` values. A list counts once for each of its texts.
        """
        cursor = conn.execute(conn.dialect.facets, (limit,))
        return [(key, json.loads(value), number) for key, value, number in cursor]

    @query
    def counts(conn: LedgerConnection, *, now: float) -> Counts:
        """How many files there are of each kind at ``now``."""
        return Counts(
            states=_states(conn),
            # One that has no document, and is not under way to one, is history: it was pruned, or never sent.
            missing=count(
                conn,
                f"FROM files {conn.dialect.by_index('files_missing')} WHERE missing_since IS NOT NULL"
                " AND (gemini_document IS NOT NULL OR superseded_document IS NOT NULL"
                f" OR gemini_state IN ({_IN_TRANSIT}))",
            ),
            changed=count(
                conn,
                f"FROM files {conn.dialect.by_index('files_changed')}"
                f" WHERE {_INDEXED} AND content_hash <> indexed_hash",
            ),
            skipped=count(
                conn,
                f"FROM files WHERE gemini_state = '{State.FAILED}' AND missing_since IS NULL AND {_skipped(conn)}",
            ),
            waiting=count(conn, f"FROM files {_claimable(conn)} AND retry_at > ?", now),
            superseded=count(conn, "FROM files WHERE superseded_document IS NOT NULL"),
            open_intents=count(conn, "FROM intents WHERE done_at IS NULL"),
            stale_names=count(
                conn,
                f"FROM files {conn.dialect.by_index('files_renamed')} WHERE {_INDEXED} AND sent_path IS NOT NULL",
            ),
        )

    @query
    def backlog(conn: LedgerConnection) -> dict[State, Backlog]:
        """The bytes of the files on disk by state, and since when the longest has been in it. Reads every row."""
        cursor = conn.execute(
            "SELECT gemini_state, sum(size), min(gemini_state_updated_at) FROM files WHERE missing_since IS NULL"
            " GROUP BY 1"
        )
        return {State(state): Backlog(int(size), float(oldest)) for state, size, oldest in cursor}


def _states(conn: LedgerConnection) -> dict[State, int]:
    """How many files on disk are in each state.

    Most files are indexed. So the others are counted, by their index, and the indexed ones are the rest of all: a
    count without a condition takes a tenth of the time.
    """
    missing, others = dict.fromkeys(State, 0), dict.fromkeys(State, 0)
    number = "SELECT gemini_state, count(*) FROM files"
    of_missing = (
        f"{number} {conn.dialect.by_index('files_missing')} WHERE missing_since IS NOT NULL GROUP BY 1"
    )
    missing.update((State(state), files) for state, files in conn.execute(of_missing))
    of_others = (
        f"{number} {conn.dialect.by_index('files_state')} WHERE gemini_state IN ({_OTHERS}) GROUP BY 1"
    )
    others.update((State(state), files) for state, files in conn.execute(of_others))
    others[State.INDEXED] = count(conn, "FROM files") - sum(others.values())
    return {state: others[state] - missing[state] for state in State}


def _claimable(conn: LedgerConnection) -> str:
    return f"{conn.dialect.by_index('files_claimable')} {_UNSENT}"


def _skipped(conn: LedgerConnection) -> str:
    return f"({conn.dialect.field('failure_info', 'kind')} IN ({_SKIPPING}))"


def _below(first: str) -> str:
    """SQL for what follows ``first`` in a path."""
    return f"substr(file_path, {len(first) + 1})"


def _range(folder: str) -> tuple[str, str]:
    """The open range of the paths in a folder; "0" is the character after "/"."""
    return (f"{folder}/", f"{folder}0") if folder else ("", "\U0010ffff")


def _page(conn: LedgerConnection, condition: str, after: str, limit: int) -> list[FileRow]:
    return FileRow.all(conn, f"WHERE {condition} AND file_id > ? ORDER BY file_id LIMIT ?", after, limit)
