"""An open ledger with a clock that stands still."""

import inspect
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from objlib.core.config.ledger_url import LedgerUrl
from objlib.ledger import Ledger, open_ledger
from objlib.ledger.connection import connect
from objlib.sqlite.connection import disconnect
from objlib.testing.postgres import ThrowAwayServer
from objlib.threads import inline_runner
from tests.support.clock import Clock
from tests.support.postgres import empty_schema, shared_server


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the test's ledger is."""
    return tmp_path / "library.db"


@pytest.fixture
def clock() -> Clock:
    """The ledger's clock."""
    return Clock()


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new ledger to copy: making one flushes the disk ten times, which is most of a short test."""
    made = tmp_path_factory.mktemp("empty") / "library.db"
    disconnect(connect(made, create=True, busy_timeout=1, now=1.0))
    return made


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test of a ledger on both databases, unless it is about the file."""
    names = inspect.signature(metafunc.function).parameters
    if "database" in metafunc.fixturenames:
        metafunc.parametrize("database", ["sqlite"] if "path" in names else ["sqlite", "postgres"])


@pytest.fixture
def database() -> str:
    """Which database holds the ledger."""
    return "sqlite"


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ThrowAwayServer]:
    """A PostgreSQL server, the same one in all processes of this run."""
    base = tmp_path_factory.getbasetemp()
    with shared_server(base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base) as shared:
        yield shared


@pytest.fixture
def place(
    database: str, path: Path, empty: Path, request: pytest.FixtureRequest
) -> Iterator[Path | LedgerUrl]:
    """A new ledger: a file, or a schema of its own in a database."""
    if database == "sqlite":
        shutil.copyfile(empty, path)
        yield path
    else:
        server: ThrowAwayServer = request.getfixturevalue("server")
        with empty_schema(server, os.environ.get("PYTEST_XDIST_WORKER", "main")) as url:
            yield url


@pytest.fixture
async def ledger(place: Path | LedgerUrl, clock: Clock) -> AsyncIterator[Ledger]:
    """A new ledger, used inline."""
    async with open_ledger(place, runner=inline_runner, now=clock) as opened:
        yield opened
