"""An open ledger with a clock that stands still."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from objlib.ledger import Ledger, open_ledger
from objlib.threads import inline_runner
from tests.ledger.kit import Clock


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the test's ledger is."""
    return tmp_path / "library.db"


@pytest.fixture
def clock() -> Clock:
    """The ledger's clock."""
    return Clock()


@pytest.fixture
async def ledger(path: Path, clock: Clock) -> AsyncIterator[Ledger]:
    """A new ledger, used inline."""
    async with open_ledger(path, runner=inline_runner, now=clock) as opened:
        yield opened
