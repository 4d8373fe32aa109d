"""Copying a ledger from one database into another, row by row."""

import hashlib
import json
from collections.abc import Collection, Iterator
from typing import Any, Final, NamedTuple

from objlib.core.errors import LedgerError
from objlib.ledger.database import LedgerConnection

TABLES: Final = {
    "settings": "key",
    "runs": "run_id",
    "files": "seq",
    "attempts": "seq",
    "events": "event_id",
    "intents": "intent_id",
    "listings": "listing_id",
    "listed": "listing_id, document",
    "samples": "run_id, at",
    "stops": "run_id",
    "leases": "name",
    "adopted": "document",
}
"""The tables of a ledger, each after those it refers to, with its key. ``migrations`` is each database's own."""
NUMBERED: Final = {"files": "seq", "attempts": "seq", "events": "event_id"}
"""Tables whose key the database counts up."""
PAGE: Final = 2000
"""Rows that are read, and written, at once."""


class Copied(NamedTuple):
    """Rows of each table, and one SHA-256 over all of them in the order of their keys."""

    rows: dict[str, int]
    digest: str


def copy_rows(source: LedgerConnection, target: LedgerConnection) -> None:
    """Copy all rows into a ledger that has none; both hold a transaction open."""
    for table in TABLES:
        columns = column_names(source, table)
        missing = set(columns) ^ set(column_names(target, table))
        if missing:
            raise LedgerError(
                f"the two ledgers differ in the columns of {table}: {', '.join(sorted(missing))}"
            )
        insert = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
        for page in pages(source, table, columns):
            target.executemany(insert, page)
        if table in NUMBERED:
            target.dialect.count_on(target, table, NUMBERED[table])


def column_names(conn: LedgerConnection, table: str) -> list[str]:
    """The columns of a table, in its order."""
    return [column[0] for column in conn.execute(f"SELECT * FROM {table} LIMIT 0").description]


def pages(conn: LedgerConnection, table: str, columns: list[str]) -> Iterator[list[tuple[Any, ...]]]:
    """All rows in the order of the key, a page at a time."""
    keys = TABLES[table].split(", ")
    marks, last = ", ".join("?" * len(keys)), None
    names = ", ".join([*columns, *keys])
    while True:
        where = "" if last is None else f"WHERE ({', '.join(keys)}) > ({marks})"
        page = conn.execute(
            f"SELECT {names} FROM {table} {where} ORDER BY {', '.join(keys)} LIMIT {PAGE}", last or ()
        ).fetchall()
        if not page:
            return
        yield [row[: len(columns)] for row in page]
        last = page[-1][len(columns) :]


def digest_rows(conn: LedgerConnection, tables: Collection[str] = TABLES) -> Copied:
    """Count the rows of each table, and make one digest of all."""
    total, rows = hashlib.sha256(), dict[str, int]()
    for table in (each for each in TABLES if each in tables):
        rows[table] = 0
        for page in pages(conn, table, column_names(conn, table)):
            rows[table] += len(page)
            for row in page:
                total.update(canonical(row))
    return Copied(rows, total.hexdigest())


def canonical(row: tuple[Any, ...]) -> bytes:
    """A row as the same bytes for both databases. PostgreSQL holds no NUL, and its driver writes U+FFFD for one."""
    return json.dumps([_plain(value) for value in row]).encode() + b"\n"


def _plain(value: object) -> object:
    if isinstance(value, str):
        return value.replace("\0", "\N{REPLACEMENT CHARACTER}")
    return {"bytes": bytes(value).hex()} if isinstance(value, bytes | memoryview) else value
