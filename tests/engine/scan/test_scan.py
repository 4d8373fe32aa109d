"""A scan records each file that it finds."""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pytest
import trio

from objlib.core.errors import RefusedError, UsageError
from objlib.core.ids import AttemptId, content_hash
from objlib.core.library.snapshot import UNTRUSTED
from objlib.core.lifecycle.table import State
from objlib.core.reports.upload import ScanReport
from objlib.engine.scan import scan as scan_module
from objlib.ledger import Move, ScanSession
from objlib.testing.databases import raw
from objlib.threads import thread_runner
from tests.support.scan import LONG_AGO, RUN, Desk, open_desk

T = TypeVar("T")


async def test_a_new_file_is_recorded_with_all_that_is_known_of_it(desk: Desk) -> None:
    target = desk.write("Ethics/Year 2021/virtue.md", "---\nauthor: Aristotle\n---\n# Virtue\n")
    report = await desk.scan(patterns=["{course}/Year {year}/{lecture}.md"])
    row = await desk.row("Ethics/Year 2021/virtue.md")
    status = target.stat()
    assert (report.scanned, report.new, report.hashed, report.bytes) == (1, 1, 1, status.st_size)
    assert (row.size, row.mtime_ns, row.inode) == (status.st_size, status.st_mtime_ns, status.st_ino)
    assert row.content_hash == content_hash(target.read_bytes())
    assert row.mime_type == "text/markdown"
    assert row.metadata == {"course": "Ethics", "year": 2021, "lecture": "virtue", "author": "Aristotle"}
    assert (row.state, row.version, row.path_bytes, row.missing_since) == (State.UNTRACKED, 0, None, None)


async def test_an_unchanged_file_is_not_read_again(desk: Desk) -> None:
    desk.write("a.txt", "one")
    await desk.scan()
    before = await desk.row("a.txt")
    report = await desk.scan()
    assert (report.scanned, report.unchanged, report.hashed, report.changed) == (1, 1, 0, 0)
    assert await desk.row("a.txt") == before


async def test_a_file_written_just_before_the_scan_is_read_once_more(desk: Desk) -> None:
    target = desk.root / "a.txt"
    target.write_text("one")
    await desk.scan()
    assert (await desk.row("a.txt")).mtime_ns == UNTRUSTED
    stamp = target.stat().st_mtime_ns
    # The same length, the same inode, the same tick of the clock: only the bytes tell.
    target.write_text("two")
    os.utime(target, ns=(stamp, stamp))
    report = await desk.scan()
    assert (report.hashed, report.changed) == (1, 1)
    assert (await desk.row("a.txt")).content_hash == content_hash(b"two")


async def test_a_time_stamp_is_trusted_once_no_later_change_can_have_it(desk: Desk) -> None:
    target = desk.root / "a.txt"
    target.write_text("one")
    stamp = target.stat().st_mtime_ns
    await desk.scan(clock=lambda: stamp + 1_000_000_000)
    report = await desk.scan(clock=lambda: stamp + 5_000_000_000)
    assert (report.hashed, report.unchanged) == (1, 1)
    assert (await desk.row("a.txt")).mtime_ns == stamp
    assert (await desk.scan(clock=lambda: stamp + 5_000_000_000)).hashed == 0


async def test_a_date_far_in_the_future_does_not_mean_reading_every_time(desk: Desk) -> None:
    target = desk.write("a.txt", "one")
    os.utime(target, (4_000_000_000, 4_000_000_000))
    await desk.scan()
    assert (await desk.scan()).hashed == 0


