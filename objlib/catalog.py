"""The catalog: which libraries this user has, and where the ledgers and the embedded store of each are.

One small SQLite file in the data folder, which several processes may change at once. It is a convenience, never the
truth: whatever it says stands in the ledgers too. If it is deleted or damaged, it is made again from the ledgers in
the data folder and from the marks beside them, which know those that lie elsewhere, and those that are lost.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Final, TypeVar

from objlib.core.config.default_paths import plain_name
from objlib.core.config.known import KnownLedger, KnownLibrary
from objlib.core.errors import ObjlibError
from objlib.core.ids import new_id
from objlib.core.library.paths import root_of_text, text_of_root
from objlib.data_folder import libraries_in
from objlib.ledger import identify
from objlib.library_mark import write_mark
from objlib.sqlite.errors import RefusedFileError, primary_code, roll_back
from objlib.sqlite.migrations import Migration, Schema
from objlib.sqlite.private import make_file

T = TypeVar("T")

BUSY_SECONDS: Final = 5.0
"""Seconds to wait for another process, whose transaction takes milliseconds."""

_TABLES: Final = (
    """
    CREATE TABLE libraries (
        library_id TEXT NOT NULL PRIMARY KEY,
        root TEXT NOT NULL UNIQUE,
        folder TEXT NOT NULL UNIQUE,
        config TEXT
    ) STRICT
    """,
    """
    CREATE TABLE ledgers (
        path TEXT NOT NULL PRIMARY KEY,
        library_id TEXT NOT NULL REFERENCES libraries (library_id) ON DELETE CASCADE,
        ledger_id TEXT NOT NULL,
        service TEXT NOT NULL,
        embedded TEXT,
        store TEXT NOT NULL
    ) STRICT
    """,
    # Its one row says that the ledgers of the data folder were entered, once.
    "CREATE TABLE restored (done INTEGER NOT NULL PRIMARY KEY CHECK (done = 1)) STRICT",
)
SCHEMA: Final = Schema(0x6F626A63, (Migration(1, "the first catalog", _TABLES),))
"""The schema of the catalog's file; its application id is ``objc`` in ASCII."""


class CatalogError(ObjlibError):
    """The catalog cannot be written. Work that does not need it goes on without it."""


