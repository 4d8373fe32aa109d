"""Trouble while the ledger is open: full disks, locks, damage. What was there before stays."""

import sqlite3
from functools import partial
from pathlib import Path

import pytest

from objlib.core.errors import LedgerError
from objlib.core.ids import new_attempt_id
from objlib.core.lifecycle.table import Event, State
from objlib.ledger import Ledger, open_ledger
from objlib.ledger.connection import ledger_error
from objlib.testing.databases import raw
from objlib.threads import inline_runner
from tests.support.ledger import add, add_many, fresh, gather, wanted


async def limit_pages(ledger: Ledger, spare: int) -> None:
    """Limit the growth of the file to ``spare`` pages, as a full disk does."""

    def limit(conn: sqlite3.Connection) -> None:
        (pages,) = conn.execute("PRAGMA page_count").fetchone()
        conn.execute(f"PRAGMA max_page_count = {pages + spare}")

    await raw(ledger).read(limit)


def fill(conn: sqlite3.Connection) -> None:
    """More than any spare page can hold."""
    conn.execute("INSERT INTO settings VALUES ('ballast', ?)", ("x" * 1_000_000,))


async def test_a_full_disk_reaches_the_whole_batch_and_harms_nothing_before_it(
    ledger: Ledger, path: Path
) -> None:
    row = await add(ledger)
    await limit_pages(ledger, 2)
    results = await gather(
        partial(ledger.settings.set, "before", "x"),
        partial(raw(ledger).write, fill),
        partial(ledger.settings.set, "after", "x"),
    )
    assert [type(result) for result in results] == [LedgerError] * 3
    assert len({id(result) for result in results}) == 3
    assert all("the disk is full" in str(result) and str(ledger.path) in str(result) for result in results)
    assert await fresh(ledger, row.file_id) == row
    assert await ledger.settings.get("before") is None
    await ledger.settings.set("small", "fits")
    await limit_pages(ledger, 1_000)
    await raw(ledger).write(fill)
    assert await ledger.settings.get("small") == "fits"


@pytest.mark.parametrize("spare", range(0, 24, 2))
async def test_a_disk_that_fills_up_anywhere_leaves_whole_transitions(path: Path, spare: int) -> None:
    async with open_ledger(path, runner=inline_runner) as ledger:
        rows = await add_many(ledger, 60)
        await limit_pages(ledger, spare)
        done = 0
        for row in rows:
            try:
                await ledger.apply(wanted(Event.START_UPLOAD, row, new_attempt_id()))
            except LedgerError:
                break
            done += 1
    async with open_ledger(path, runner=inline_runner) as ledger:
        for number, row in enumerate(rows):
            now = await fresh(ledger, row.file_id)
            events, attempts = await ledger.files.history(row.file_id)
            expected = State.UPLOADING if number < done else State.UNTRACKED
            assert (now.state, len(events), len(attempts)) == (expected, now.version, now.version)
        intact = await raw(ledger).read(lambda conn: conn.execute("PRAGMA integrity_check").fetchone())
    assert intact == ("ok",)


async def test_a_lock_is_waited_for_and_then_reported(path: Path) -> None:
    async with open_ledger(path, busy_timeout=0.05) as ledger:
        row = await add(ledger)
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        results = await gather(
            partial(ledger.settings.set, "a", "x"),
            partial(ledger.apply, wanted(Event.START_UPLOAD, row, new_attempt_id())),
        )
        assert [type(result) for result in results] == [LedgerError] * 2
        assert all("locked by another program for more than 0.05 s" in str(result) for result in results)
        assert await fresh(ledger, row.file_id) == row, "reading goes on"
        other.execute("ROLLBACK")
        other.close()
        assert (await ledger.apply(wanted(Event.START_UPLOAD, row, new_attempt_id()))).version == 1


async def test_a_lock_while_opening_a_new_ledger_is_reported(path: Path) -> None:
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(LedgerError, match="locked by another program"):
        async with open_ledger(path, busy_timeout=0.05):
            raise AssertionError("never opened")
    other.close()


async def test_a_connection_that_became_read_only_is_reported(ledger: Ledger, path: Path) -> None:
    await raw(ledger).read(lambda conn: conn.execute("PRAGMA query_only = 1").fetchall())
    with pytest.raises(LedgerError, match="cannot be written: make the file and its folder writable"):
        await ledger.settings.set("a", "x")


async def test_damage_is_reported_by_reads_and_writes(path: Path) -> None:
    async with open_ledger(path, runner=inline_runner) as ledger:
        await add_many(ledger, 900)
    sound = path.read_bytes()
    half = len(sound) // 2
    path.write_bytes(sound[:half] + b"\xa5" * (len(sound) - half))
    async with open_ledger(path, runner=inline_runner) as ledger:
        with pytest.raises(LedgerError, match="is damaged"):
            await ledger.files.page()
        with pytest.raises(LedgerError, match="is damaged"):
            await raw(ledger).write(lambda conn: conn.execute("UPDATE files SET size = size + 1").rowcount)


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        (sqlite3.SQLITE_FULL, "free some space"),
        (sqlite3.SQLITE_READONLY, "writable"),
        (sqlite3.SQLITE_READONLY_DBMOVED, "writable"),
        (sqlite3.SQLITE_PERM, "writable"),
        (sqlite3.SQLITE_BUSY, "more than 3 s"),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, "more than 3 s"),
        (sqlite3.SQLITE_CORRUPT, "put a copy back"),
        (sqlite3.SQLITE_NOTADB, "choose another file"),
        (sqlite3.SQLITE_CANTOPEN, "folder can be written"),
        (sqlite3.SQLITE_IOERR_WRITE, "check the disk"),
        (sqlite3.SQLITE_PROTOCOL, "more than 3 s"),
        (sqlite3.SQLITE_NOMEM, "no memory"),
        (sqlite3.SQLITE_INTERRUPT, "run it again"),
        (sqlite3.SQLITE_CONSTRAINT_UNIQUE, "refused a value"),
        (sqlite3.SQLITE_TOOBIG, "refused a value"),
        (sqlite3.SQLITE_ERROR, "report it"),
        (None, "report it"),
    ],
)
def test_every_problem_is_one_line_with_the_file_and_what_to_do(code: int | None, advice: str) -> None:
    error = sqlite3.OperationalError("what SQLite said")
    if code is not None:
        error.sqlite_errorcode = code
    told = ledger_error(error, Path("/data/library.db"), 3.0)
    assert str(told).startswith("the ledger /data/library.db ")
    assert advice in str(told)
    assert "\n" not in str(told)
    assert told.__cause__ is error