def rewrite_in_place(target: Path, text: str) -> None:
    """Write other bytes of the same length, and set the dates back, as some programs do."""
    before = target.stat()
    with target.open("r+") as file:
        file.write(text)
    os.utime(target, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert target.stat().st_size == before.st_size


async def test_a_change_that_keeps_size_date_and_inode_is_seen_by_ctime(desk: Desk) -> None:
    target = desk.write("a.txt", "EUR 100")
    desk.write("b.txt", "text")
    await desk.scan()
    await desk.index_all()
    rewrite_in_place(target, "EUR 999")
    report = await desk.scan()
    assert (report.changed, report.hashed) == (1, 1)
    assert (await desk.scan()).hashed == 0


async def test_a_checksum_scan_reads_everything(desk: Desk) -> None:
    target = desk.write("a.txt", "EUR 100")
    desk.write("b.txt", "text")
    await desk.scan()
    await desk.index_all()
    rewrite_in_place(target, "EUR 999")
    # As on a file system without ctime.
    await forget_ctimes(desk, target.stat().st_ctime_ns)
    assert (await desk.scan()).changed == 0
    report = await desk.scan(checksum=True)
    assert (report.changed, report.hashed) == (1, 2)


async def test_a_ledger_without_ctimes_gets_them_without_reading(desk: Desk) -> None:
    target = desk.write("a.txt", "EUR 100")
    await desk.scan()
    await desk.index_all()
    await forget_ctimes(desk, None)
    report = await desk.scan()
    assert (report.hashed, report.unchanged) == (0, 1)
    assert (await desk.row("a.txt")).ctime_ns == target.stat().st_ctime_ns
    rewrite_in_place(target, "EUR 999")
    assert (await desk.scan()).changed == 1


async def forget_ctimes(desk: Desk, value: int | None) -> None:
    """Set the ctime of every row."""
    await raw(desk.ledger).write(lambda conn: conn.execute("UPDATE files SET ctime_ns = ?", (value,)))


async def test_a_touched_file_keeps_everything_but_its_status(desk: Desk) -> None:
    target = desk.write("a.txt", "one")
    await desk.scan()
    await desk.index_all()
    before = await desk.row("a.txt")
    os.utime(target, (LONG_AGO, LONG_AGO + 500))
    report = await desk.scan()
    after = await desk.row("a.txt")
    assert (report.hashed, report.unchanged, report.changed) == (1, 1, 0)
    assert after.mtime_ns == (LONG_AGO + 500) * 10**9
    assert (after.version, after.state, after.document) == (before.version, State.INDEXED, before.document)
    assert (await desk.scan()).hashed == 0


@pytest.mark.parametrize("state", [State.INDEXED, State.FAILED])
async def test_a_changed_file_goes_back_to_the_queue(desk: Desk, state: State) -> None:
    desk.write("a.txt", "one")
    await desk.scan()
    before = await desk.bring("a.txt", state)
    desk.write("a.txt", "two")
    report = await desk.scan()
    after = await desk.row("a.txt")
    assert (report.changed, report.unchanged) == (1, 0)
    assert after.content_hash == content_hash(b"two")
    assert (after.state, after.version) == (State.UNTRACKED, before.version + 1)
    assert (after.document, after.indexed_hash) == (before.document, before.indexed_hash)
    assert (after.failure, after.attempts) == (None, 0)


@pytest.mark.parametrize("state", [State.UNTRACKED, State.UPLOADING, State.PROCESSING])
async def test_a_change_under_way_is_recorded_and_leaves_the_state_alone(desk: Desk, state: State) -> None:
    desk.write("a.txt", "one")
    await desk.scan()
    before = await desk.bring("a.txt", state)
    desk.write("a.txt", "two")
    assert (await desk.scan()).changed == 1
    after = await desk.row("a.txt")
    assert (after.state, after.version) == (state, before.version)
    assert after.content_hash == content_hash(b"two")


async def test_a_change_that_came_while_the_file_was_under_way_is_sent_afterwards(desk: Desk) -> None:
    desk.write("a.txt", "one")
    await desk.scan()
    row = await desk.bring("a.txt", State.UPLOADING)
    desk.write("a.txt", "two")
    await desk.scan()
    attempt = await desk.ledger.attempts.last(row.file_id)
    assert attempt is not None
    await _finish(desk, "a.txt", attempt.attempt_id)
    report = await desk.scan()
    after = await desk.row("a.txt")
    assert (report.changed, after.state) == (1, State.UNTRACKED)
    assert after.indexed_hash == content_hash(b"one")
    assert after.content_hash == content_hash(b"two")


async def test_a_change_that_was_taken_back_in_time_sends_nothing(desk: Desk) -> None:
    desk.write("a.txt", "one")
    await desk.scan()
    row = await desk.bring("a.txt", State.UPLOADING)
    desk.write("a.txt", "two")
    await desk.scan()
    attempt = await desk.ledger.attempts.last(row.file_id)
    assert attempt is not None
    await _finish(desk, "a.txt", attempt.attempt_id)
    desk.write("a.txt", "one")
    await desk.scan()
    assert (await desk.row("a.txt")).state is State.INDEXED


async def _finish(desk: Desk, path: str, attempt: AttemptId) -> None:
    """Take an uploading row to indexed, with the bytes of its attempt."""
    row = await desk.ledger.apply(
        Move(await desk.row(path), RUN, attempt).complete_upload(operation="op", document="doc")
    )
    await desk.ledger.apply(Move(row, RUN, attempt).complete_processing("doc"))


async def test_a_missing_file_is_marked_once(desk: Desk) -> None:
    desk.write("a.txt", "one")
    desk.write("b.txt", "two")
    await desk.scan()
    await desk.index_all()
    (desk.root / "a.txt").unlink()
    report = await desk.scan()
    since = (await desk.row("a.txt")).missing_since
    assert (report.missing, report.scanned, report.unchanged) == (1, 1, 1)
    assert since == desk.clock.time
    assert (await desk.scan()).missing == 0
    after = await desk.row("a.txt")
    assert (after.missing_since, after.state) == (since, State.INDEXED)


@pytest.mark.parametrize("rewritten", [False, True])
async def test_a_file_that_comes_back_is_its_old_self(desk: Desk, rewritten: bool) -> None:
    target = desk.write("a.txt", "one")
    desk.write("b.txt", "two")
    await desk.scan()
    await desk.index_all()
    before = await desk.row("a.txt")
    assert before.ctime_ns == target.stat().st_ctime_ns
    kept = target.rename(desk.root.parent / "kept")
    await desk.scan()
    if rewritten:
        desk.write("a.txt", "one")
    else:
        kept.rename(target)
    report = await desk.scan()
    after = await desk.row("a.txt")
    assert (report.returned, report.new, report.hashed) == (1, 0, 1), "a rename leaves its mark in ctime"
    assert (after.file_id, after.missing_since, after.state) == (before.file_id, None, State.INDEXED)
    assert after.version == before.version


async def test_a_file_that_comes_back_changed_is_sent_again(desk: Desk) -> None:
    target = desk.write("a.txt", "one")
    desk.write("b.txt", "two")
    await desk.scan()
    await desk.index_all()
    before = await desk.row("a.txt")
    target.unlink()
    await desk.scan()
    desk.write("a.txt", "three")
    report = await desk.scan()
    after = await desk.row("a.txt")
    assert (report.changed, report.returned, report.new) == (1, 0, 0)
    assert (after.file_id, after.missing_since, after.state) == (before.file_id, None, State.UNTRACKED)


@pytest.mark.of_a_file
async def test_a_dry_run_lists_and_writes_nothing(desk: Desk) -> None:
    for name in ("a", "b", "c", "d"):
        desk.write(f"{name}.txt", name)
    await desk.scan()
    await desk.index_all()
    (desk.root / "a.txt").unlink()
    desk.write("b.txt", "changed")
    (desk.root / "c.txt").rename(desk.root / "moved.txt")
    desk.write("new.txt", "new")
    before = await raw(desk.ledger).read(lambda conn: list(conn.iterdump()))
    report = await desk.scan(dry_run=True)
    assert await raw(desk.ledger).read(lambda conn: list(conn.iterdump())) == before
    assert report.changes == (
        ("missing", "a.txt"),
        ("changed", "b.txt"),
        ("renamed", "c.txt -> moved.txt"),
        ("new", "new.txt"),
    )
    real = await desk.scan()
    counts = ("scanned", "new", "changed", "renamed", "missing", "returned", "unchanged")
    assert [getattr(real, name) for name in counts] == [getattr(report, name) for name in counts]
    assert real.changes == ()


async def test_a_dry_run_lists_a_thousand_changes_at_most(desk: Desk) -> None:
    for number in range(1003):
        desk.write(f"{number // 100}/{number}.txt", str(number))
    report = await desk.scan(dry_run=True)
    assert (report.new, len(report.changes)) == (1003, 1000)


async def test_every_file_advances_the_observer(desk: Desk) -> None:
    for number in range(5):
        desk.write(f"{number}.txt", str(number))
    await desk.scan()
    desk.write("0.txt", "changed")
    desk.observer.files = desk.observer.size = 0
    desk.observer.phases.clear()
    report = await desk.scan()
    assert (desk.observer.files, desk.observer.size) == (report.scanned, report.bytes)
    assert desk.observer.phases == ["begin scan", "end scan"]


@pytest.mark.of_a_file
async def test_nothing_of_a_scan_is_left_in_the_connection(desk: Desk) -> None:
    desk.write("a.txt", "one")
    await desk.scan()
    with pytest.raises(UsageError):
        await desk.scan(patterns=["{"])
    names = await raw(desk.ledger).read(
        lambda conn: conn.execute("SELECT name FROM sqlite_temp_master").fetchall()
    )
    assert names == []


async def test_two_scans_may_share_a_ledger(desk: Desk) -> None:
    for number in range(50):
        desk.write(f"{number}.txt", str(number))
    reports: list[ScanReport] = []

    async def one() -> None:
        reports.append(await desk.scan())

    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(one)
    assert len(await desk.rows()) == 50
    assert all(report.scanned == 50 for report in reports)
    assert (await desk.scan()).unchanged == 50


async def test_real_threads_find_the_same(tmp_path: Path) -> None:
    async with open_desk(tmp_path, thread_runner(1)) as desk:
        desk.runner = thread_runner(3)
        for number in range(300):
            desk.write(f"{number % 7}/{number}.txt", str(number))
        assert (await desk.scan()).new == 300
        assert (await desk.scan()).unchanged == 300


async def test_what_another_run_did_meanwhile_is_left_alone(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b", "c"):
        desk.write(f"{name}.txt", name)
    await desk.scan()
    await desk.index_all()
    for name in ("a", "b"):
        desk.write(f"{name}.txt", f"{name} changed")
    (desk.root / "c.txt").rename(desk.root / "d.txt")
    desk.write("new.txt", "new")
    compare = ScanSession.compare

    async def overtaken(session: ScanSession, *, outrun: bool = False) -> Any:
        counts = await compare(session, outrun=outrun)
        monkeypatch.setattr(ScanSession, "compare", compare)
        await desk.scan()
        return counts

    monkeypatch.setattr(ScanSession, "compare", overtaken)
    await desk.scan()
    assert desk.observer.events[-1][1]["left_alone"] == 4
    rows = await desk.rows()
    assert sorted(rows) == ["a.txt", "b.txt", "d.txt", "new.txt"]
    assert await desk.events("a.txt") == ["start_upload", "complete_upload", "complete_processing", "reset"]
    report = await desk.scan()
    assert (report.unchanged, report.missing) == (4, 0)


def _ends_walk(work: Any, result: object) -> bool:
    return isinstance(work, partial) and work.func.__name__ == "take" and result == []


async def test_who_looked_before_another_run_recorded_looks_again(desk: Desk) -> None:
    """Found by torture, seed 4312: a run that was frozen after its walk took a renamed file for one that is gone."""
    desk.write("a.txt", "one")
    desk.write("b.txt", "two")
    await desk.scan()
    await desk.index_all()
    runner = desk.runner

    async def frozen(work: Callable[[], T], /) -> T:
        seen = await runner(work)
        if _ends_walk(work, seen) and desk.runner is frozen:
            desk.runner = runner
            (desk.root / "a.txt").rename(desk.root / "renamed.txt")
            assert (await desk.scan()).renamed == 1
        return seen

    desk.runner = frozen
    report = await desk.scan()
    assert (report.unchanged, report.missing, report.renamed, report.new) == (2, 0, 0, 0)
    assert sorted(await desk.rows()) == ["b.txt", "renamed.txt"]
    assert desk.observer.phases.count("begin scan") == desk.observer.phases.count("end scan") == 4


async def test_who_looked_before_an_upload_found_a_file_gone_looks_again(desk: Desk) -> None:
    target = desk.write("a.txt", "one")
    desk.write("b.txt", "two")
    await desk.scan()
    row = await desk.row("a.txt")
    runner = desk.runner

    async def frozen(work: Callable[[], T], /) -> T:
        seen = await runner(work)
        if _ends_walk(work, seen) and desk.runner is frozen:
            desk.runner = runner
            target.unlink()
            assert await desk.ledger.scans.record_content(row, None) is not None
        return seen

    desk.runner = frozen
    report = await desk.scan()
    assert (report.scanned, report.unchanged, report.returned) == (1, 1, 0)
    assert desk.observer.phases.count("begin scan") == 3


async def test_who_is_outrun_between_two_pages_of_new_files_looks_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scan_module, "READ_PAGE", 1)
    for name in ("a", "b", "c"):
        desk.write(f"{name}.txt", name)
    record = ScanSession.record_new

    async def overtaken(session: ScanSession, *args: Any, **kwargs: Any) -> Any:
        stale = await record(session, *args, **kwargs)
        monkeypatch.setattr(ScanSession, "record_new", record)
        (desk.root / "b.txt").rename(desk.root / "renamed.txt")
        assert (await desk.scan()).new == 2
        return stale

    monkeypatch.setattr(ScanSession, "record_new", overtaken)
    report = await desk.scan()
    assert (report.new, report.unchanged, report.missing) == (1, 2, 0)
    assert sorted(await desk.rows()) == ["a.txt", "c.txt", "renamed.txt"]
    assert (await desk.scan()).unchanged == 3


@pytest.mark.parametrize("gone", [False, True])
async def test_new_files_are_recorded_at_once_only_while_no_file_has_left_its_path(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, gone: bool
) -> None:
    desk.write("a.txt", "one")
    desk.write("b.txt", "two")
    await desk.scan()
    before = await desk.row("a.txt")
    desk.write("new.txt", "new")
    if gone:
        (desk.root / "a.txt").rename(desk.root / "c.txt")
    calls: list[int] = []
    record = ScanSession.record_new

    async def counted(session: ScanSession, results: Any, **kwargs: Any) -> Any:
        calls.append(len(results))
        return await record(session, results, **kwargs)

    monkeypatch.setattr(ScanSession, "record_new", counted)
    report = await desk.scan()
    assert (report.new, report.renamed, report.unchanged) == (1, int(gone), 2 - gone)
    assert calls == ([] if gone else [1])
    assert (await desk.row("c.txt" if gone else "a.txt")).file_id == before.file_id


async def test_who_is_outrun_again_and_again_records_what_he_has(desk: Desk) -> None:
    runner, looks = desk.runner, 0

    async def overtaken(work: Callable[[], T], /) -> T:
        nonlocal looks
        seen = await runner(work)
        if _ends_walk(work, seen) and desk.runner is overtaken:
            looks += 1
            desk.runner = runner
            desk.write(f"{looks}.txt", str(looks))
            assert (await desk.scan()).new == 1
            desk.runner = overtaken
        return seen

    desk.runner = overtaken
    report = await desk.scan()
    assert looks == 4
    assert (report.unchanged, report.missing) == (3, 1)
    desk.runner = runner
    assert (await desk.scan()).returned == 1


async def test_a_library_that_is_not_there_is_a_usage_error(desk: Desk) -> None:
    desk.root.rmdir()
    with pytest.raises(UsageError, match=r"library .*/library does not exist; .*mount"):
        await desk.scan()


async def test_a_library_that_is_a_file_is_a_usage_error(desk: Desk) -> None:
    desk.root.rmdir()
    desk.root.write_text("no folder")
    with pytest.raises(UsageError, match="is not a folder"):
        await desk.scan()


@pytest.mark.parametrize("dry_run", [False, True])
async def test_a_library_that_is_empty_all_at_once_is_refused(desk: Desk, dry_run: bool) -> None:
    desk.write("a.txt", "one")
    await desk.scan()
    await desk.index_all()
    (desk.root / "a.txt").unlink()
    with pytest.raises(RefusedError, match=r"library .*/library holds no files, and 1 .*mount its disk"):
        await desk.scan(dry_run=dry_run)
    assert (await desk.row("a.txt")).missing_since is None
    desk.write("README", "cleared on purpose")
    assert (await desk.scan()).missing == 1
    (desk.root / "README").unlink()
    assert (await desk.scan()).missing == 1


async def test_an_empty_library_is_nothing_special_before_anything_was_indexed(desk: Desk) -> None:
    assert await desk.scan() == ScanReport()
    desk.write("a.txt", "one")
    await desk.scan()
    (desk.root / "a.txt").unlink()
    assert (await desk.scan()).missing == 1


async def test_other_patterns_describe_unchanged_files_anew_once(desk: Desk) -> None:
    desk.write("Ethics/virtue.md", "# Virtue\n")
    desk.write("plain.txt", "plain")
    await desk.scan()
    patterns = ["{course}/{lecture}.md"]
    report = await desk.scan(patterns=patterns, dry_run=True)
    assert (report.hashed, report.described, report.changes) == (2, 1, (("described", "Ethics/virtue.md"),))
    assert (await desk.row("Ethics/virtue.md")).metadata == {}
    report = await desk.scan(patterns=patterns)
    assert (report.hashed, report.described, report.changed, report.unchanged) == (2, 1, 0, 2)
    assert (await desk.row("Ethics/virtue.md")).metadata == {"course": "Ethics", "lecture": "virtue"}
    report = await desk.scan(patterns=patterns)
    assert (report.hashed, report.described) == (0, 0)


async def test_machines_with_other_patterns_do_not_read_all_files_in_turns(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.write("Ethics/virtue.md", "# Virtue\n")
    old, new, none = ["{course}/{lecture}.md"], ["{topic}/{title}.md"], list[str]()
    machine = "first"
    monkeypatch.setattr("platform.node", lambda: machine)
    await desk.scan(patterns=old)
    machine = "without a configuration"
    report = await desk.scan(patterns=none)
    assert (report.hashed, report.patterns_of) == (0, "first")
    machine = "second"
    assert (await desk.scan(patterns=new)).hashed == 1, "patterns that are new count at once"
    since = desk.clock.time
    for machine in ("first", "second", "first", "without a configuration"):
        report = await desk.scan(patterns={"first": old, "second": new}.get(machine, none))
        foreign = ("", 0.0) if machine == "second" else ("second", since)
        assert (report.hashed, report.patterns_of, report.patterns_since) == (0, *foreign)
    assert (await desk.row("Ethics/virtue.md")).metadata == {"topic": "Ethics", "title": "virtue"}
    machine = "without a configuration, and new"
    assert (await desk.scan(patterns=none)).patterns_of == "second"
    machine = "first"
    report = await scan_module.scan(desk.app(patterns=tuple(old)), own_patterns=True)
    assert (report.hashed, report.patterns_of) == (1, "")
    assert (await desk.scan(patterns=old)).hashed == 0
    assert (await desk.scan(patterns=none)).hashed == 1, "who set them may take them back"


async def test_a_file_that_comes_back_is_described_by_the_patterns_of_now(
    desk: Desk,
) -> None:
    away = desk.write("Ethics/virtue.md", "# Virtue\n")
    desk.write("plain.txt", "plain")
    await desk.scan()
    aside = away.rename(desk.root.parent / "aside.md")
    await desk.scan(patterns=["{course}/{lecture}.md"])
    aside.rename(away)
    report = await desk.scan(patterns=["{course}/{lecture}.md"])
    assert report.returned == 1
    assert (await desk.row("Ethics/virtue.md")).metadata == {"course": "Ethics", "lecture": "virtue"}
