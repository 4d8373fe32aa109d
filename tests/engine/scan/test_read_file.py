"""Files that no store could take: each gets a row, a reason, and a second chance when it is edited."""

import os
import socket
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from objlib.core.errors import UsageError
from objlib.core.failures import FailureKind
from objlib.core.lifecycle.table import State
from objlib.engine.scan.read_file import MAX_DOCUMENT, open_regular
from objlib.ledger import Move
from tests.support.scan import RUN, Desk, as_nobody, open_desk

UNFIT = {
    FailureKind.EMPTY: b"",
    FailureKind.UNSUPPORTED: b"\x7fELF\0\0\0",
}


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that everybody may enter, unlike pytest's own."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name)
        path.chmod(0o755)
        yield path


@pytest.fixture
async def desk(folder: Path) -> AsyncIterator[Desk]:
    async with open_desk(folder) as opened:
        yield opened


def make(desk: Desk, kind: FailureKind, name: str = "a.txt") -> None:
    """Write a file that is unfit in this way."""
    if kind is FailureKind.TOO_LARGE:
        target = desk.write(name, "")
        os.truncate(target, MAX_DOCUMENT + 1)
        desk.age(target)
    else:
        desk.write(name, UNFIT[kind])


@pytest.mark.parametrize("kind", [FailureKind.EMPTY, FailureKind.UNSUPPORTED, FailureKind.TOO_LARGE])
async def test_an_unfit_file_fails_by_the_edges_of_the_table(desk: Desk, kind: FailureKind) -> None:
    make(desk, kind)
    report = await desk.scan()
    row = await desk.row("a.txt")
    assert (report.new, row.state, row.version, row.attempts) == (1, State.FAILED, 2, 1)
    assert row.failure is not None
    assert (row.failure.kind, row.failure.retryable) == (kind, False)
    assert row.last_error == row.failure.message
    assert "\n" not in row.failure.message
    events, attempts = await desk.ledger.files.history(row.file_id)
    assert [event.event for event in events] == ["start_upload", "fail_upload"]
    assert [(attempt.outcome, attempt.session_url) for attempt in attempts] == [("failed", None)]


@pytest.mark.parametrize("kind", [FailureKind.EMPTY, FailureKind.UNSUPPORTED, FailureKind.TOO_LARGE])
async def test_an_unfit_file_is_left_alone_until_it_is_edited(desk: Desk, kind: FailureKind) -> None:
    make(desk, kind)
    await desk.scan()
    before = await desk.row("a.txt")
    report = await desk.scan()
    assert (report.unchanged, report.changed, report.hashed) == (1, 0, 0)
    assert await desk.row("a.txt") == before
    desk.age(desk.root / "a.txt")
    assert (await desk.scan()).changed == 0
    assert await desk.events("a.txt") == ["start_upload", "fail_upload"]
    desk.write("a.txt", "text at last")
    assert (await desk.scan()).changed == 1
    row = await desk.row("a.txt")
    assert (row.state, row.failure, row.attempts) == (State.UNTRACKED, None, 0)
    assert await desk.events("a.txt") == ["start_upload", "fail_upload", "retry"]


async def test_a_file_of_exactly_the_largest_size_is_read(desk: Desk) -> None:
    target = desk.write("a.pdf", "")
    os.truncate(target, MAX_DOCUMENT)
    desk.age(target)
    await desk.scan()
    row = await desk.row("a.pdf")
    assert (row.state, row.size) == (State.UNTRACKED, MAX_DOCUMENT)


async def test_an_indexed_file_that_becomes_unfit_keeps_its_document(desk: Desk) -> None:
    desk.write("a.txt", "fine")
    await desk.scan()
    before = await desk.bring("a.txt", State.INDEXED)
    make(desk, FailureKind.EMPTY)
    await desk.scan()
    after = await desk.row("a.txt")
    assert (after.state, after.document) == (State.FAILED, before.document)
    assert (await desk.events("a.txt"))[-3:] == ["reset", "start_upload", "fail_upload"]


async def test_an_unfit_file_that_becomes_unfit_otherwise_says_so(desk: Desk) -> None:
    make(desk, FailureKind.EMPTY)
    await desk.scan()
    make(desk, FailureKind.TOO_LARGE)
    await desk.scan()
    row = await desk.row("a.txt")
    assert row.failure is not None
    assert (row.state, row.failure.kind) == (State.FAILED, FailureKind.TOO_LARGE)
    assert "100 MiB" in row.failure.message


@pytest.mark.parametrize("kind", [FailureKind.EMPTY, FailureKind.UNSUPPORTED, FailureKind.TOO_LARGE])
@pytest.mark.parametrize("state", [State.UPLOADING, State.PROCESSING])
async def test_a_file_that_becomes_unfit_under_way_fails_once_it_is_back(
    desk: Desk, state: State, kind: FailureKind
) -> None:
    desk.write("a.txt", "fine")
    await desk.scan()
    row = await desk.bring("a.txt", state)
    make(desk, kind)
    await desk.scan()
    assert (await desk.row("a.txt")).state is state
    row = await desk.row("a.txt")
    attempt = await desk.ledger.attempts.last(row.file_id)
    assert attempt is not None
    await desk.ledger.apply(Move(row, RUN, attempt.attempt_id).requeue("lost", retry_at=None))
    report = await desk.scan()
    row = await desk.row("a.txt")
    assert row.failure is not None
    assert (report.changed, row.state, row.failure.kind) == (1, State.FAILED, kind)


