"""A library on disk, the embedded store in process, virtual time, and the truth about what is in the store."""

import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from objlib.core.config.ledger_url import LedgerUrl
from objlib.core.config.settings import Backend, Settings
from objlib.embedded import Options
from objlib.engine.app import App, Overrides
from objlib.engine.bootstrap.open_app import Command, StoreNeed, open_app
from objlib.testing import EPOCH, Faults
from objlib.threads import inline_runner
from tests.support.engine import Opener, write
from tests.support.postgres import DATABASES, open_place, server
from tests.support.scenario import Scenario

__all__ = ["server"]


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """Ten small documents in nested folders."""
    root = tmp_path / "library"
    for number in range(10):
        write(
            root,
            f"Ethics/Year 202{number % 3}/lecture {number}.txt",
            f"Lecture {number}. Virtue is a habit of choosing well. Example {number} shows it.\n",
        )
    return root


@pytest.fixture
def alone(library: Path) -> Path:
    """A library of one file."""
    shutil.rmtree(library)
    return write(library, "only.txt", "One thought, and no other.\n")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run the tests of a module that says so on both databases."""
    if getattr(metafunc.module, "BOTH_DATABASES", False) and "database" in metafunc.fixturenames:
        of_a_file = metafunc.definition.get_closest_marker("of_a_file")
        metafunc.parametrize("database", DATABASES[:1] if of_a_file else DATABASES)


@pytest.fixture
def database() -> str:
    """Which database holds the ledger."""
    return "sqlite"


@pytest.fixture
def place(database: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path | LedgerUrl]:
    """Where the ledger is."""
    with open_place(database, tmp_path / "ledger.db", request) as opened:
        yield opened


@pytest.fixture
def settings(tmp_path: Path, library: Path, place: Path | LedgerUrl) -> Settings:
    """Settings of a run on that library."""
    return Settings(
        library=library,
        ledger=place,
        embedded=tmp_path / "store.db",
        store="objlib-test",
        backend=Backend.EMBEDDED,
        embed_seconds=0,
        patterns=("{course}/Year {year}/{lecture}.txt",),
    )


@pytest.fixture
def faults() -> Faults:
    """A service that behaves until a test gives it a script."""
    return Faults()


RECORDED = frozenset({"upload", "scan", "recover", "sync", "store-sync", "rebuild"})
"""Commands whose runs have a record, as the command line says it."""


@pytest.fixture
def opened(settings: Settings, faults: Faults) -> Opener:
    """Opens an app under virtual time whose service follows ``faults``."""

    @asynccontextmanager
    async def opener(command: str = "upload", **changes: Any) -> AsyncIterator[App]:
        ahead = changes.pop("ahead", 0.0)  # seconds by which the wall clock was set
        overrides = Overrides(
            now=lambda: EPOCH + ahead + trio.current_time(),
            runner=changes.pop("runner", inline_runner),
            options=Options(middleware=(faults.middleware(),)),
        )
        need, observer = changes.pop("need", StoreNeed.CREATE), changes.pop("observer", None)
        dry_run, mends = changes.pop("dry_run", False), command in {"rebuild", "store-sync"}
        recorded = command in RECORDED
        disk = changes.pop("disk", True)
        needs = Command(command, records=recorded, store=need, any_ledger=mends, disk=disk, dry_run=dry_run)
        changed = replace(settings, **changes)
        async with open_app(changed, needs, observer=observer, overrides=overrides) as app:
            yield app

    return opener


@pytest.fixture
def scenario(library: Path, opened: Opener) -> Scenario:
    """Ten documents on disk, and nothing in the store yet."""
    return Scenario(library, opened)


@pytest.fixture(autouse=True)
def virtual_time(autojump_clock: trio.testing.MockClock) -> None:
    """Every test of the engine runs in virtual time, unless it is marked ``real_time``."""
