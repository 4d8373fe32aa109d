"""One run scans at a time: who waits, who takes over, and that a thawed run does no harm."""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest
import trio

from objlib.core.config.ledger_url import LedgerUrl
from objlib.core.config.settings import Settings
from objlib.core.lifecycle.delete_limit import DeleteLimit
from objlib.engine.app import App
from objlib.engine.runs import STALE_AFTER
from objlib.engine.scan.turn import scan_in_turn
from objlib.engine.shutdown import InterruptedRun
from objlib.engine.sync import sync
from objlib.engine.upload.run import upload
from objlib.ledger import SCAN, Lease, ScanSession
from objlib.ledger.scan import diff
from objlib.liveness import machine_name
from objlib.testing import RecordingObserver
from objlib.testing.databases import damage_database, raw
from objlib.threads import inline_runner
from tests.support.engine import Opener, write
from tests.support.scan import Desk

OTHER = "run-other"


async def held_by(app: App, *, host: str, pid: int, heartbeat: float = 0.0) -> Lease:
    """Let another run hold the lease, whose last heartbeat was ``heartbeat`` seconds ago."""
    with damage_database(app.settings.ledger) as db:
        now = app.now() - heartbeat
        db.execute(
            "INSERT INTO runs (run_id, pid, host, started, heartbeat, ended, command)"
            " VALUES (?, ?, ?, ?, ?, NULL, 'upload')",
            (OTHER, pid, host, now, now),
        )
        db.execute("INSERT INTO leases (name, run_id, at) VALUES (?, ?, ?)", (SCAN, OTHER, now))
    return await app.ledger.leases.take(SCAN, app.run_id)


async def test_who_waits_uploads_what_is_known_and_says_who_scans(opened: Opener, library: Path) -> None:
    observer = RecordingObserver()
    async with opened() as first, opened(observer=observer) as second:
        await scan_in_turn(first)
        lease = await first.ledger.leases.take(SCAN, first.run_id)

        async def end_turn() -> None:
            await trio.sleep(100)  # until the other one has sent what it knows
            write(library, "late.txt", "It came while the other run scanned.\n")
            await first.ledger.leases.give_back(lease)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(end_turn)
            report = await upload(second)
    assert (report.uploaded, report.scan.new) == (11, 1)
    (note,) = [note for note in observer.notes if "scanning" in note]
    assert first.run_id in note
    assert first.ledger.machine in note


async def test_a_sync_that_prunes_sends_nothing_before_its_own_scan(opened: Opener) -> None:
    observer = RecordingObserver()
    async with opened() as first, opened("sync", observer=observer) as second:
        await scan_in_turn(first)
        lease = await first.ledger.leases.take(SCAN, first.run_id)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(
                partial(sync, second, prune_missing=True, grace=0.0, limit=DeleteLimit(percent=100))
            )
            await trio.sleep(30)
            assert (await first.ledger.files.claimable_totals())[0] == 10
            assert "waiting for it" in observer.notes[-1]
            await first.ledger.leases.give_back(lease)
    assert (await _indexed(opened)) == 10


@pytest.mark.parametrize(
    ("host", "pid", "heartbeat", "waits"),
    [
        ("here", 2**30, 0.0, 0.0),
        ("here", os.getpid(), 0.0, STALE_AFTER),
        ("elsewhere", 2**30, 0.0, STALE_AFTER),
        ("elsewhere", 2**30, STALE_AFTER + 1, 0.0),
        ("elsewhere", 2**30, -STALE_AFTER - 1, 0.0),
    ],
    ids=["a dead process", "a live process", "a fresh heartbeat", "an old heartbeat", "one of tomorrow"],
)
async def test_the_turn_of_a_dead_run_is_taken_over(
    opened: Opener, settings: Settings, host: str, pid: int, heartbeat: float, waits: float
) -> None:
    async with opened("scan") as app:
        here = machine_name() if isinstance(settings.ledger, LedgerUrl) else app.ledger.machine
        lease = await held_by(app, host=here if host == "here" else host, pid=pid, heartbeat=heartbeat)
        assert lease.run_id == OTHER
        began = trio.current_time()
        assert (await scan_in_turn(app)).new == 10
        assert waits <= trio.current_time() - began < waits + 5
        assert (await app.ledger.leases.take("probe", app.run_id)).run_id == app.run_id
        assert (await app.ledger.leases.take(SCAN, app.run_id)).run_id == app.run_id, "it was given back"


