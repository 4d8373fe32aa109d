"""Requests of recovery and store-sync: unknown outcomes by the thousand in a store of many documents.

A run dies when the service has the bytes of all its files, and the run not one answer. Recovery has to find out what
became of each: once while the sessions can be asked, once when the service has forgotten them. Then store-sync
compares the whole store, is cut off in the middle, and goes on. Virtual time, in process; run it with
``just bench recovery [--unknown N] [--documents N]``.
"""

import argparse
import resource
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import trio

sys.path.insert(0, str(Path(__file__).parent.parent))

from objlib.core.config.settings import Backend, Settings
from objlib.core.failures import Failure, FailureKind
from objlib.core.ids import new_file_id
from objlib.core.lifecycle.delete_limit import DeleteLimit
from objlib.embedded import Options
from objlib.engine.app import App, Overrides
from objlib.engine.bootstrap.open_app import Command, StoreNeed, open_app
from objlib.engine.reconcile.store_sync import store_sync
from objlib.engine.recover import recover
from objlib.engine.upload.run import retry_failed
from objlib.ledger.rows import encode_failure
from objlib.testing import Delay, Faults, run_virtual, wall_clock
from objlib.testing.databases import forget_sessions
from objlib.testing.torture import scratch_folder
from objlib.threads import inline_runner
from tests.support.leftovers import die_after_sending, fabricate_documents

PAGE = 20
"""Documents of a page of the service's listing."""


class Bench:
    """A library of ``unknown`` files and a store that others filled."""

    def __init__(self, folder: Path, unknown: int, documents: int, latency: float) -> None:
        self.unknown, self.documents, self.latency = unknown, documents, latency
        self.faults = Faults()
        self.settings = Settings(
            library=folder / "library",
            ledger=folder / "ledger.db",
            embedded=folder / "store.db",
            store="bench",
            backend=Backend.EMBEDDED,
            embed_seconds=0,
        )
        self.settings.library.mkdir(parents=True)
        for number in range(unknown):
            (self.settings.library / f"{number}.txt").write_text(f"Thought number {number}.\n")

    @asynccontextmanager
    async def opened(self, command: str = "upload", **changes: Any) -> AsyncIterator[App]:
        """An app of its own process, so to speak."""
        options = Options(middleware=(self.faults.middleware(),))
        overrides = Overrides(now=wall_clock, runner=inline_runner, options=options)
        needs = Command(command, records=True, store=StoreNeed.CREATE)
        async with open_app(replace(self.settings, **changes), needs, overrides=overrides) as app:
            yield app

    async def recovery(self, *, forgotten: bool) -> bool:
        """Let a run die, recover, and tell what it cost; whether it was within the bounds."""
        await die_after_sending(self.opened, self.faults, self.unknown)
        fabricate_documents(self.settings.embedded, self.documents - self.unknown)
        if forgotten:
            forget_sessions(self.settings.embedded, all_of_them=True)
        if self.latency:
            self.faults.script = lambda _kind, _count: Delay(self.latency)
        before, began = self.faults.count.copy(), Moment.now()
        async with self.opened("recover") as app:
            report = await recover(app)
        spent = self.faults.count - before
        label = "sessions forgotten" if forgotten else "sessions known"
        print(f"{self.unknown:,} unknown in {self.documents:,} documents, {label}:", line(spent, began))
        pages = -(-self.documents // PAGE) if forgotten else 0
        settled = report.adopted == report.completed == self.unknown
        return settled and spent["list"] == pages and not spent["start"] and not spent["send"]

    async def deletes(self) -> None:
        """Delete the documents of all files: a run that died left the intents."""
        async with self.opened() as app:
            for row in await app.ledger.files.some(limit=self.unknown):
                assert row.document is not None
                await app.ledger.intents.open(None, row.document, reason="a benchmark", run_id=app.run_id)
        before, began = self.faults.count.copy(), Moment.now()
        async with self.opened("recover") as app:
            report = await recover(app)
        print(f"{report.deleted:,} open deletes:", line(self.faults.count - before, began))

    async def retries(self) -> None:
        """Retry files that failed: 5,000 rows, as ``upload --retry-failed`` does first."""
        async with self.opened() as app:
            connection = sqlite3.connect(self.settings.ledger)
            with closing(connection), connection:
                connection.execute("DELETE FROM files")
                connection.executemany(
                    "INSERT INTO files (file_id, file_path, content_hash, size, mtime_ns, mime_type, gemini_state,"
                    " gemini_state_updated_at, failure_info)"
                    " VALUES (?, ?, 'hash', 9, 1, 'text/plain', 'failed', 1.0, ?)",
                    [
                        (
                            new_file_id(),
                            f"{number:06}.txt",
                            encode_failure(Failure.of(FailureKind.TIMEOUT, "late")),
                        )
                        for number in range(5_000)
                    ],
                )
            began = Moment.now()
            retried = await retry_failed(app, "a benchmark", lambda _row: True)
            print(f"{retried:,} failed rows retried:", line(Counter(), began))

    async def comparison(self) -> bool:
        """Compare the store, cut off in the middle; whether it went on where it was."""
        before, began, pages = self.faults.count.copy(), Moment.now(), -(-self.documents // PAGE)
        with trio.CancelScope() as life:
            async with self.opened("store-sync") as app:
                half = before["list"] + pages // 2
                self.faults.before = lambda _kind: life.cancel() if self.faults.count["list"] > half else None
                await store_sync(app, apply=False, metadata=False, limit=DeleteLimit(percent=10))
        self.faults.before = lambda _kind: None
        async with self.opened("store-sync") as app:
            report, _ = await store_sync(app, apply=False, metadata=False, limit=DeleteLimit(percent=10))
        spent = self.faults.count - before
        print(f"store-sync over {self.documents:,} documents, cut off half-way:", line(spent, began))
        return report.well == self.unknown and not report.drift and spent["list"] <= pages + 2


@dataclass(frozen=True, slots=True)
class Moment:
    """The time by the virtual clock, which latency and waits move, and by the processor's."""

    virtual: float
    processor: float

    @classmethod
    def now(cls) -> "Moment":
        """This moment."""
        return cls(trio.current_time(), time.process_time())


def line(spent: Counter[str], began: Moment) -> str:
    """Requests by kind, most first, and the time it took."""
    now = Moment.now()
    virtual, processor = now.virtual - began.virtual, now.processor - began.processor
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in spent.most_common())
    return f"{kinds}; {virtual:.1f} s, and {processor:.1f} s of processor time"


def main() -> int:
    """Measure; exit with 1 when a bound is broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--unknown", type=int, default=1_000)
    parser.add_argument("--documents", type=int, default=50_000)
    parser.add_argument("--latency", type=float, default=0.0, help="seconds that each answer takes")
    args = parser.parse_args()
    kept = True
    for forgotten in (False, True):
        with scratch_folder() as folder:
            bench = Bench(folder, args.unknown, args.documents, args.latency)
            kept &= run_virtual(partial(bench.recovery, forgotten=forgotten), seed=1)
            if not forgotten:
                run_virtual(bench.deletes, seed=3)
                run_virtual(bench.retries, seed=4)
            if forgotten:
                kept &= run_virtual(bench.comparison, seed=2)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory of all, the service in process included: {peak:,.0f} MB")
    print("one listing at most, none while sessions can be asked: " + ("held" if kept else "BROKEN"))
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
