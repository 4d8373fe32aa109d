"""Trouble with the disk under a whole run: at every commit, and in the log of the ledger."""

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar, cast

import pytest
import trio

from objlib.core.config.settings import Settings
from objlib.core.errors import LedgerError
from objlib.embedded import Options
from objlib.engine.app import Overrides
from objlib.engine.bootstrap.open_app import Command, StoreNeed, open_app
from objlib.engine.recover import recover
from objlib.engine.upload.run import upload
from objlib.sqlite.group_commit import perform
from objlib.testing import EPOCH, Faults
from objlib.threads import inline_runner
from tests.support.engine import Opener, assert_exactly_once, write

T = TypeVar("T")


@dataclass
class FullDisk:
    """A Runner under which the ``at``-th commit of the ledger finds the disk full, and all that follow."""

    ledger: Path
    at: int
    commits: int = 0

    async def run(self, fn: Callable[[], T], /) -> T:
        if isinstance(fn, partial) and fn.func is perform and self._is_commit(*fn.args):
            self.commits += 1
            if self.commits >= self.at:
                conn, *rest = fn.args
                full = cast("Any", Full(conn))
                return await inline_runner(partial(cast("Any", perform), full, *rest))
        return await inline_runner(fn)

    def _is_commit(self, conn: sqlite3.Connection, _translate: object, batch: list[Any]) -> bool:
        (_, _, path) = conn.execute("PRAGMA database_list").fetchone()
        return Path(path) == self.ledger and any(op.writes for op in batch)


class Full:
    """A connection to a disk that is full when it comes to COMMIT."""

    def __init__(self, conn: sqlite3.Connection) -> None:
        self._conn = conn

    def execute(self, sql: str, *parameters: Any) -> sqlite3.Cursor:
        if sql == "COMMIT" and self._conn.in_transaction:
            error = sqlite3.OperationalError("database or disk is full")
            error.sqlite_errorcode = sqlite3.SQLITE_FULL
            raise error
        return self._conn.execute(sql, *parameters)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._conn, name)


def leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from leaves(inner)
    else:
        yield error


async def test_a_disk_that_fills_up_at_any_commit_breaks_no_promise(
    opened: Opener, settings: Settings, library: Path, faults: Faults
) -> None:
    shutil.rmtree(library)
    for name in ("one", "two"):
        write(library, f"{name}.txt", f"Thought {name}.\n")
    at = 0
    command = Command("upload", records=True, store=StoreNeed.CREATE)
    while True:
        at += 1
        for path in (settings.ledger, settings.embedded):
            for suffix in ("", "-wal", "-shm"):
                Path(f"{path}{suffix}").unlink(missing_ok=True)
        disk = FullDisk(settings.ledger, at)
        overrides = Overrides(
            now=lambda: EPOCH + trio.current_time(),
            runner=disk.run,
            options=Options(middleware=(faults.middleware(),)),
        )
        errors: list[BaseException] = []
        try:
            async with open_app(settings, command, overrides=overrides) as app:
                await upload(app)
        except (LedgerError, BaseExceptionGroup) as error:
            errors += leaves(error)
        assert {type(error) for error in errors} <= {LedgerError}
        assert all("the disk is full" in str(error) for error in errors)
        if disk.commits < at:
            break
        assert errors, f"commit {at} was lost without a word"
        async with opened("recover") as app:
            await trio.sleep(100)  # the end of the run is not on record either
            await recover(app)
        async with opened() as app:
            assert (await upload(app)).indexed == 2
        assert_exactly_once(settings)
    assert at > 10


@pytest.mark.parametrize("tail", [b"\0" * 2000, os.urandom(3000), b"half"], ids=["zeros", "garbage", "stub"])
async def test_a_torn_write_ahead_log_is_read_up_to_its_last_commit(
    opened: Opener, settings: Settings, tmp_path: Path, faults: Faults, tail: bytes
) -> None:
    """The power failed while a frame was written: what was committed is there, and the rest never happened."""
    torn = replace(settings, ledger=tmp_path / "torn.db")
    with trio.CancelScope() as life:
        async with opened() as app:

            def tear(kind: str) -> None:
                if kind == "document" and not torn.ledger.exists():
                    shutil.copy(settings.ledger, torn.ledger)
                    log = Path(f"{settings.ledger}-wal").read_bytes()
                    Path(f"{torn.ledger}-wal").write_bytes(log + tail)
                    life.cancel()

            faults.before = tear
            await upload(app)
    faults.before = lambda _kind: None
    async with opened("recover", ledger=torn.ledger) as app:
        await trio.sleep(100)
        await recover(app)
    async with opened(ledger=torn.ledger) as app:
        assert (await upload(app)).indexed == 10
    assert_exactly_once(torn)
