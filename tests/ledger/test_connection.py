"""Opening: new, known, older and newer ledgers, and files that are none."""

import hashlib
import os
import sqlite3
import stat
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import trio

from objlib.core.errors import LedgerError
from objlib.ledger import Ledger, open_ledger
from objlib.ledger.connection import connect
from objlib.ledger.schema import APPLICATION_ID, MIGRATIONS, SCHEMA
from objlib.sqlite import connection
from objlib.sqlite.errors import Refusal, RefusedFileError
from objlib.sqlite.migrations import Migration, Schema
from objlib.testing.databases import damage_database, raw
from objlib.threads import inline_runner
from tests.support.ledger import add, fresh

SHIPPED = {
    1: "31cbd7320f440a5ef473bee3edc8f8f93db9de8808e126be0cac6c9baf885e8d",
    2: "c059a0942700eb4aec28dce1a4a73f51e224410d6e4f22a3ad44a549a1f2d182",
    3: "0740df0fd5cdc16632b59ab4d40e028fd11aee280dddb12f02f41db65aece2d3",
    4: "f2716865f7ab33bd223f54c374ce690a021e0878ec6bfdaaa129e67b3e884827",
    5: "2a2e9c935d0abea21e1996364544b63d6480113c349bcff2b9859b02a8dc45a9",
    6: "3b2593f4eb58c78e67a48902b4bed88221d21d6ccc568a0af3dacdbec324a697",
    7: "2d47513f904c65824730ed7072c0a45237abdd6e77c6c2ac7b48cc576a694cb4",
    8: "1d7af47dffdca0e94a8a088f8c13bb21f7a74e0650deb91f813220e9f93f3559",
    9: "841db28ff00d539086d3d206d2f829b10a33f36140b50aff885ba1449630a7d0",
    10: "c1d2c25946d41986ddc008fe6f4ec008fe1b219cbe693f53aa4f0dfe5c638b2f",
}
"""SHA-256 of the statements of each migration that has shipped; a change of one is a new migration instead."""


def pragma(conn: sqlite3.Connection, name: str) -> object:
    """The value of a pragma."""
    return conn.execute(f"PRAGMA {name}").fetchone()[0]


async def refusal(path: Path, *, create: bool = True, busy_timeout: float = 0.05) -> str:
    """The one line with which opening ``path`` is refused."""
    with pytest.raises(LedgerError) as caught:
        async with open_ledger(path, runner=inline_runner, create=create, busy_timeout=busy_timeout):
            raise AssertionError("never opened")
    line = str(caught.value)
    assert str(path) in line
    assert "\n" not in line
    return line


async def test_a_new_ledger_is_made_with_its_folders_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "one" / "two" / "library.db"
    async with open_ledger(path) as ledger:
        assert ledger.path == path
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        found = await raw(ledger).read(
            lambda conn: [
                pragma(conn, name)
                for name in ("application_id", "user_version", "journal_mode", "synchronous", "foreign_keys")
            ]
        )
    assert found == [APPLICATION_ID, MIGRATIONS[-1].version, "wal", 2, 1]
    assert not path.with_name("library.db-wal").exists()


async def test_a_ledger_is_found_again_as_it_was(path: Path) -> None:
    async with open_ledger(path, now=lambda: 5.0) as ledger:
        row = await add(ledger)
    async with open_ledger(path, now=lambda: 9.0, create=False) as ledger:
        assert await fresh(ledger, row.file_id) == row
        records = await raw(ledger).read(lambda conn: conn.execute("SELECT * FROM migrations").fetchall())
    assert records == [(step.version, step.name, 5.0) for step in MIGRATIONS]


@pytest.mark.parametrize("name", ["a b.db", "what?.db", "100%.db", "%41#1.db", "Bücher.db", "x'y\"z.db"])
async def test_a_name_is_only_a_name(tmp_path: Path, name: str) -> None:
    async with open_ledger(tmp_path / name):
        assert (tmp_path / name).exists()


