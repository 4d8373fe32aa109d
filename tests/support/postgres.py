"""One throw-away PostgreSQL server for all processes of a test run, and an empty schema in it for a test."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Final

import psycopg
import pytest

from objlib.core.config.ledger_url import LedgerUrl
from objlib.ledger.copying import NUMBERED, TABLES
from objlib.ledger.server import open_session
from objlib.testing.postgres import ThrowAwayServer, find_programs

_numbers = count(1)

DATABASES: Final = ("sqlite", "postgres")
"""Ids of the parameter of a test that runs on both."""


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ThrowAwayServer]:
    """A PostgreSQL server, the same one in all processes of this run."""
    base = tmp_path_factory.getbasetemp()
    with shared_server(base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base) as shared:
        yield shared


@contextmanager
def open_place(database: str, path: Path, request: pytest.FixtureRequest) -> Iterator[Path | LedgerUrl]:
    """A place for a ledger: ``path``, or a new ledger of the server, which is started only then."""
    yield path if database == "sqlite" else new_ledger(request.getfixturevalue("server"))


_ledgers: dict[Path, LedgerUrl] = {}
"""The schema that the tests of this process share, one after another, by the folder of its server."""


def new_ledger(server: ThrowAwayServer) -> LedgerUrl:
    """A ledger without rows. Its schema is that of the test before, emptied, which is ten times as fast as another.

    A schema that a test has altered is not used again.
    """
    url = _ledgers.get(server.folder)
    if url is None or not _emptied(url):
        worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
        url = _ledgers[server.folder] = LedgerUrl.parse(server.url(f"t_{worker}_{next(_numbers)}"))
        open_session(url, create=True, busy_timeout=5, now=1.0).drop()
        with psycopg.connect(url.conninfo, autocommit=True) as conn:
            conn.execute(f"CREATE TABLE {url.schema}.made AS {_FORM.format(url.schema)}".encode())
    return url


_FORM: Final = """
SELECT string_agg(line, E'\\n' ORDER BY line) AS form FROM (
    SELECT concat_ws(' ', c.relname, c.relkind, a.attname, a.atttypid) AS line FROM pg_attribute a
    JOIN pg_class c ON c.oid = a.attrelid
    WHERE c.relnamespace = '{0}'::regnamespace AND c.relname <> 'made'
    UNION ALL
    SELECT conname FROM pg_constraint WHERE connamespace = '{0}'::regnamespace
    UNION ALL
    SELECT tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
    WHERE c.relnamespace = '{0}'::regnamespace AND NOT tgisinternal
    UNION ALL
    SELECT concat_ws(' ', version, name) FROM {0}.migrations
) AS lines
"""
"""Everything that a test may alter in a schema but for the rows."""


def _emptied(url: LedgerUrl) -> bool:
    """Delete the rows of a schema; whether it is as it was made."""
    tables = [f"{url.schema}.{table}" for table in reversed([*TABLES, "operations"])]
    script = [f"DELETE FROM {table}" for table in tables]
    script += [f"ALTER TABLE {url.schema}.{table} ALTER {key} RESTART" for table, key in NUMBERED.items()]
    try:
        with psycopg.connect(url.conninfo, autocommit=True) as conn:
            conn.execute("; ".join(script).encode())
            same = conn.execute(
                f"SELECT form = ({_FORM.format(url.schema)}) FROM {url.schema}.made".encode()
            ).fetchone()
    except psycopg.Error:
        return False
    return same == (True,)


@contextmanager
def shared_server(folder: Path) -> Iterator[ThrowAwayServer]:
    """The server of the processes that share ``folder``: the first one starts it, the last one removes it."""
    programs = find_programs()
    if programs is None:
        pytest.skip("the programs of PostgreSQL are not on this machine: just system-tools")
    record = folder / "postgres.json"
    with _locked(folder):
        users, place = json.loads(record.read_text("utf-8")) if record.exists() else (0, "")
        server = ThrowAwayServer.find(Path(place), programs) if users else ThrowAwayServer.make(programs)
        if not users:
            # The workers of a run have one parent, which outlives them all.
            server.end_with(os.getppid() if os.environ.get("PYTEST_XDIST_WORKER") else os.getpid())
            server.start()
        record.write_text(json.dumps((users + 1, str(server.folder))), "utf-8")
    try:
        yield server
    finally:
        with _locked(folder):
            users, place = json.loads(record.read_text("utf-8"))
            record.write_text(json.dumps((users - 1, place)), "utf-8")
            if users == 1:
                server.remove()


@contextmanager
def empty_schema(server: ThrowAwayServer) -> Iterator[LedgerUrl]:
    """The URL of a schema that no other test has; it is dropped afterwards."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    url = LedgerUrl.parse(server.url(f"t_{worker}_{next(_numbers)}"))
    try:
        yield url
    finally:
        with psycopg.connect(url.conninfo, autocommit=True) as conn:
            conn.execute(f"DROP SCHEMA IF EXISTS {url.schema} CASCADE".encode())


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    with (folder / "postgres.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
