"""The file and its lanes: group commit, errors, files that are not ours."""

import hashlib
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pytest
import trio

from objlib.core.errors import ServiceError
from objlib.embedded import database, index, open_service
from objlib.embedded.database import open_database
from objlib.embedded.index.schema import POSITION_BITS
from objlib.embedded.resources.schema import APPLICATION_ID, MIGRATIONS, SCHEMA, TABLES
from objlib.sqlite.migrations import Migration
from objlib.testing.databases import damage_database, read_database
from objlib.threads import inline_runner

pytestmark = pytest.mark.real_time

T = TypeVar("T")


class Gate:
    """A runner that stops before each piece of work until it is let through."""

    def __init__(self) -> None:
        self.open = trio.Event()
        self.open.set()
        self.runs = 0

    async def __call__(self, fn: Callable[[], T], /) -> T:
        await self.open.wait()
        self.runs += 1
        return fn()


def insert(key: str) -> Callable[[sqlite3.Connection], str]:
    def run(db: sqlite3.Connection) -> str:
        db.execute("INSERT INTO index_meta VALUES(?, '')", (key,))
        return key

    return run


def keys(db: sqlite3.Connection) -> list[str]:
    return [row[0] for row in db.execute("SELECT key FROM index_meta ORDER BY key")]


async def test_what_waits_shares_one_transaction(tmp_path: Path) -> None:
    gate = Gate()
    async with open_database(tmp_path / "s.db", gate) as file:
        results: list[str] = []

        async def write(key: str) -> None:
            results.append(await file.write(insert(key)))

        before = gate.runs
        gate.open = trio.Event()
        async with trio.open_nursery() as nursery:
            for key in "abcdef":
                nursery.start_soon(write, key)
            await trio.testing.wait_all_tasks_blocked()
            gate.open.set()
        assert gate.runs - before <= 2  # the first may have gone alone, the others went together
        assert sorted(results) == list("abcdef")
        assert await file.read(keys) == list("abcdef")


async def test_more_than_a_batch_is_several(tmp_path: Path) -> None:
    async with open_database(tmp_path / "s.db", inline_runner) as file:
        wanted = [f"{n:03}" for n in range(3 * database.BATCH + 5)]
        async with trio.open_nursery() as nursery:
            for key in wanted:
                nursery.start_soon(file.write, insert(key))
        assert await file.read(keys) == wanted


async def test_one_that_fails_leaves_the_others_of_the_batch_alone(tmp_path: Path) -> None:
    async with open_database(tmp_path / "s.db", inline_runner) as file:
        outcomes: dict[str, str] = {}

        def breaks(db: sqlite3.Connection) -> None:
            insert("half")(db)
            raise ValueError("no")

        async def write(name: str, fn: Callable[[sqlite3.Connection], object]) -> None:
            try:
                await file.write(fn)
            except (ValueError, sqlite3.IntegrityError) as error:
                outcomes[name] = type(error).__name__

        async with trio.open_nursery() as nursery:
            nursery.start_soon(write, "first", insert("a"))
            nursery.start_soon(write, "twice", insert("a"))
            nursery.start_soon(write, "breaks", breaks)
            nursery.start_soon(write, "last", insert("b"))
        assert sorted(outcomes) == ["breaks", "twice"] or sorted(outcomes) == ["breaks", "first"]
        assert await file.read(keys) == ["a", "b"]


async def test_an_error_of_the_file_undoes_the_batch_and_later_writes_work(tmp_path: Path) -> None:
    gate = Gate()
    async with open_database(tmp_path / "s.db", gate) as file:
        failed = []

        def full(db: sqlite3.Connection) -> None:
            insert("full")(db)
            raise sqlite3.OperationalError("database or disk is full")

        async def write(fn: Callable[[sqlite3.Connection], object]) -> None:
            try:
                await file.write(fn)
            except sqlite3.OperationalError as error:
                failed.append(str(error))

        gate.open = trio.Event()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(write, insert("a"))
            await trio.testing.wait_all_tasks_blocked()  # this one leads, alone
            nursery.start_soon(write, insert("b"))
            nursery.start_soon(write, full)
            nursery.start_soon(write, insert("c"))
            await trio.testing.wait_all_tasks_blocked()
            gate.open.set()
        assert failed == ["database or disk is full"] * 3
        await file.write(insert("d"))
        assert await file.read(keys) == ["a", "d"]


