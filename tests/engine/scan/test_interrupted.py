"""A scan that ends early, whenever: what it recorded is true, and the next one finds the rest."""

import errno
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import trio

from objlib.core.errors import UsageError
from objlib.core.failures import FailureKind
from objlib.core.ids import content_hash
from objlib.core.library.snapshot import NO_TYPE, UNREAD
from objlib.core.lifecycle.table import State
from objlib.engine.scan import read_file
from objlib.engine.scan import scan as scan_module
from objlib.engine.scan.scan import record_change, scan
from objlib.ledger import FileRow
from objlib.testing.databases import raw
from objlib.threads import inline_runner
from tests.support.scan import CancelAt, Desk, open_desk


async def arranged(desk: Desk) -> None:
    """A library in which everything that can happen has happened since the last scan."""
    for name in ("a", "b", "c", "d", "e", "f", "g"):
        desk.write(f"{name}.txt", f"content of {name}")
    await desk.scan()
    await desk.index_all()
    aside = (desk.root / "a.txt").rename(desk.root.parent / "aside")
    (desk.root / "b.txt").rename(desk.root / "a.txt")
    aside.rename(desk.root / "b.txt")
    (desk.root / "c.txt").rename(desk.root / "moved.txt")
    (desk.root / "d.txt").unlink()
    desk.write("e.txt", "changed")
    desk.write("f.txt", b"\0")
    desk.write("new.txt", "new")


def facts(rows: list[FileRow]) -> list[tuple[Any, ...]]:
    """Compare rows by these columns, in order; the ids of new ones are random."""
    return sorted(
        (row.file_path, row.content_hash, str(row.state), row.version, row.missing_since is None)
        for row in rows
    )


@pytest.mark.parametrize(("where", "after"), [("disk", False), ("disk", True), ("ledger", False)])
async def test_a_scan_cancelled_anywhere_leaves_a_part_that_is_true(
    tmp_path: Path, where: str, after: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scan_module, "APPLY_PAGE", 1)
    monkeypatch.setattr(scan_module, "WALK_BATCH", 2)
    template = tmp_path / "template"
    template.mkdir()
    async with open_desk(template) as desk:
        await arranged(desk)
        identity = {row.content_hash: row.file_id for row in await desk.ledger.files.page()}
    whole = shutil.copytree(template, tmp_path / "whole", copy_function=_copy)
    async with open_desk(whole) as desk:
        await desk.scan()
        expected = facts(await desk.ledger.files.page())
    for number in range(1, 120):  # a few more than the operations of a scan
        folder = shutil.copytree(template, tmp_path / f"{number}", copy_function=_copy)
        cancelling = CancelAt(number, after=after)
        async with open_desk(folder) as desk:
            if where == "disk":
                desk.runner = cancelling
            else:
                database = raw(desk.ledger)
                monkeypatch.setattr(database, "submit", _slow(database.submit, cancelling))
            with cancelling.scope:
                await desk.scan()
            desk.runner = inline_runner
            assert await _temporary(desk) == 0
            for row in await desk.ledger.files.page():
                assert row.state in {State.INDEXED, State.UNTRACKED, State.FAILED}
                assert not row.file_path.startswith("/")
            await desk.scan()
            rows = await desk.ledger.files.page()
            assert facts(rows) == expected
            assert all(row.file_id == identity.get(row.content_hash, row.file_id) for row in rows)
            assert (await desk.scan()).unchanged == 7
        shutil.rmtree(folder)
        if cancelling.left > 0:
            break
    else:
        pytest.fail("the scan never came to its end")


def _copy(source: str, target: str) -> None:
    """Copy a file as it is; the inode cannot be kept, so the scan reads everything."""
    shutil.copy2(source, target)


async def _temporary(desk: Desk) -> int:
    (count,) = await raw(desk.ledger).read(
        lambda conn: conn.execute("SELECT count(*) FROM sqlite_temp_master").fetchone()
    )
    return int(count)


