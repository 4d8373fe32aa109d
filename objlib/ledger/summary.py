"""Contents of a ledger, read from outside without opening it: nothing is migrated, and nothing is left behind.

Where a ledger cannot be read so, it counts as absent.
"""

import json
import sqlite3
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from objlib.core.lifecycle.table import State
from objlib.ledger.database import LedgerConnection
from objlib.ledger.dialects.sqlite import SQLiteConnection
from objlib.ledger.rows import FileRow, RunRow
from objlib.sqlite.private_copy import look_into

T = TypeVar("T")

_BUSY_SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True)
class LedgerSummary:
    """The contents of a ledger in numbers.

    Attributes:
        files: files in the library.
        indexed: files that are searchable.
        documents: files that have a document, also those that left the library.
        runs: runs on it, oldest first.
    """

    files: int
    indexed: int
    documents: int
    runs: tuple[RunRow, ...]


def summarize(path: Path) -> LedgerSummary | None:
    """The summary of the ledger at ``path``."""
    return _look(path, _summarize)


def files_with_content(path: Path, hashes: Collection[str]) -> list[FileRow]:
    """The files of the ledger at ``path`` that have a document, and whose bytes have one of these hashes."""
    return _look(path, partial(_files_with_content, hashes=json.dumps(list(hashes)))) or []


def _look(path: Path, read: Callable[[LedgerConnection], T]) -> T | None:
    with suppress(OSError, sqlite3.Error, ValueError):
        if path.is_file() and path.stat().st_size:
            return look_into(path, read, SQLiteConnection, busy_timeout=_BUSY_SECONDS)
    return None


def _summarize(conn: LedgerConnection) -> LedgerSummary:
    files, indexed, documents = conn.execute(
        "SELECT count(*) FILTER (WHERE missing_since IS NULL),"
        f" count(*) FILTER (WHERE missing_since IS NULL AND gemini_state = '{State.INDEXED}'),"
        " count(gemini_document) FROM files"
    ).fetchone()
    return LedgerSummary(files, indexed, documents, tuple(RunRow.all(conn, "ORDER BY started, run_id")))


def _files_with_content(conn: LedgerConnection, hashes: str) -> list[FileRow]:
    contents = conn.dialect.texts("?")
    return FileRow.all(conn, f"WHERE gemini_document IS NOT NULL AND content_hash IN {contents}", hashes)
