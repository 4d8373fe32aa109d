"""An open ledger with a clock that stands still."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from objlib.ledger import Ledger, open_ledger
from objlib.ledger.connection import connect
from objlib.sqlite.connection import disconnect
from objlib.threads import inline_runner
from tests.support.clock import Clock


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


@pytest.fixture
async def ledger(path: Path, empty: Path, clock: Clock) -> AsyncIterator[Ledger]:
    """A new ledger, used inline."""
    shutil.copyfile(empty, path)
    async with open_ledger(path, runner=inline_runner, now=clock) as opened:
        yield opened
