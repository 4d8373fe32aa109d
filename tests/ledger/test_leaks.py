"""A closed ledger leaves nothing behind: no descriptor, no thread at work, no log file, however it was closed."""

import gc
import os
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import trio
import trio.testing

from objlib.core.errors import LedgerError
from objlib.ledger import connection, open_ledger
from objlib.ledger.schema import SCHEMA
from objlib.sqlite.migrations import Migration
from tests.support.ledger import BreakingRunner, Crash, HeldRunner, add, fresh

DESCRIPTORS = Path("/proc/self/fd")

pytestmark = pytest.mark.skipif(not DESCRIPTORS.exists(), reason="needs /proc to see what is open")


def held(path: Path) -> list[str]:
    """The files of a ledger that this process holds open."""
    found = []
    for name in list(DESCRIPTORS.iterdir()):
        try:
            target = str(name.readlink())
        except OSError:  # the descriptor of the listing itself
            continue
        if target.startswith(str(path)):
            found.append(target)
    return found


def left(path: Path) -> list[str]:
    """The files beside the ledger, and whatever is still open of it."""
    gc.collect()
    return [found.name for found in path.parent.iterdir() if found != path] + held(path)


async def test_a_block_that_ends_well(path: Path) -> None:
    for number in range(3):
        async with open_ledger(path) as ledger:
            await add(ledger, f"{number}.txt")
            assert held(path)
        assert left(path) == []
    await trio.testing.wait_all_threads_completed()
    assert trio.testing.active_thread_count() == 0


async def test_a_block_that_raises(path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        async with open_ledger(path):
            raise ZeroDivisionError
    assert left(path) == []


async def test_a_block_that_is_cancelled(path: Path) -> None:
    with trio.CancelScope() as scope:
        async with open_ledger(path) as ledger:
            row = await add(ledger)
            scope.cancel()
            await trio.lowlevel.checkpoint()
    assert scope.cancelled_caught
    assert left(path) == []
    async with open_ledger(path, create=False) as ledger:
        assert await fresh(ledger, row.file_id) == row


async def test_an_opening_that_is_cancelled(path: Path) -> None:
    with trio.CancelScope() as scope:
        scope.cancel()
        async with open_ledger(path):
            raise AssertionError("never opened")
    assert scope.cancelled_caught
    assert left(path) == []
    assert not path.exists()


async def test_a_runner_that_breaks_while_closing(path: Path) -> None:
    runner = BreakingRunner()
    with pytest.raises(Crash):
        async with open_ledger(path, runner=runner):
            runner.before = Crash()
    assert left(path) == []


@pytest.mark.usefixtures("autojump_clock")
async def test_a_runner_that_never_gets_to_closing(path: Path) -> None:
    runner = HeldRunner()
    async with open_ledger(path, runner=runner) as ledger:
        row = await add(ledger)
        runner.shut()
    assert trio.current_time() >= 30
    assert left(path) == []
    async with open_ledger(path) as ledger:
        assert await fresh(ledger, row.file_id) == row


async def test_a_log_that_cannot_be_copied_is_left_to_the_next_opener(path: Path) -> None:
    async with open_ledger(path) as ledger:
        row = await add(ledger)
        reader = sqlite3.connect(path, isolation_level=None)
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM files").fetchall()
    assert path.with_name("library.db-wal").exists(), "somebody else still reads"
    reader.close()
    assert left(path) == []
    async with open_ledger(path) as ledger:
        assert await fresh(ledger, row.file_id) == row


def newer(path: Path) -> None:
    """The ledger as a newer program would leave it."""
    conn = connection.connect(path, create=True, busy_timeout=1, now=1.0)
    conn.execute("PRAGMA user_version = 99")
    conn.close()


def foreign(path: Path) -> None:
    """No database at all."""
    path.write_bytes(os.urandom(8192))


@pytest.mark.parametrize("make", [newer, foreign])
async def test_an_opening_that_is_refused(path: Path, make: Callable[[Path], None]) -> None:
    make(path)
    with pytest.raises(LedgerError):
        async with open_ledger(path):
            raise AssertionError("never opened")
    assert left(path) == []


def test_a_migration_that_raises_something_else(path: Path) -> None:
    wrong = Migration(1, "wrong", ("SELECT 1\0",))
    with pytest.raises(Exception, match="null"):
        connection.connect(
            path, create=True, busy_timeout=1, now=1.0, schema=replace(SCHEMA, migrations=(wrong,))
        )
    assert left(path) == []
