"""A ledger as a text file that any program can read: one JSON value on a line, in the order of the tables.

The first line says what it is and of which version; each table begins with a line that names its columns, and has one
line for each row; the last line has the numbers of rows and the digest of all, so that a file that was cut short or
changed is noticed. Both databases write the same rows, and either reads them.
"""

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any, Final, NamedTuple

from objlib.core.config.ledger_url import LedgerUrl
from objlib.core.config.parsers import ledger_place
from objlib.core.errors import LedgerError
from objlib.ledger.copying import TABLES, Copied, canonical, column_names, digest_rows, pages
from objlib.ledger.database import LedgerConnection
from objlib.ledger.dialects.sqlite import SQLiteConnection
from objlib.ledger.schema import APPLICATION_ID, MIGRATIONS, SCHEMA
from objlib.sqlite.migrations import Schema
from objlib.sqlite.private_copy import make_privately

FORMAT: Final = 1
"""Version of the format; that of the tables is apart from it."""
_MAGIC: Final = b'{"objlib_dump": '
_PAGE: Final = 2000
"""Rows that are inserted at once."""


class Dump(NamedTuple):
    """A dump that was read into a private database at the newest version.

    Attributes:
        conn: to be closed by its user.
        place: that of the ledger which was dumped.
        read: the rows and the digest as the dump has them.
    """

    conn: SQLiteConnection
    place: Path | LedgerUrl
    read: Copied


def is_dump(path: Path) -> bool:
    """Whether a file begins as a dump does."""
    try:
        with path.open("rb") as file:
            return file.read(len(_MAGIC)) == _MAGIC
    except OSError:
        return False


def write_dump(conn: LedgerConnection, file: IO[bytes], place: Path | LedgerUrl, now: float) -> Copied:
    """Write all rows from the start of ``file``, whatever is in it: a read may be done again."""
    file.seek(0)
    file.truncate()
    header = {"objlib_dump": FORMAT, "tables": MIGRATIONS[-1].version, "ledger": str(place), "made": now}
    file.write(_line(header))
    total, rows = hashlib.sha256(), dict[str, int]()
    for table in TABLES:
        columns = column_names(conn, table)
        file.write(_line({"table": table, "columns": columns}))
        rows[table] = 0
        for page in pages(conn, table, columns):
            rows[table] += len(page)
            for row in page:
                total.update(canonical(row))
                file.write(_line([_plain(value) for value in row]))
    file.write(_line({"rows": rows, "sha256": total.hexdigest()}))
    file.flush()
    return Copied(rows, total.hexdigest())


def read_dump(path: Path, now: float) -> Dump:
    """Read a dump, and compare it with its own digest; one of an older objlib is brought up to date.

    Args:
        path: the file.
        now: Unix time for the record of migrations.

    Raises:
        LedgerError: it is no dump, or not whole, or was made by a newer objlib.
    """
    try:
        with path.open("rb") as file:
            lines = _Lines(path, file)
            header = lines.header()
            version = header["tables"]
            older = Schema(APPLICATION_ID, MIGRATIONS[:version], record=SCHEMA.record)
            conn = make_privately(older, SQLiteConnection, busy_timeout=0.0, now=now)
            try:
                read = _fill(conn, lines)
                SCHEMA.migrate(conn, now)
            except BaseException:
                conn.close()
                raise
            return Dump(conn, ledger_place(header["ledger"], Path(), Path()), read)
    except OSError as error:
        raise LedgerError(f"the dump {path} cannot be read: {error.strerror or error}") from error


class _Lines:
    """The lines of a dump, each as its value."""

    def __init__(self, path: Path, file: IO[bytes]) -> None:
        self.path, self.number, self._file = path, 0, file

    def __iter__(self) -> Iterator[Any]:
        for line in self._file:
            self.number += 1
            if not line.endswith(b"\n"):
                raise self.damaged("it ends in the middle of this line")
            try:
                yield json.loads(line)
            except ValueError:
                raise self.damaged("this line is not JSON") from None

    def header(self) -> Mapping[str, Any]:
        """The first line.

        Raises:
            LedgerError: it is none that this program can read.
        """
        first: Any = next(iter(self), None)
        match first:
            case {"objlib_dump": int(form), "tables": int(version), "ledger": str()} if version > 0:
                newest = MIGRATIONS[-1].version
                if form > FORMAT or version > newest:
                    raise LedgerError(
                        f"the dump {self.path} is of version {form}.{version}, made by a newer objlib than this one, "
                        f"which knows {FORMAT}.{newest}; upgrade objlib"
                    )
                return {**first}
        raise LedgerError(f"{self.path} is no dump of a ledger")

    def damaged(self, why: str) -> LedgerError:
        """The error of a dump that is not as it was written."""
        return LedgerError(f"the dump {self.path} is damaged in line {self.number}: {why}; use another dump")


def _fill(conn: SQLiteConnection, lines: _Lines) -> Copied:
    """Insert all rows, and compare them with the last line."""
    table, insert, width = "", "", 0
    page: list[list[Any]] = []
    end: Mapping[str, Any] | None = None

    def flush() -> None:
        try:
            if page:
                conn.executemany(insert, page)
        except (sqlite3.Error, OverflowError) as error:
            raise lines.damaged(f"a row of {table} does not fit ({error})") from error
        page.clear()

    conn.execute("BEGIN")
    for value in lines:
        match value:
            case _ if end is not None:
                raise lines.damaged("something stands behind its end")
            case list() if insert and len(value) == width:
                page.append([_value(each, lines) for each in value])
                if len(page) == _PAGE:
                    flush()
            case {"table": str(name), "columns": list(columns)} if name in TABLES:
                flush()
                if columns != column_names(conn, name):
                    raise lines.damaged(f"{name} has other columns")
                table, width = name, len(columns)
                insert = f"INSERT INTO {name} ({', '.join(columns)}) VALUES ({', '.join('?' * width)})"
            case {"rows": dict(), "sha256": str()}:
                flush()
                end = value
            case _:
                raise lines.damaged("no row, table or end of a dump")
    if end is None:
        raise lines.damaged("its end is missing")
    read = digest_rows(conn, end["rows"])
    if (read.rows, read.digest) != (end["rows"], end["sha256"]):
        raise lines.damaged("its rows are not those of its digest")
    conn.execute("COMMIT")
    return read


def _plain(value: object) -> object:
    return {"bytes": bytes(value).hex()} if isinstance(value, bytes | memoryview) else value


def _value(value: object, lines: _Lines) -> object:
    match value:
        case {"bytes": str(digits), **rest} if not rest:
            try:
                return bytes.fromhex(digits)
            except ValueError:
                raise lines.damaged("bytes that are no hexadecimal digits") from None
        case dict() | list():
            raise lines.damaged("a value is none of a row")
    return value


def _line(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode() + b"\n"