async def test_a_cancelled_caller_takes_its_operation_back_unless_it_is_under_way(tmp_path: Path) -> None:
    gate = Gate()
    async with open_database(tmp_path / "s.db", gate) as file:
        gate.open = trio.Event()
        async with trio.open_nursery() as nursery:
            leader, waiter = trio.CancelScope(), trio.CancelScope()

            async def write(key: str, scope: trio.CancelScope) -> None:
                with scope:
                    await file.write(insert(key))

            nursery.start_soon(write, "leader", leader)
            await trio.testing.wait_all_tasks_blocked()
            nursery.start_soon(write, "waiter", waiter)
            nursery.start_soon(write, "stays", trio.CancelScope())
            await trio.testing.wait_all_tasks_blocked()
            waiter.cancel()
            leader.cancel()  # its work is with the runner: it happens, and its caller gets the result first
            await trio.testing.wait_all_tasks_blocked()
            gate.open.set()
        assert await file.read(keys) == ["leader", "stays"]
        assert (waiter.cancelled_caught, leader.cancelled_caught) == (True, False)


async def test_a_runner_that_breaks_does_not_repeat_what_was_done(tmp_path: Path) -> None:
    broken = False

    async def runner(fn: Callable[[], T], /) -> T:
        await trio.lowlevel.checkpoint()
        result = fn()
        if broken:
            raise RuntimeError("pulled the plug")
        return result

    async with open_database(tmp_path / "s.db", runner) as file:
        broken = True
        with pytest.raises(RuntimeError, match="plug"):
            await file.write(insert("a"))
        broken = False
        await file.write(insert("b"))
        assert await file.read(keys) == ["a", "b"]


async def test_the_file_is_as_durable_as_the_ledger(tmp_path: Path) -> None:
    def settings(db: sqlite3.Connection) -> dict[str, Any]:
        names = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        return {name: db.execute(f"PRAGMA {name}").fetchone()[0] for name in names}

    async with open_database(tmp_path / "deep" / "er" / "s.db", inline_runner) as file:
        wanted = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 10000}
        # A write has the lock, so nothing in it waits for one; a read afterwards does.
        assert await file.write(settings) == {**wanted, "busy_timeout": 0}
        assert await file.read(settings) == wanted


def make(path: Path, *statements: str) -> None:
    with damage_database(path) as db:
        for statement in statements:
            db.execute(statement)


async def refusal(path: Path) -> str:
    with pytest.raises(ServiceError) as caught:
        async with open_service(path):
            raise AssertionError("opened")
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    return str(caught.value)


async def test_a_newer_file_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    async with open_service(path):
        pass
    make(path, f"PRAGMA user_version = {SCHEMA.newest + 1}")
    assert "upgrade objlib" in await refusal(path)
    with read_database(path) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (SCHEMA.newest + 1,)


async def test_a_strangers_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    make(path, "CREATE TABLE theirs(x)")
    assert "another program" in await refusal(path)
    with read_database(path) as db:
        assert db.execute("SELECT name FROM sqlite_master").fetchall() == [("theirs",)]
        assert db.execute("PRAGMA application_id").fetchone() != (APPLICATION_ID,)


async def test_what_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    path.write_bytes(b"this is a letter to my aunt, and not a database at all. " * 100)
    before = path.read_bytes()
    assert "move it away" in await refusal(path)
    assert path.read_bytes() == before


async def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    async with open_service(path):
        pass
    data = bytearray(path.read_bytes())
    data[100:4096] = os.urandom(3996)
    path.write_bytes(data)
    assert "move it away" in await refusal(path)


async def test_a_folder_in_the_way_is_refused(tmp_path: Path) -> None:
    assert "folder exists" in await refusal(tmp_path)
    (tmp_path / "file").write_text("x")
    assert "folder" in await refusal(tmp_path / "file" / "s.db")


NEXT = Migration(
    SCHEMA.newest + 1,
    "colours",
    ("ALTER TABLE stores ADD COLUMN colour TEXT", "UPDATE stores SET colour = 'red'"),
)
"""A made-up next version."""


async def test_a_migration_that_breaks_leaves_the_file_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "s.db"
    broken = Migration(1, "half", ("CREATE TABLE half(x)", "no SQL at all"))
    with monkeypatch.context() as patch:
        patch.setattr(database, "SCHEMA", replace(SCHEMA, migrations=(broken,)))
        assert "cannot use the store file" in await refusal(path)
    async with open_service(path):
        pass
    with read_database(path) as db:
        assert db.execute("SELECT count(*) FROM sqlite_master WHERE name = 'half'").fetchone() == (0,)


async def test_a_store_of_version_1_is_migrated_and_then_refused_by_version_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "s.db"
    # As the first program left it: no more than the statements and the two numbers in the header.
    pragmas = (f"PRAGMA application_id = {APPLICATION_ID}", "PRAGMA user_version = 1")
    make(
        path,
        *TABLES,
        *index.SCHEMA,
        "INSERT INTO stores VALUES (1, 'stores/a', 'a', 'none', 1, 1, 0)",
        *pragmas,
    )
    async with open_database(path, inline_runner) as file:
        assert await file.read(lambda db: db.execute("SELECT name FROM stores").fetchall()) == [("stores/a",)]
    with monkeypatch.context() as patch:
        patch.setattr(database, "SCHEMA", replace(SCHEMA, migrations=(*SCHEMA.migrations, NEXT)))
        for _ in range(2):
            async with open_database(path, inline_runner) as file:
                found = await file.read(lambda db: db.execute("SELECT name, colour FROM stores").fetchall())
            assert found == [("stores/a", "red")]
    assert f"store version {NEXT.version}, this one knows {SCHEMA.newest}" in await refusal(path)