class Catalog:
    """The catalog in one data folder. Each method is one transaction, and blocks."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.path = data / "catalog.db"

    def libraries(self) -> tuple[KnownLibrary, ...]:
        """All libraries, by root. Without a catalog that can be read: those of the ledgers in the data folder."""
        if self.path.is_file():
            with suppress(sqlite3.Error, RefusedFileError, OSError), closing(self._connect("rw")) as conn:
                if conn.execute("PRAGMA user_version").fetchone() == (SCHEMA.newest,) and _restored(conn):
                    return tuple(_libraries(conn))
        return tuple(libraries_in(self.data))

    def holder(self, ledger_id: str) -> tuple[KnownLibrary, Path] | None:
        """The ledger with this id, and its library; None if it is unknown, or is not there any more."""
        for library in self.libraries():
            for ledger in library.ledgers:
                if ledger.ledger_id == ledger_id:
                    identity = identify(ledger.path)
                    if identity is not None and identity.ledger_id == ledger_id:
                        return library, ledger.path
        return None

    def claim(self, root: Path, *, folder: Path, now: float) -> None:
        """Enter a library that is new. Of several processes that do so at once the first one wins.

        Args:
            root: its real path.
            folder: where an older objlib put its files; taken if a ledger is there, else one is named by the id.

        Raises:
            CatalogError: it cannot be written.
        """
        library_id = new_id(now)
        identity = identify(folder / "ledger.db")
        if identity is None or identity.root not in (None, root):
            folder = self._folder(root, library_id)
        self._change(lambda conn: _enter(conn, KnownLibrary(library_id, root, folder)))

    def record(self, root: Path, library_id: str, config: Path | None, ledger: KnownLedger) -> None:
        """Enter a ledger that is in use, and its library; nothing is written where all of it is known.

        Args:
            root: the library.
            library_id: of the library, where the catalog does not have it yet.
            config: the ``objlib.toml`` in use.
            ledger: with the library at this service.

        Raises:
            CatalogError: it cannot be written.
        """
        entry = next((each for each in self.libraries() if each.root == root), None)
        if self.path.is_file() and entry and entry.config == config and ledger in entry.ledgers:
            self._mark(root, entry)
            return

        def write(conn: sqlite3.Connection) -> None:
            entered = _enter(conn, KnownLibrary(library_id, root, self._folder(root, library_id, ledger)))
            conn.execute("UPDATE libraries SET config = ? WHERE library_id = ?", (_text(config), entered))
            _enter_ledger(conn, entered, ledger)

        self._change(write)
        self._mark(root)

    def _folder(self, root: Path, library_id: str, ledger: KnownLedger | None = None) -> Path:
        if ledger is not None and ledger.path.parent.parent == self.data / "libraries":
            return ledger.path.parent
        # The last digits are random, the first ones a time that two new libraries may share.
        return self.data / "libraries" / f"{plain_name(root.name)}-{library_id[-12:]}"

    def move(self, old: Path, new: Path) -> None:
        """Let the library at ``old`` be the one at ``new``; an entry that ``new`` has is dropped.

        Ledgers, stores and configuration that lay inside of the folder moved along.

        Raises:
            CatalogError: it cannot be written.
        """

        def moved(path: Path | None) -> str | None:
            inside = path is not None and path.is_relative_to(old)
            return _text(new / path.relative_to(old) if inside and path else path)

        def write(conn: sqlite3.Connection) -> None:
            library = next((each for each in _libraries(conn) if each.root == old), None)
            if library is None:
                return
            conn.execute("DELETE FROM libraries WHERE root = ?", (text_of_root(new),))
            conn.execute(
                "UPDATE libraries SET root = ?, config = ? WHERE library_id = ?",
                (text_of_root(new), moved(library.config), library.library_id),
            )
            for ledger in library.ledgers:
                conn.execute(
                    "UPDATE ledgers SET path = ?, embedded = ? WHERE path = ?",
                    (moved(ledger.path), moved(ledger.embedded), _text(ledger.path)),
                )

        self._change(write)
        self._mark(new)

    def _mark(self, root: Path, entry: KnownLibrary | None = None) -> None:
        """Copy the entry of a library into its folder; the catalog holds without it."""
        library = entry or next((each for each in self.libraries() if each.root == root), None)
        if library is not None and library.ledgers:
            with suppress(OSError):
                write_mark(library)

    def forget(self, root: Path) -> None:
        """Drop the entry of a library."""
        self._change(lambda conn: conn.execute("DELETE FROM libraries WHERE root = ?", (text_of_root(root),)))

    def _change(self, work: Callable[[sqlite3.Connection], object]) -> None:
        """Do ``work`` in a transaction. A catalog that is damaged is made again; a busy one is left as it is.

        Raises:
            CatalogError: it cannot be written.
        """
        try:
            try:
                self._transact(work)
            except sqlite3.DatabaseError as error:
                if primary_code(error) not in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
                    raise
                self.path.unlink(missing_ok=True)
                self._transact(work)
        except RefusedFileError:
            raise CatalogError(f"{self.path} is not a catalog of this objlib; move it away") from None
        except (sqlite3.Error, OSError) as error:
            raise CatalogError(f"the catalog {self.path} cannot be written: {error}") from error

    def _transact(self, work: Callable[[sqlite3.Connection], object]) -> None:
        make_file(self.path)
        with closing(self._connect("rwc")) as conn:
            SCHEMA.migrate(conn, 0.0)
            with _transaction(conn):
                if not _restored(conn):
                    for library in libraries_in(self.data):
                        library_id = _enter(conn, library)
                        for ledger in library.ledgers:
                            _enter_ledger(conn, library_id, ledger)
                    conn.execute("INSERT INTO restored VALUES (1)")
                work(conn)

    def _connect(self, mode: str) -> sqlite3.Connection:
        # A rollback journal, not a write-ahead log: it works on network disks, and leaves nothing beside the file.
        uri = f"{self.path.absolute().as_uri()}?mode={mode}"
        conn = sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None)
        conn.execute("PRAGMA foreign_keys = ON")
        return conn


@contextmanager
def _transaction(conn: sqlite3.Connection) -> Iterator[None]:
    conn.execute("BEGIN IMMEDIATE")
    try:
        yield
        conn.execute("COMMIT")
    except BaseException:
        roll_back(conn)
        raise


def _restored(conn: sqlite3.Connection) -> bool:
    return conn.execute("SELECT 1 FROM restored").fetchone() is not None


def _enter(conn: sqlite3.Connection, library: KnownLibrary) -> str:
    """The id of the library at this root, entered if need be."""
    conn.execute(
        "INSERT INTO libraries (library_id, root, folder, config) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (library.library_id, text_of_root(library.root), _text(library.folder), _text(library.config)),
    )
    row = conn.execute(
        "SELECT library_id FROM libraries WHERE root = ?", (text_of_root(library.root),)
    ).fetchone()
    return library.library_id if row is None else str(row[0])


def _enter_ledger(conn: sqlite3.Connection, library_id: str, ledger: KnownLedger) -> None:
    conn.execute(
        "INSERT INTO ledgers VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (path) DO UPDATE SET"
        " library_id = excluded.library_id, ledger_id = excluded.ledger_id, service = excluded.service,"
        " embedded = excluded.embedded, store = excluded.store",
        (
            _text(ledger.path),
            library_id,
            ledger.ledger_id,
            ledger.service,
            _text(ledger.embedded),
            ledger.store,
        ),
    )


def _libraries(conn: sqlite3.Connection) -> Iterator[KnownLibrary]:
    ledgers: dict[str, list[KnownLedger]] = {}
    for path, library_id, ledger_id, service, embedded, store in conn.execute(
        "SELECT path, library_id, ledger_id, service, embedded, store FROM ledgers ORDER BY path"
    ):
        ledger = KnownLedger(root_of_text(path), ledger_id, service, _path(embedded), store)
        ledgers.setdefault(library_id, []).append(ledger)
    for library_id, root, folder, config in conn.execute(
        "SELECT library_id, root, folder, config FROM libraries ORDER BY root"
    ):
        yield KnownLibrary(
            library_id,
            root_of_text(root),
            root_of_text(folder),
            _path(config),
            tuple(ledgers.get(library_id, ())),
        )


def _text(path: Path | None) -> str | None:
    return None if path is None else text_of_root(path)


def _path(text: str | None) -> Path | None:
    return None if text is None else root_of_text(text)
