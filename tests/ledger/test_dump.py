"""A ledger as a text file: written from either database, read back into either, and noticed where it is not whole."""

import json
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest

from objlib.core.config.ledger_url import LedgerUrl
from objlib.core.errors import LedgerError, RefusedError
from objlib.core.lifecycle.table import State
from objlib.ledger import EMBEDDED_KEY, check_dump, is_dump, library_key, open_ledger, restore_ledger
from objlib.ledger.copying import Copied
from objlib.ledger.dialects.sqlite import SQLiteConnection
from objlib.ledger.dump import read_dump, write_dump
from objlib.ledger.schema import APPLICATION_ID, MIGRATIONS, SCHEMA
from objlib.sqlite.migrations import Schema
from objlib.sqlite.private_copy import make_privately
from tests.ledger.test_transfer import RUN, fill, place_of

Lines = list[bytes]


async def dumped(place: Path | LedgerUrl, folder: Path) -> tuple[Path, Copied]:
    """A dump of the ledger at ``place``, and what it says of itself."""
    file = BytesIO(b"left by a read that was done again")
    async with open_ledger(place, create=False) as ledger:
        copied = await ledger.checks.dump(file, place, 5.0)
    path = folder / "dump.jsonl"
    path.write_bytes(file.getvalue())
    return path, copied


@pytest.mark.parametrize(("source", "target"), [("sqlite", "postgres"), ("postgres", "sqlite")])
async def test_a_dump_is_restored_row_by_row(
    tmp_path: Path, request: pytest.FixtureRequest, source: str, target: str
) -> None:
    (tmp_path / "new").mkdir()
    with place_of(source, tmp_path, request) as old, place_of(target, tmp_path / "new", request) as new:
        await fill(old)
        dump, copied = await dumped(old, tmp_path)
        assert is_dump(dump)
        assert restore_ledger(dump, new, now=9.0) == copied
        assert check_dump(dump, now=9.0) == (copied, [])
        async with open_ledger(old, create=False) as one, open_ledger(new, create=False) as other:
            assert await other.files.page() == await one.files.page()
            assert await other.settings.get("note") in {"a\0b", "a\N{REPLACEMENT CHARACTER}b"}
            run = await other.runs.get(RUN)
            # The run that was at work then is none of this ledger.
            assert run is not None
            assert run.ended == run.heartbeat
        with pytest.raises(RefusedError, match="there is a ledger at"):
            restore_ledger(dump, new, now=9.0)


async def test_both_databases_write_the_same_rows(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    with place_of("postgres", tmp_path, request) as url:
        old = tmp_path / "ledger.db"
        await fill(old)
        dump, copied = await dumped(old, tmp_path)
        lines = dump.read_bytes().replace(b"\\u0000", "\N{REPLACEMENT CHARACTER}".encode()).splitlines()[1:]
        restore_ledger(dump, url, now=9.0)
        other, again = await dumped(url, tmp_path)
        here, there = set(lines), set(other.read_bytes().splitlines()[1:])
        # What names a place is written as it is read there, and the run has ended.
        changed = {json.loads(line)[0] for line in here ^ there if line.startswith(b"[")}
        assert changed == {EMBEDDED_KEY, library_key(url), RUN}
        assert copied.rows["files"] == again.rows["files"] == len(State)


def _without_end(lines: Lines) -> Lines:
    return lines[:-1]


def _cut(lines: Lines) -> Lines:
    return [*lines[:-1], lines[-1][:-9]]


def _without_a_row(lines: Lines) -> Lines:
    row = next(number for number, line in enumerate(lines) if line.startswith(b"["))
    return lines[:row] + lines[row + 1 :]


def _with_another_value(lines: Lines) -> Lines:
    return [line.replace(b'"failed.txt"', b'"other.txt"') for line in lines]


def _with_a_longer_row(lines: Lines) -> Lines:
    row = next(number for number, line in enumerate(lines) if line.startswith(b"["))
    return [*lines[:row], b'["a", "b", "c"]\n', *lines[row + 1 :]]


def _with_a_row_that_fits_nowhere(lines: Lines) -> Lines:
    return [line.replace(b'"indexed.txt"', b"null") for line in lines]


def _with_another_table(lines: Lines) -> Lines:
    return [line.replace(b'{"table": "files"', b'{"table": "users"') for line in lines]


def _with_another_column(lines: Lines) -> Lines:
    return [line.replace(b'"columns": ["key"', b'"columns": ["key) VALUES (1); --"') for line in lines]


def _with_more(lines: Lines) -> Lines:
    return [*lines, b'["a", "b"]\n']


def _with_a_broken_line(lines: Lines) -> Lines:
    return [*lines[:3], b"\xff\n", *lines[4:]]


def _of_a_newer_program(lines: Lines) -> Lines:
    return [lines[0].replace(b'"tables": ', b'"tables": 9'), *lines[1:]]


def _of_nothing(lines: Lines) -> Lines:
    return [b'{"objlib_dump": "?"}\n', *lines[1:]]


@pytest.mark.parametrize(
    ("damage", "line"),
    [
        (_without_end, "its end is missing"),
        (_cut, "it ends in the middle"),
        (_without_a_row, "not those of its digest"),
        (_with_another_value, "not those of its digest"),
        (_with_a_longer_row, "no row, table or end"),
        (_with_a_row_that_fits_nowhere, "a row of files does not fit"),
        (_with_another_table, "no row, table or end"),
        (_with_another_column, "settings has other columns"),
        (_with_more, "something stands behind its end"),
        (_with_a_broken_line, "not JSON"),
        (_of_a_newer_program, "made by a newer objlib"),
        (_of_nothing, "is no dump"),
    ],
)
async def test_a_dump_that_is_not_as_it_was_written_is_not_restored(
    tmp_path: Path, damage: Callable[[Lines], Lines], line: str
) -> None:
    old, new = tmp_path / "ledger.db", tmp_path / "new.db"
    await fill(old)
    dump, _ = await dumped(old, tmp_path)
    dump.write_bytes(b"".join(damage(dump.read_bytes().splitlines(keepends=True))))
    with pytest.raises(LedgerError, match=line):
        restore_ledger(dump, new, now=9.0)
    assert not new.exists()


def test_a_dump_of_an_older_program_is_brought_up_to_date(tmp_path: Path) -> None:
    schema = Schema(APPLICATION_ID, MIGRATIONS, record=SCHEMA.record)
    conn = make_privately(schema, SQLiteConnection, busy_timeout=0.0, now=1.0)
    conn.execute("INSERT INTO settings VALUES ('a', 'b')")
    file = BytesIO()
    write_dump(conn, file, tmp_path / "ledger.db", 5.0)
    lines = file.getvalue().splitlines(keepends=True)
    header = json.loads(lines[0]) | {"tables": 9}
    older = [
        json.dumps(header).encode() + b"\n",
        *(line for line in lines[1:] if b'"table": "leases"' not in line),
    ]
    older[-1] = older[-1].replace(b', "leases": 0', b"")
    dump = tmp_path / "dump.jsonl"
    dump.write_bytes(b"".join(older))
    read = read_dump(dump, 9.0)
    assert read.conn.execute("SELECT count(*) FROM leases").fetchone() == (0,)
    assert read.conn.execute("SELECT value FROM settings").fetchone() == ("b",)
    assert "leases" not in read.read.rows
