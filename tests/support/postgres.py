"""One throw-away PostgreSQL server for all processes of a test run, and an empty schema in it for a test."""

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import psycopg
import pytest

from objlib.core.config.ledger_url import LedgerUrl
from objlib.testing.postgres import ThrowAwayServer, find_programs

_numbers = count(1)


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
def empty_schema(server: ThrowAwayServer, worker: str) -> Iterator[LedgerUrl]:
    """The URL of a schema that no other test has; it is dropped afterwards."""
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
