"""Values for the completion of a command line, read from catalog and ledger without a trace.

A key was pressed, so it is quick and never fails: files are opened as they are, nothing is made, waited for or asked
of a service, and whatever is missing or damaged gives no value.
"""

import json
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

MOST: Final = 200
"""Values at most; more of them are no help."""
READ: Final = 20_000
"""Files whose metadata are looked at; those that were entered last."""


class Hints:
    """The values for one command line.

    Args:
        data: the user's data folder for objlib.
        environ: the variables.
        given: the values of options so far, by option.
    """

    def __init__(self, data: Path, environ: Mapping[str, str], given: Mapping[str, str]) -> None:
        self._catalog = data / "catalog.db"
        self._named = {
            name: given.get(f"--{name}") or environ.get(f"OBJLIB_{name.upper()}") or ""
            for name in ("library", "ledger")
        }

    def libraries(self) -> list[str]:
        """The folders of the libraries that are known."""
        return [str(root) for (root,) in _rows(self._catalog, "SELECT root FROM libraries ORDER BY root")]

    def stores(self) -> list[str]:
        """The display names of the stores that libraries here use."""
        query = "SELECT DISTINCT store FROM ledgers WHERE store <> '' ORDER BY store"
        return [str(store) for (store,) in _rows(self._catalog, query)]

    def paths(self, start: str) -> list[str]:
        """The files of the library whose path begins with ``start``; of a folder only its name, with a slash."""
        folder = start[: start.rfind("/") + 1]
        query = (
            "SELECT DISTINCT CASE instr(substr(file_path, ?1), '/') WHEN 0 THEN file_path"
            " ELSE substr(file_path, 1, ?1 - 1 + instr(substr(file_path, ?1), '/')) END AS name FROM files"
            " WHERE missing_since IS NULL AND substr(file_path, 1, ?2) = ?3 ORDER BY name LIMIT ?4"
        )
        return self._texts(query, len(folder) + 1, len(start), start, MOST)

    def keys(self) -> list[str]:
        """The keys of the documents' metadata."""
        query = (
            "SELECT DISTINCT key FROM (SELECT metadata_json FROM files WHERE gemini_document IS NOT NULL"
            " ORDER BY seq DESC LIMIT ?), json_each(metadata_json) ORDER BY key LIMIT ?"
        )
        return self._texts(query, READ, MOST)

    def values(self, key: str) -> list[str]:
        """The values of one key, as JSON: a text in quotes, or a number."""
        query = (
            "SELECT DISTINCT CASE type WHEN 'array' THEN NULL ELSE json_quote(value) END AS value FROM"
            " (SELECT metadata_json FROM files WHERE gemini_document IS NOT NULL ORDER BY seq DESC LIMIT ?),"
            " json_each(metadata_json) WHERE key = ? AND value IS NOT NULL ORDER BY value LIMIT ?"
        )
        return [_readable(text) for text in self._texts(query, READ, key, MOST)]

    def runs(self) -> list[str]:
        """The ids of the runs that have not ended."""
        return self._texts("SELECT run_id FROM runs WHERE ended IS NULL ORDER BY started DESC LIMIT ?", MOST)

    def _texts(self, query: str, *values: object) -> list[str]:
        for ledger in self._ledgers():
            if rows := list(_rows(ledger, query, values)):
                return [text for (text,) in rows if isinstance(text, str) and text.isprintable()]
        return []

    def _ledgers(self) -> Iterator[Path]:
        """The ledgers of the library that is meant: the one that is named, that the folder is in, or the only one."""
        if self._named["ledger"]:
            yield Path(self._named["ledger"]).expanduser()
            return
        query = "SELECT root, path FROM libraries JOIN ledgers USING (library_id) ORDER BY service"
        known = [(Path(root), Path(path)) for root, path in _rows(self._catalog, query)]
        here = Path(
            os.path.realpath(Path(self._named["library"]).expanduser() if self._named["library"] else ".")
        )
        inside = {root for root, _ in known if root == here or root in here.parents}
        roots = {max(inside, key=lambda root: len(root.parts))} if inside else {root for root, _ in known}
        if len(roots) == 1:
            yield from (path for root, path in known if root in roots)


def _readable(text: str) -> str:
    """A JSON value as a filter takes it, without escapes for letters beyond ASCII."""
    return json.dumps(json.loads(text), ensure_ascii=False)


def _rows(file: Path, query: str, values: Sequence[object] = ()) -> list[Any]:
    """The rows of a query; none where the file cannot be read as it is."""
    try:
        with _open(file) as conn:
            return conn.execute(query, values).fetchall()
    except (sqlite3.Error, OSError, ValueError):
        return []


@contextmanager
def _open(file: Path) -> Iterator[sqlite3.Connection]:
    """The database, to be read.

    Without a write-ahead log beside it, it is opened as one that does not change: SQLite would make that file else.
    """
    log, index = (file.with_name(file.name + end) for end in ("-wal", "-shm"))
    mode = "mode=ro" if log.exists() and index.exists() else "immutable=1"
    with closing(
        sqlite3.connect(f"file:{quote(str(file.resolve(strict=True)))}?{mode}", uri=True, timeout=0)
    ) as conn:
        yield conn
