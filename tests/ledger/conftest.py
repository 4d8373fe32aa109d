"""An open ledger with a clock that stands still."""

import inspect
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from objlib.core.config.ledger_url import LedgerUrl
from objlib.ledger import Ledger, open_ledger
from objlib.ledger.connection import connect
from objlib.sqlite.connection import disconnect
from objlib.threads import inline_runner
from tests.support.clock import Clock
from tests.support.postgres import DATABASES, open_place, server

__all__ = ["server"]


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
    """Run each test of a ledger on both databases, unless a file is its subject."""
    names = inspect.signature(metafunc.function).parameters
    if "database" in metafunc.fixturenames:
        metafunc.parametrize("database", ["sqlite"] if "path" in names else DATABASES)


@pytest.fixture
def database() -> str:
    """Which database holds the ledger."""
    return "sqlite"


@pytest.fixture
def place(
    database: str, path: Path, empty: Path, request: pytest.FixtureRequest
) -> Iterator[Path | LedgerUrl]:
    """A new ledger: a file, or a schema of its own in a database."""
    if database == "sqlite":
        shutil.copyfile(empty, path)
    with open_place(database, path, request) as opened:
        yield opened


@pytest.fixture
async def ledger(place: Path | LedgerUrl, clock: Clock) -> AsyncIterator[Ledger]:
    """A new ledger, used inline."""
    async with open_ledger(place, runner=inline_runner, now=clock) as opened:
        yield opened
