"""A library on disk, the embedded store in process, virtual time, and the truth about what is in the store."""

import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from objlib.core.config.settings import Backend, Settings
from objlib.core.ids import KEY_FILE, KEY_HASH
from objlib.embedded import Options
from objlib.engine.app import App, Overrides
from objlib.engine.bootstrap.open_app import Command, StoreNeed, open_app
from objlib.testing import Faults
from objlib.threads import inline_runner

EPOCH = 1_800_000_000.0


def write(root: Path, name: str, text: str) -> Path:
    """One file of the library."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


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


@pytest.fixture
def settings(tmp_path: Path, library: Path) -> Settings:
    """Settings of a run on that library."""
    return Settings(
        library=library,
        ledger=tmp_path / "ledger.db",
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

Opener = Callable[..., AbstractAsyncContextManager[App]]


@pytest.fixture
def opened(settings: Settings, faults: Faults) -> Opener:
    """Opens an app under virtual time whose service follows ``faults``."""

    @asynccontextmanager
    async def opener(command: str = "upload", **changes: Any) -> AsyncIterator[App]:
        overrides = Overrides(
            now=lambda: EPOCH + trio.current_time(),
            runner=inline_runner,
            options=Options(middleware=(faults.middleware(),)),
        )
        need, observer = changes.pop("need", StoreNeed.CREATE), changes.pop("observer", None)
        needs = Command(command, records=command in RECORDED, store=need)
        changed = replace(settings, **changes)
        async with open_app(changed, needs, observer=observer, overrides=overrides) as app:
            yield app

    return opener


@pytest.fixture(autouse=True)
def virtual_time(autojump_clock: trio.testing.MockClock) -> None:
    """Every test of the engine runs in virtual time, unless it is marked ``real_time``."""


def live_documents(settings: Settings) -> list[tuple[str, str, str]]:
    """(file id, content hash, state) of every document there is, read from the store's own file."""
    db = sqlite3.connect(settings.embedded)
    try:
        return list(
            db.execute(
                "SELECT json_extract(metadata, ?), json_extract(metadata, ?), state FROM documents ORDER BY 1",
                (f"$.{KEY_FILE}", f"$.{KEY_HASH}"),
            )
        )
    finally:
        db.close()


def ledger_rows(settings: Settings) -> list[tuple[str, str, str, str]]:
    """(file id, path, state, indexed hash) of every file, read from the ledger's own file."""
    db = sqlite3.connect(settings.ledger)
    try:
        return list(
            db.execute("SELECT file_id, file_path, gemini_state, indexed_hash FROM files ORDER BY file_id")
        )
    finally:
        db.close()


def assert_exactly_once(settings: Settings) -> None:
    """Promise 2: each file is indexed and has exactly one live document with its bytes; there is no other."""
    rows = ledger_rows(settings)
    assert {state for _, _, state, _ in rows} <= {"indexed"}, rows
    assert live_documents(settings) == [(file_id, digest, "ACTIVE") for file_id, _, _, digest in rows]
