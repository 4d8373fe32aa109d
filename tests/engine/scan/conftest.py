"""A library and its ledger; the tests of differences and renames run on both databases."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.postgres import DATABASES, open_place, server
from tests.support.scan import Desk, open_desk

__all__ = ["server"]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test of a desk on both databases."""
    if "database" in metafunc.fixturenames:
        of_a_file = metafunc.definition.get_closest_marker("of_a_file")
        metafunc.parametrize("database", DATABASES[:1] if of_a_file else DATABASES)


@pytest.fixture
def database() -> str:
    """Which database holds the ledger."""
    return "sqlite"


@pytest.fixture
async def desk(database: str, tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Desk]:
    """An empty library, and a ledger."""
    with open_place(database, tmp_path / "ledger.db", request) as place:
        async with open_desk(tmp_path, place=place) as opened:
            yield opened