async def test_a_name_that_is_no_unicode_is_a_name_too(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9.db")
    try:
        (tmp_path / name).touch()
    except OSError:
        pytest.skip("this file system takes Unicode names only")
    async with open_ledger(tmp_path / name) as ledger:
        await add(ledger)


async def test_a_ledger_that_is_not_there_is_not_made_unless_asked(path: Path) -> None:
    assert "there is no ledger" in await refusal(path, create=False)
    assert not path.exists()


async def test_an_empty_file_becomes_a_ledger_only_if_asked(path: Path) -> None:
    path.touch()
    assert "there is no ledger" in await refusal(path, create=False)
    assert path.read_bytes() == b""
    async with open_ledger(path) as ledger:
        await add(ledger)


async def test_a_newer_ledger_is_refused_and_left_alone(path: Path) -> None:
    async with open_ledger(path):
        pass
    with damage_database(path) as conn:
        conn.execute("PRAGMA user_version = 99")
    before = path.read_bytes()
    assert "version 99, made by a newer objlib" in await refusal(path)
    assert path.read_bytes() == before


async def test_the_database_of_another_program_is_refused_and_left_alone(path: Path) -> None:
    with damage_database(path) as conn:
        conn.execute("CREATE TABLE files (file_id)")
    before = path.read_bytes()
    assert "not a ledger of objlib" in await refusal(path)
    assert path.read_bytes() == before


async def test_a_file_that_is_no_database_is_refused_and_left_alone(path: Path) -> None:
    path.write_text("Dear diary, " * 500, encoding="utf-8")
    before = path.read_bytes()
    assert "not an SQLite database" in await refusal(path)
    assert path.read_bytes() == before


async def test_a_folder_a_device_and_a_file_for_a_folder_are_refused(tmp_path: Path, path: Path) -> None:
    assert "a folder or a device" in await refusal(tmp_path)
    assert "a folder or a device" in await refusal(Path(os.devnull))
    path.touch()
    assert "cannot be made or read" in await refusal(path / "inside.db")


async def test_a_truncated_ledger_is_called_damaged(path: Path) -> None:
    async with open_ledger(path) as ledger:
        await add(ledger)
    os.truncate(path, 4096 * 3)
    assert "is damaged" in await refusal(path)


async def test_a_ledger_that_this_user_may_not_write_is_refused(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_ledger(path):
        pass
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert "may not be read and written" in await refusal(path)


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is read-only to the superuser")
@pytest.mark.parametrize("what", ["file", "folder"])
async def test_a_ledger_that_is_read_only_is_refused(tmp_path: Path, what: str) -> None:
    path = tmp_path / "there" / "library.db"
    async with open_ledger(path):
        pass
    locked = path if what == "file" else path.parent
    locked.chmod(0o500)
    try:
        assert "writ" in await refusal(path)
    finally:
        locked.chmod(0o700)


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is read-only to the superuser")
async def test_a_ledger_cannot_be_made_in_a_read_only_folder(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        assert "cannot be made" in await refusal(tmp_path / "library.db")
    finally:
        tmp_path.chmod(0o700)


async def test_an_older_sqlite_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 34, 1))
    with pytest.raises(LedgerError, match="too old"):
        async with open_ledger(path):
            raise AssertionError("never opened")
    assert not path.exists()


async def test_many_open_a_new_ledger_at_once(path: Path) -> None:
    opened: list[int] = []

    async def one(number: int) -> None:
        async with open_ledger(path) as ledger:
            await add(ledger, f"{number}.txt")
            opened.append(number)

    async with trio.open_nursery() as nursery:
        for number in range(8):
            nursery.start_soon(one, number)
    assert sorted(opened) == list(range(8))
    async with open_ledger(path) as ledger:
        assert len(await ledger.files.page()) == 8
        assert await raw(ledger).read(
            lambda conn: conn.execute("SELECT count(*) FROM migrations").fetchone()
        ) == (len(MIGRATIONS),)


def test_a_ledger_that_is_made_while_it_is_looked_at_is_seen_before_or_after(path: Path) -> None:
    conn = sqlite3.connect(path, isolation_level=None)
    conn.execute("PRAGMA journal_mode = WAL")
    made: list[str] = []

    def make(statement: str) -> None:
        if statement == "PRAGMA user_version" and not made:
            made.append(statement)
            opened(path).close()

    conn.set_trace_callback(make)
    assert SCHEMA.read_version(conn) == 0
    assert SCHEMA.read_version(conn) == SCHEMA.newest
    assert made
    conn.close()


async def test_a_file_system_without_shared_memory_is_refused(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_conn: sqlite3.Connection, _busy_timeout: float) -> None:
        raise RefusedFileError(Refusal.NO_WAL)

    monkeypatch.setattr(connection, "switch_to_wal", refuse)
    assert "local disk" in await refusal(path)


NEXT = MIGRATIONS[-1].version + 1
SECOND = Migration(
    NEXT, "colours", ("ALTER TABLE files ADD COLUMN colour TEXT", "UPDATE files SET colour = 'red'")
)
BROKEN = Migration(NEXT, "colours", (*SECOND.statements, "UPDATE nothing SET colour = 'red'"))


def extended(*extra: Migration) -> Schema:
    """The schema of a program that knows ``extra`` migrations."""
    return replace(SCHEMA, migrations=(*MIGRATIONS, *extra))


def opened(path: Path, *extra: Migration) -> sqlite3.Connection:
    """A connection by a program that knows ``extra`` migrations."""
    return connect(path, create=True, busy_timeout=0.05, now=7.0, schema=extended(*extra))


async def test_an_older_ledger_is_migrated_with_its_record(path: Path) -> None:
    async with open_ledger(path) as ledger:
        row = await add(ledger)
    conn = opened(path, SECOND)
    assert pragma(conn, "user_version") == NEXT
    assert conn.execute("SELECT file_id, colour FROM files").fetchall() == [(row.file_id, "red")]
    last = conn.execute("SELECT * FROM migrations WHERE version = ?", (NEXT,)).fetchall()
    assert last == [(NEXT, "colours", 7.0)]
    conn.close()
    opened(path, SECOND).close()
    assert "made by a newer objlib" in await refusal(path)


async def test_a_migration_that_fails_leaves_the_older_ledger_as_it_was(path: Path) -> None:
    async with open_ledger(path) as ledger:
        row = await add(ledger)
    with pytest.raises(LedgerError, match="report"):
        opened(path, BROKEN)
    async with open_ledger(path) as ledger:
        assert await fresh(ledger, row.file_id) == row
        assert await raw(ledger).read(partial(pragma, name="user_version")) == NEXT - 1


def test_a_step_that_another_process_has_taken_is_not_taken_twice(path: Path) -> None:
    opened(path, SECOND).close()
    conn = opened(path, SECOND)
    extended(SECOND).migrate_once(conn, 8.0)
    assert conn.execute("SELECT count(*) FROM migrations").fetchone() == (NEXT,)
    conn.close()


def test_migrations_are_numbered_without_gaps() -> None:
    assert [step.version for step in MIGRATIONS] == list(range(1, len(MIGRATIONS) + 1))


def test_a_migration_that_has_shipped_is_never_edited() -> None:
    digests = {
        step.version: hashlib.sha256("\n".join(step.statements).encode()).hexdigest() for step in MIGRATIONS
    }
    assert digests == SHIPPED


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("gemini_state", "sleeping"),
        ("version", -1),
        ("size", -1),
        ("metadata_json", "{"),
        ("failure_info", "{"),
        ("gemini_state", "failed"),
        ("gemini_state", "indexed"),
        ("mtime_ns", "yesterday"),
    ],
)
async def test_the_database_refuses_what_cannot_be(ledger: Ledger, column: str, value: object) -> None:
    await add(ledger)

    def change(conn: sqlite3.Connection) -> object:
        return conn.execute(f"UPDATE files SET {column} = ?", (value,))

    with pytest.raises((sqlite3.Error, LedgerError)):
        await raw(ledger).write(change)


async def test_two_files_on_disk_cannot_share_a_path_but_a_missing_one_may(ledger: Ledger) -> None:
    row = await add(ledger, "a")
    with pytest.raises((sqlite3.Error, LedgerError)):
        await add(ledger, "a")
    await raw(ledger).write(lambda conn: conn.execute("UPDATE files SET missing_since = 5").rowcount)
    again = await add(ledger, "a")
    assert again.file_id != row.file_id
