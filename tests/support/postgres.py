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
    """A place for a ledger: ``path``, or an empty schema of the server, which is started only then."""
    if database == "sqlite":
        yield path
    else:
        with empty_schema(request.getfixturevalue("server")) as url:
            yield url


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