async def test_a_file_that_may_not_be_read_says_so(desk: Desk) -> None:
    target = desk.write("secret/a.txt", "mine")
    target.chmod(0)
    with as_nobody():
        report = await desk.scan()
    row = await desk.row("secret/a.txt")
    assert (report.new, row.state) == (1, State.FAILED)
    assert row.failure is not None
    assert (row.failure.kind, row.failure.retryable) == (FailureKind.UNREADABLE, True)
    assert "secret/a.txt" in row.failure.message
    assert "permission denied" in row.failure.message


async def test_a_file_that_may_not_be_read_is_tried_each_time_and_noted_once(desk: Desk) -> None:
    target = desk.write("a.txt", "mine")
    target.chmod(0)
    with as_nobody():
        await desk.scan()
        before = await desk.row("a.txt")
        report = await desk.scan()
    assert (report.unchanged, report.changed) == (1, 0)
    assert await desk.row("a.txt") == before
    # The right to read leaves no trace in size, date or inode.
    target.chmod(0o644)
    with as_nobody():
        report = await desk.scan()
    row = await desk.row("a.txt")
    assert (report.changed, row.state, row.failure) == (1, State.UNTRACKED, None)


async def test_an_indexed_file_whose_rights_alone_were_taken_stays_indexed(desk: Desk) -> None:
    target = desk.write("a.txt", "mine")
    await desk.scan()
    await desk.index_all()
    target.chmod(0)
    with as_nobody():
        assert (await desk.scan()).unchanged == 1
    assert (await desk.row("a.txt")).state is State.INDEXED


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs a file that cannot be read by anybody")
async def test_a_file_on_a_broken_disk_says_so(desk: Desk) -> None:
    (desk.root / "a.txt").symlink_to("/proc/self/mem")
    await desk.scan(follow_links=True)
    row = await desk.row("a.txt")
    assert row.failure is not None
    assert row.failure.kind is FailureKind.UNREADABLE
    assert "input/output error" in row.failure.message


async def test_a_folder_that_may_not_be_read_is_skipped_and_nothing_in_it_is_missing(desk: Desk) -> None:
    desk.write("open/a.txt", "one")
    desk.write("closed/b.txt", "two")
    desk.write("closed/deep/c.txt", "three")
    await desk.scan()
    for mode in (0o000, 0o644):
        (desk.root / "closed").chmod(mode)
        with as_nobody():
            report = await desk.scan()
        assert (report.missing, report.unchanged) == (0, 1)
        (skipped,) = report.unreadable
        assert skipped[0] == "closed"
        assert "permission denied" in skipped[1]
    (desk.root / "closed").chmod(0o755)
    assert (await desk.scan()).unchanged == 3


async def test_what_moved_out_of_sight_is_not_taken_for_a_rename(desk: Desk) -> None:
    desk.write("closed/b.txt", "two")
    await desk.scan()
    before = await desk.row("closed/b.txt")
    desk.write("copy.txt", "two")
    (desk.root / "closed").chmod(0)
    with as_nobody():
        report = await desk.scan()
    (desk.root / "closed").chmod(0o755)
    assert (report.new, report.renamed) == (1, 0)
    assert await desk.row("closed/b.txt") == before


async def test_an_ignore_file_that_may_not_be_read_keeps_its_folder_out(desk: Desk) -> None:
    desk.write("private/.objlibignore", "*").chmod(0)
    desk.write("private/diary.txt", "dear diary")
    desk.write("a.txt", "one")
    with as_nobody():
        report = await desk.scan()
    assert sorted(await desk.rows()) == ["a.txt"]
    assert [path for path, _ in report.unreadable] == ["private"]
    assert ".objlibignore" in report.unreadable[0][1]


@pytest.mark.parametrize("mode", [0o000, 0o644])
async def test_a_library_that_may_not_be_read_is_a_usage_error(desk: Desk, mode: int) -> None:
    desk.write("a.txt", "mine")
    await desk.scan()
    desk.root.chmod(mode)
    with as_nobody(), pytest.raises(UsageError, match=r"library .* cannot be read: permission denied"):
        await desk.scan()
    desk.root.chmod(0o755)
    assert (await desk.scan()).unchanged == 1


@pytest.mark.parametrize("kind", ["pipe", "socket", "folder", "device"])
def test_only_a_regular_file_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    path = tmp_path / "it"
    with socket.socket(socket.AF_UNIX) as server:
        match kind:
            case "pipe":
                os.mkfifo(path)
            case "socket":
                server.bind(str(path))
            case "folder":
                path.mkdir()
            case _:
                path = Path("/dev/null")
        opened: list[object] = []
        monkeypatch.setattr(os, "open", lambda *args, **_: opened.append(args))
        with pytest.raises(FileNotFoundError):
            open_regular(str(path))
    assert opened == []
