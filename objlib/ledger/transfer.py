"""Copying a whole ledger to another place, between files and databases in every direction. Everything here blocks."""

from collections.abc import Callable, Set
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

from objlib.commit_queue import Op
from objlib.core.config.ledger_url import LedgerUrl
from objlib.core.errors import LedgerError, RefusedError
from objlib.core.ids import RunId
from objlib.core.library.paths import root_of_text
from objlib.ledger.checks import CheckTable
from objlib.ledger.connection import connect, ledger_error, server_driver
from objlib.ledger.copying import TABLES, Copied, canonical, column_names, copy_rows, digest_rows, pages
from objlib.ledger.database import LedgerConnection
from objlib.ledger.dump import read_dump
from objlib.ledger.identity import EMBEDDED_KEY, LIBRARY_KEY, library_key, text_of_store
from objlib.ledger.refusals import run_at_work
from objlib.ledger.rows import RunRow
from objlib.ledger.settings import SettingTable
from objlib.sqlite.connection import disconnect
from objlib.sqlite.group_commit import perform as perform_on_sqlite

T = TypeVar("T")
Place = Path | LedgerUrl

BUSY_SECONDS: Final = 10.0
"""Seconds to wait for the lock of another program on either ledger."""


def copy_ledger(source: Place, target: Place, *, dead: Set[RunId], now: float) -> Copied:
    """Copy the ledger at ``source``, and compare each row with what arrived; ``target`` has all of it, or nothing.

    Nothing is written in ``source``, and no run can begin there meanwhile.

    Args:
        source: a ledger.
        target: a place without one, or with one that nothing was recorded in.
        dead: the runs without an end that are known to be dead; any other one is alive.
        now: Unix time for the record of migrations.

    Raises:
        RefusedError: a run is at work on the source; or the target is not empty, or is the source.
        LedgerError: one of them cannot be used, or a row did not arrive as it was; nothing was copied.
    """
    if source == target:
        raise RefusedError(f"{source} cannot be copied onto itself; name another place")
    fill = partial(_copy, source_place=source, target_place=target, dead=dead, now=now)
    return _in_transaction(source, fill, create=False, now=now)


def restore_ledger(dump: Path, target: Place, *, now: float) -> Copied:
    """Make the ledger of a dump at ``target``, and compare each row with what arrived; all of it, or nothing.

    A run that was at work when the dump was made works on the ledger that was dumped, and never on this one.

    Args:
        dump: the file.
        target: a place without a ledger, or with one that nothing was recorded in.
        now: Unix time for the record of migrations.

    Raises:
        RefusedError: the target is not empty.
        LedgerError: the dump is not whole, or the target cannot be used, or a row did not arrive as it was.
    """
    read = read_dump(dump, now)
    with closing(read.conn):
        return _copy(read.conn, source_place=read.place, target_place=target, dead=None, now=now)


def check_dump(dump: Path, *, now: float) -> tuple[Copied, list[tuple[str, str]]]:
    """The rows of a dump, and what is wrong with them.

    Raises:
        LedgerError: the dump is not whole.
    """
    read = read_dump(dump, now)
    with closing(read.conn):
        return read.read, CheckTable.findings(read.conn)


def _copy(
    source: LedgerConnection, *, source_place: Place, target_place: Place, dead: Set[RunId] | None, now: float
) -> Copied:
    """Copy all rows; a run without an end that is not ``dead`` is at work. None: no run can be, and all have ended."""
    for run in RunRow.all(source, "WHERE ended IS NULL ORDER BY started, run_id"):
        if dead is not None and run.run_id not in dead:
            raise run_at_work(run, source_place)

    def fill(target: LedgerConnection) -> Copied:
        for table in TABLES:
            if target.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchone() is not None:
                raise RefusedError(f"there is a ledger at {target_place} already; name a place without one")
        copy_rows(source, target)
        copied = _compare(source, target)
        _settle(target, source_place, target_place)
        if dead is None:
            target.execute("UPDATE runs SET ended = heartbeat WHERE ended IS NULL")
        return copied

    return _in_transaction(target_place, fill, create=True, now=now)


def _compare(source: LedgerConnection, target: LedgerConnection) -> Copied:
    """Compare all rows.

    Raises:
        LedgerError: one differs.
    """
    expected, arrived = digest_rows(source), digest_rows(target)
    for table in TABLES:
        if expected.rows[table] != arrived.rows[table]:
            raise LedgerError(
                f"{arrived.rows[table]:,} of {expected.rows[table]:,} rows of {table} arrived; nothing was copied"
            )
    if expected.digest != arrived.digest:
        raise LedgerError(f"{_first_difference(source, target)} did not arrive as it was; nothing was copied")
    return expected


def _first_difference(source: LedgerConnection, target: LedgerConnection) -> str:
    for table in TABLES:
        names = column_names(source, table)
        for one, other in zip(pages(source, table, names), pages(target, table, names), strict=True):
            for number, (left, right) in enumerate(zip(one, other, strict=True)):
                for name, before, after in zip(names, left, right, strict=True):
                    if canonical((before,)) != canonical((after,)):
                        return f"the column {name} of row {number + 1} of a page of {table}"
    return "a row"


def _settle(target: LedgerConnection, source_place: Place, target_place: Place) -> None:
    """Write the settings that name a place as they are read at the new one."""
    roots = dict(
        target.execute(
            "SELECT key, value FROM settings WHERE key = ? OR key LIKE ?", (LIBRARY_KEY, f"{LIBRARY_KEY}@%")
        )
    )
    root = roots.get(library_key(source_place)) or next(iter(roots.values()), None)
    if root is not None:
        SettingTable.set(target, library_key(target_place), root)
    embedded = SettingTable.get(target, EMBEDDED_KEY)
    if embedded is not None:
        folder = source_place.parent if isinstance(source_place, Path) else Path()
        SettingTable.set(target, EMBEDDED_KEY, text_of_store(folder / root_of_text(embedded), target_place))


def _in_transaction(place: Place, work: Callable[[LedgerConnection], T], *, create: bool, now: float) -> T:
    """Do ``work`` alone on a ledger, in one transaction.

    Raises:
        LedgerError: it cannot be used; nothing happened.
    """
    op: Op[Any, T] = Op(work, writes=True)
    if isinstance(place, Path):
        conn = connect(place, create=create, busy_timeout=BUSY_SECONDS, now=now)
        try:
            translate_file = partial(ledger_error, path=place, busy_timeout=BUSY_SECONDS)
            (result,) = perform_on_sqlite(conn, translate_file, [op])
        finally:
            disconnect(conn)
    else:
        with server_driver(place):
            from objlib.ledger.server import open_session, server_error
            from objlib.postgres.transactions import perform as perform_on_server

        session = open_session(place, create=create, busy_timeout=BUSY_SECONDS, now=now)
        try:
            translate_server = partial(server_error, url=place, busy_timeout=BUSY_SECONDS)
            (result,) = perform_on_server(session, translate_server, [op])
        finally:
            session.drop()
    value: T = result.unwrap()
    return value