async def test_the_words_of_a_store_of_version_1_are_indexed_anew_once(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    first = POSITION_BITS
    make(
        path,
        *TABLES,
        *index.SCHEMA,
        "INSERT INTO stores VALUES (1, 'stores/a', 'a', 'none', 1, 1, 0)",
        "INSERT INTO blobs VALUES (1, 0, NULL)",
        "INSERT INTO documents VALUES"
        " (1, 1, 'd', 'd.txt', 'text/plain', 9, 'ACTIVE', 1, 1, '{}', 1, 2, 0, 0, NULL, NULL)",
        "INSERT INTO texts VALUES (1, 1, 1, 'Ｈａｒｂｏｕｒ', '', 2)",
        f"INSERT INTO chunks VALUES ({1 << first}, 0, 9, NULL, '', 'किताब पढ़ो')",
        f"INSERT INTO chunks VALUES ({1 << first | 1}, 9, 16, NULL, '', 'מִגְדָּל')",
        # What the first program wrote, which a delete has to repeat to the letter.
        f"INSERT INTO fts(rowid, head, body) VALUES ({1 << first}, 'Ｈａｒｂｏｕｒ', 'किताब पढ़ो')",
        f"INSERT INTO fts(rowid, head, body) VALUES ({1 << first | 1}, 'Ｈａｒｂｏｕｒ', 'מִגְדָּל')",
        f"PRAGMA application_id = {APPLICATION_ID}",
        "PRAGMA user_version = 1",
    )

    def words(db: sqlite3.Connection) -> dict[str, int]:
        hits = {
            word: index.search(db, word, store_ids=[1], k=5, where=None, embedder=None, codes=None)
            for word in ("किताब", "क", "מגדל", "harbour")
        }
        return {word: len(found) for word, found in hits.items()}

    for _ in range(2):
        async with open_database(path, inline_runner) as file:
            assert await file.read(words) == {"किताब": 1, "क": 0, "מגדל": 1, "harbour": 2}
    async with open_database(path, inline_runner) as file:
        await file.write(lambda db: index.drop_document(db, 1))
        assert await file.read(words) == dict.fromkeys(("किताब", "क", "מגדל", "harbour"), 0)
        await file.write(lambda db: db.execute("INSERT INTO fts(fts) VALUES('integrity-check')"))


async def test_a_migration_that_breaks_leaves_a_store_of_the_version_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "s.db"
    async with open_service(path):
        pass
    broken = Migration(NEXT.version, "colours", (*NEXT.statements, "UPDATE nothing SET colour = 'red'"))
    with monkeypatch.context() as patch:
        patch.setattr(database, "SCHEMA", replace(SCHEMA, migrations=(*SCHEMA.migrations, broken)))
        assert "cannot use the store file" in await refusal(path)
    async with open_database(path, inline_runner) as file:
        columns = await file.read(lambda db: db.execute("PRAGMA table_info(stores)").fetchall())
    assert "colour" not in {name for _, name, *_ in columns}


def test_a_migration_that_has_shipped_is_never_edited() -> None:
    digests = {
        step.version: hashlib.sha256("\n".join(step.statements).encode()).hexdigest() for step in MIGRATIONS
    }
    assert digests == {
        1: "7ac14f7b24e62259afc0a642dcb209f6c89595f5e79e4e280c6fba593da5de35",
        2: "ac689c87c12d6d7343d9beacf0d1de20958968af9bede37021c6e6a183ad9334",
        3: "53862780679ae9549fcd418eb90785d9ef3a57e1a8b4478e837b4bdbba4658e4",
        4: "2cd13a53819a442925a4ce0ca62a7e252fed8ed147daf0df70fb8bd3b1c54396",
        5: "3073ac523f15a137f6a1b682c8e7c2e4989de05d0d9f2dc79779eab439539315",
        6: "ab7cd4173278dea9ceebddefcd41afcef6ca03a7b04777f19f72bc42adb7a739",
    }


def test_another_process_may_migrate_first(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        assert SCHEMA.read_version(db) == 0
        database.connect(path).close()
        SCHEMA.migrate_once(db, 1.0)
        assert db.execute("PRAGMA user_version").fetchone() == (SCHEMA.newest,)


def test_a_file_that_another_process_holds_is_refused_after_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "s.db"
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.05)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("CREATE TABLE t(x)")
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(ServiceError, match="locked"):
            database.connect(path)


async def test_what_the_block_raises_leaves_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(KeyError, match="mine"):
        async with open_service(tmp_path / "s.db", runner=inline_runner):
            raise KeyError("mine")