def _slow(submit: Callable[..., Awaitable[Any]], runner: CancelAt) -> Callable[..., Awaitable[Any]]:
    """``submit`` of a ledger, with a runner's cancellation before each operation."""

    async def slow(*args: Any, **kwargs: Any) -> Any:
        await runner(lambda: None)
        return await submit(*args, **kwargs)

    return slow


async def test_a_cancelled_scan_ends_its_phase(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:
        desk.write("a.txt", "one")
        with trio.CancelScope() as scope:
            scope.cancel()
            await desk.scan()
        assert desk.observer.phases in ([], ["begin scan", "end scan"])


async def test_scan_takes_its_settings_from_the_application(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:
        for name in ("Ethics/a.txt", "skip.log", "ledger.db", "ledger.db-wal", "store.db", "objlib.toml"):
            desk.write(name, "text")
        outside = tmp_path / "outside"
        outside.mkdir()
        (outside / "o.txt").write_text("text")
        (desk.root / "link").symlink_to(outside)
        app = desk.app(
            patterns=("{course}/{name}.txt",),
            ignore=("*.log",),
            follow_links=True,
            config=desk.root / "objlib.toml",
        )
        assert (await scan(app, dry_run=True)).new == 2
        assert await desk.rows() == {}
        await scan(app)
        assert sorted(await desk.rows()) == ["Ethics/a.txt", "link/o.txt"]
        assert (await desk.row("Ethics/a.txt")).metadata == {"course": "Ethics", "name": "a"}


async def test_a_change_found_by_the_upload_is_recorded_without_moving_the_state(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:
        desk.write("a.txt", "one")
        await desk.scan()
        row = await desk.bring("a.txt", State.UPLOADING)
        desk.write("a.txt", "two")
        app = desk.app()
        assert await record_change(app, row) is None
        after = await desk.row("a.txt")
        assert (after.content_hash, after.state, after.version) == (
            content_hash(b"two"), State.UPLOADING, row.version,
        )  # fmt: skip
        assert (await desk.scan()).unchanged == 1


async def test_a_change_that_makes_a_file_unfit_is_told(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:
        desk.write("a.txt", "one")
        await desk.scan()
        row = await desk.bring("a.txt", State.UPLOADING)
        desk.write("a.txt", b"\0")
        app = desk.app()
        failure = await record_change(app, row)
        assert failure is not None
        assert failure.kind is FailureKind.UNSUPPORTED
        assert (await desk.row("a.txt")).mime_type == NO_TYPE


async def test_a_file_that_went_away_under_the_upload_is_missing(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:
        target = desk.write("a.txt", "one")
        await desk.scan()
        row = await desk.bring("a.txt", State.UPLOADING)
        target.unlink()
        app = desk.app()
        assert await record_change(app, row) is None
        after = await desk.row("a.txt")
        assert after.missing_since == desk.clock.time
        assert after.content_hash != UNREAD


async def test_a_change_that_a_scan_has_recorded_first_is_left_alone(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:
        desk.write("a.txt", "one")
        await desk.scan()
        row = await desk.bring("a.txt", State.UPLOADING)
        desk.write("a.txt", "two")
        await desk.scan()
        before = await desk.row("a.txt")
        app = desk.app()
        await record_change(app, row)
        assert await desk.row("a.txt") == before


async def test_running_out_of_open_files_is_no_fault_of_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_desk(tmp_path) as desk:
        desk.write("a.txt", "one")

        def refuse(path: str) -> Any:
            raise OSError(errno.EMFILE, "Too many open files", path)

        monkeypatch.setattr(read_file, "open_descriptor", refuse)
        with pytest.RaisesGroup(pytest.RaisesExc(OSError, match="Too many open files")):
            await desk.scan()
        assert await desk.rows() == {}


async def test_what_cannot_be_understood_is_told_before_anything_is_looked_at(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:
        desk.root.rmdir()
        with pytest.raises(UsageError, match="metadata pattern"):
            await desk.scan(patterns=["{a}{b}"])