async def test_a_thawed_run_records_nothing_of_what_it_saw(
    opened: Opener, library: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    observer, compare = RecordingObserver(), ScanSession.compare
    gone = library / "Ethics/Year 2020/lecture 0.txt"
    async with opened("scan", observer=observer) as frozen, opened("scan") as other:
        await scan_in_turn(frozen)
        text = gone.read_text("utf-8")
        gone.unlink()

        async def freeze(session: ScanSession, **kwargs: Any) -> Any:
            counts = await compare(session, **kwargs)
            monkeypatch.setattr(ScanSession, "compare", compare)
            with damage_database(settings.ledger) as db:
                db.execute("UPDATE runs SET heartbeat = heartbeat - 100 WHERE run_id = ?", (frozen.run_id,))
            gone.write_text(text, "utf-8")
            await scan_in_turn(other)
            return counts

        monkeypatch.setattr(ScanSession, "compare", freeze)
        report = await scan_in_turn(frozen)
    assert (report.missing, report.scanned) == (0, 10)
    assert any("took this one for dead" in note for note in observer.notes)
    async with opened("recover") as app:
        rows = await app.ledger.files.page(limit=100)
    assert [row.file_path for row in rows if row.missing_since is not None] == []


async def test_a_comparison_that_takes_minutes_keeps_its_turn(
    opened: Opener, library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each step takes half as long as a run may be silent, and the database does nothing else meanwhile."""
    steps: tuple[Callable[..., None], ...] = diff.STEPS
    busy: list[float] = []

    async def slow(work: Callable[[], Any], /) -> Any:
        result = await inline_runner(work)
        if busy:
            await trio.sleep(busy.pop())
        return result

    def slowed(step: Callable[..., None]) -> Callable[..., None]:
        def run(*args: Any) -> None:
            step(*args)
            busy.append(0.45 * STALE_AFTER)

        return run

    first, second = RecordingObserver(), RecordingObserver()
    async with opened("scan", observer=first, runner=slow) as one, opened("scan", observer=second) as other:
        await scan_in_turn(other)
        (library / "Ethics/Year 2020/lecture 0.txt").unlink()
        monkeypatch.setattr(diff, "STEPS", tuple(map(slowed, steps)))
        reports = {}

        async def scan(app: App, name: str) -> None:
            reports[name] = await scan_in_turn(app)

        async with trio.open_nursery() as nursery:
            began = trio.current_time()
            nursery.start_soon(scan, one, "one")
            await trio.sleep(1)
            monkeypatch.undo()
            nursery.start_soon(scan, other, "other")
        assert trio.current_time() - began > 2 * STALE_AFTER
    assert (reports["one"].missing, reports["other"].missing) == (1, 0)
    assert not any("took this one for dead" in note for note in first.notes)
    assert any("is scanning" in note for note in second.notes)


@pytest.mark.parametrize("number", range(len(diff.STEPS)))
async def test_a_scan_that_is_outrun_in_its_comparison_looks_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """A file that was renamed in the middle of it is not taken for one that is gone, whatever step had seen it."""
    desk.write("a.txt", "one")
    desk.write("b.txt", "two")
    await desk.scan()
    await desk.index_all()
    desk.write("b.txt", "changed")
    step, read = diff.STEPS[number], ScanSession._read

    async def overtaken(session: ScanSession, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        if function is step:
            monkeypatch.setattr(ScanSession, "_read", read)
            (desk.root / "a.txt").rename(desk.root / "c.txt")
            assert (await desk.scan()).renamed == 1
        return await read(session, function, *args, **kwargs)

    monkeypatch.setattr(ScanSession, "_read", overtaken)
    report = await desk.scan()
    assert ScanSession._read is read
    assert (report.missing, report.renamed, report.unchanged) == (0, 0, 2)
    assert {path: row.missing_since for path, row in (await desk.rows()).items()} == {
        "b.txt": None,
        "c.txt": None,
    }


async def test_a_stop_ends_the_wait_for_a_turn(opened: Opener) -> None:
    async with opened() as app:
        await held_by(app, host="elsewhere", pid=1)

        async def stop() -> None:
            await trio.sleep(2.5)
            app.drain.stop()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(stop)
            with pytest.raises(InterruptedRun, match="nothing is lost"):
                await upload(app)


async def test_a_scan_whose_connection_breaks_looks_again(
    desk: Desk, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if database == "sqlite":
        return  # its temporary tables cannot be lost
    for number in range(5):
        desk.write(f"{number}.txt", str(number))
    await desk.scan()
    (desk.root / "0.txt").rename(desk.root / "renamed.txt")
    desk.write("new.txt", "new")
    place, compare, tries = desk.ledger.place, ScanSession.compare, 0
    assert isinstance(place, LedgerUrl)

    async def broken(session: ScanSession, **kwargs: Any) -> Any:
        nonlocal tries
        tries += 1
        counts = None if tries == 1 else await compare(session, **kwargs)
        if tries <= 3:
            (pid,) = await raw(desk.ledger).read(
                lambda conn: conn.execute("SELECT pg_backend_pid()").fetchone()
            )
            with psycopg.connect(place.conninfo, autocommit=True) as conn:
                conn.execute("SELECT pg_terminate_backend(%s)", (pid,))
        return await compare(session, **kwargs) if counts is None else counts

    monkeypatch.setattr(ScanSession, "compare", broken)
    report = await desk.scan()
    assert tries == 4
    assert (report.renamed, report.new, report.unchanged) == (1, 1, 4)
    assert len([note for note in desk.observer.notes if "again" in note]) == 3
    assert (await desk.scan()).unchanged == 6


async def _indexed(opened: Opener) -> int:
    async with opened("recover") as app:
        return len([row for row in await app.ledger.files.page(limit=100) if row.documents])
