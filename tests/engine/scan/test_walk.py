"""The walk of a library: names of any kind, links, special files, and what it leaves out."""

import errno
import hashlib
import os
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import trio

from objlib.core.errors import UsageError
from objlib.core.library.front_matter import HEAD
from objlib.core.library.ignore import IgnoreRules
from objlib.core.library.paths import disk_path
from objlib.core.library.snapshot import UNTRUSTED
from objlib.core.lifecycle.table import State
from objlib.engine.scan import read_file
from objlib.engine.scan.scope import Scope
from objlib.engine.scan.walk import Walk
from objlib.ledger import ToRead
from tests.support.scan import Desk, open_desk

NFC, NFD = "caf\u00e9.txt", "cafe\u0301.txt"


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_desk(tmp_path) as opened:
        yield opened


def write_bytes(desk: Desk, name: bytes, content: bytes = b"text") -> Path:
    """Write a file whose name is these bytes; skip where the file system takes only some."""
    path = Path(os.fsdecode(os.fsencode(desk.root) + b"/" + name))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        assert path in path.parent.iterdir()
    except (OSError, UnicodeEncodeError, AssertionError):
        pytest.skip("this file system does not keep such a name as it is")
    desk.age(path)
    return path


async def paths(desk: Desk, **settings: Any) -> list[str]:
    """List the files that a scan finds."""
    await desk.scan(**settings)
    return sorted(await desk.rows())


async def test_hidden_files_and_junk_are_no_documents(desk: Desk) -> None:
    junk = [
        ".hidden", ".git/config", ".DS_Store", "Thumbs.db", "THUMBS.DB", "desktop.ini", "__pycache__/m.txt",
        "~$report.docx", "a.tmp", "b.part", "c.crdownload", "d.txt~", ".e.txt.swp", "f.swp", "#g.txt#", ".#h.txt",
        "__MACOSX/x.txt", "folder/.objlibignore",
    ]  # fmt: skip
    for name in [*junk, "document.txt", "folder/other.txt"]:
        desk.write(name, "" if name.endswith(".objlibignore") else "text")
    assert await paths(desk) == ["document.txt", "folder/other.txt"]
    assert desk.observer.events[-1][1]["ignored"] == len(junk) - 1, "the rules file is not one of the entries"


async def test_ignore_files_hold_for_their_folder_and_below(desk: Desk) -> None:
    desk.write(".objlibignore", "drafts/\n*.log\n!.notes/\n")
    desk.write("a/.objlibignore", "!keep.log\n/only-here.txt\n")
    names = ["drafts/x.txt", "a/drafts/y.txt", "z.log", "a/keep.log", "a/only-here.txt", "a/b/only-here.txt"]
    for name in [*names, "keep.log", ".notes/n.txt", "a/b/keep.log", "drafts.txt"]:
        desk.write(name, "text")
    expected = [".notes/n.txt", "a/b/keep.log", "a/b/only-here.txt", "a/keep.log", "drafts.txt"]
    assert await paths(desk) == expected


async def test_a_file_that_becomes_ignored_is_missing_and_comes_back_with_its_document(desk: Desk) -> None:
    for name in ("a.txt", "b.txt"):
        desk.write(name, name)
    await desk.scan()
    await desk.index_all()
    report = await desk.scan(ignore=["a.txt"])
    assert (report.missing, report.scanned) == (1, 1)
    report = await desk.scan()
    assert (report.returned, report.hashed) == (1, 0)
    assert (await desk.row("a.txt")).state is State.INDEXED


async def test_a_rule_of_the_settings_that_is_none_is_a_usage_error(desk: Desk) -> None:
    with pytest.raises(UsageError, match=r"the rule '\[z-a\]'"):
        await desk.scan(ignore=["[z-a]"])


UNCLEAR_RULES = {
    "no rule": b"[z-a]\n*.log\n",
    "Latin-1": "Pers\u00f6nlich/\n".encode("latin-1"),
    "UTF-16 without a mark": "private/\n".encode("utf-16-le"),
    "UTF-8 with a tail in UTF-16": b"*.log\n" + "private/\r\n".encode("utf-16-le"),
    "UTF-16 with a tail in UTF-8": "*.log\n".encode("utf-16") + b"private/\n",
    "UTF-16 with an unfinished tail": "*.log\n".encode("utf-16") + b"private/",
    "UTF-16 cut in half": "private/\n".encode("utf-16")[:-1],
    "zero bytes": b"private/\n\0\0\0\0",
}


@pytest.mark.parametrize("rules", UNCLEAR_RULES.values(), ids=list(UNCLEAR_RULES))
async def test_rules_that_cannot_be_understood_close_their_folder(desk: Desk, rules: bytes) -> None:
    desk.write("a/.objlibignore", rules)
    desk.write("a/private/x.txt", "text")
    desk.write("b.txt", "text")
    report = await desk.scan()
    ((path, reason),) = report.unreadable
    assert path == "a"
    assert "its .objlibignore cannot be used" in reason
    assert sorted(await desk.rows()) == ["b.txt"]
    desk.write(".objlibignore", rules)
    with pytest.raises(UsageError, match=r"\.objlibignore"):
        await desk.scan()


async def test_a_folder_in_place_of_the_rules_file_closes_the_library(desk: Desk) -> None:
    (desk.root / ".objlibignore").mkdir()
    desk.write("a.txt", "text")
    with pytest.raises(UsageError, match=r"\.objlibignore"):
        await desk.scan()


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
async def test_rules_are_decoded_by_their_byte_order_mark(desk: Desk, encoding: str) -> None:
    desk.write(".objlibignore", "# \u79c1\u4eba\r\nPers\u00f6nlich/\r\n\u79c1\u4eba/".encode(encoding))
    for name in ("Pers\u00f6nlich/x.txt", "\u79c1\u4eba/x.txt", "b.txt"):
        desk.write(name, "text")
    assert await paths(desk) == ["b.txt"]


async def test_a_byte_order_mark_inside_hides_no_rule(desk: Desk) -> None:
    desk.write(".objlibignore", "\ufeff*.log\n\ufeffprivate/\n")
    for name in ("private/x.txt", "b.txt", "c.log"):
        desk.write(name, "text")
    assert await paths(desk) == ["b.txt"]


async def test_entries_that_rules_leave_out_are_counted_with_their_rule(desk: Desk) -> None:
    desk.write(".objlibignore", "*.log\n")
    for name in ("a.txt", "a.log", "saga.part", "b/.git/config"):
        desk.write(name, "text")
    report = await desk.scan()
    assert report.ignored == 3
    assert dict(report.left_out) == {
        "a.log": "the rule '*.log' in .objlibignore",
        "saga.part": "the built-in rule for temporary and unfinished files",
        "b/.git": "the built-in rule for hidden files and folders",
    }


async def test_our_own_files_inside_the_library_are_no_documents(desk: Desk) -> None:
    (desk.root / "link").symlink_to(desk.root / "data")
    desk.write("a.txt", "text")
    for name in ("data/ledger.db", "data/ledger.db-wal", "objlib.toml", "data/other.txt"):
        desk.write(name, "text")
    own = {"ledger": desk.root / "link/ledger.db", "config": desk.root / "objlib.toml"}
    assert await paths(desk, **own, embedded=Path("/elsewhere/store.db")) == ["a.txt", "data/other.txt"]


async def test_links_to_files_outside_are_followed_only_when_asked(desk: Desk) -> None:
    outside = desk.root.parent / "library-secret.txt"
    outside.write_text("from outside")
    (desk.root / "link.txt").symlink_to(outside)
    (desk.root / "chain.txt").symlink_to("link.txt")
    report = await desk.scan()
    assert report.scanned == 0
    assert [path for path, _ in report.skipped] == ["chain.txt", "link.txt"]
    assert all("outside" in reason and "follow_links" in reason for _, reason in report.skipped)
    await desk.scan(follow_links=True)
    row = await desk.row("link.txt")
    assert (row.size, row.inode) == (12, outside.stat().st_ino)
    assert Path(disk_path(desk.root, row)).read_text() == "from outside"


async def test_links_that_lead_nowhere_are_skipped_with_a_reason(desk: Desk) -> None:
    (desk.root / "dangling.txt").symlink_to("nothing")
    (desk.root / "circle.txt").symlink_to("circle.txt")
    desk.write("a.txt", "text")
    report = await desk.scan()
    assert report.skipped == (
        ("circle.txt", "the link leads in a circle"),
        ("dangling.txt", "the link leads nowhere"),
    )
    assert report.scanned == 1


async def test_a_link_that_begins_to_dangle_is_a_missing_file(desk: Desk) -> None:
    outside = desk.root.parent / "outside.txt"
    outside.write_text("from outside")
    (desk.root / "link.txt").symlink_to(outside)
    desk.write("a.txt", "text")
    await desk.scan(follow_links=True)
    outside.unlink()
    assert (await desk.scan(follow_links=True)).missing == 1


async def test_a_link_is_no_way_past_a_rule(desk: Desk) -> None:
    desk.write("private/pay.txt", "salaries")
    desk.write("public/a.txt", "text")
    desk.write(".objlibignore", "private/\n")
    (desk.root / "public/pay.txt").symlink_to("../private/pay.txt")
    (desk.root / "public/again.txt").symlink_to("a.txt")
    (desk.root / "public/folder").symlink_to("../private")
    for follow in (False, True):
        assert await paths(desk, follow_links=follow) == ["public/a.txt", "public/again.txt"]
    report = await desk.scan(follow_links=True)
    assert all("left out by the rule 'private/'" in reason for _, reason in report.skipped)
    assert len(report.skipped) == 2


async def test_a_fan_out_of_links_is_entered_once(desk: Desk) -> None:
    for number in range(12):
        desk.write(f"d{number}/x.txt", str(number))
        (desk.root.parent / "outside" / str(number)).mkdir(parents=True)
        (desk.root.parent / f"outside/{number}/y.txt").write_text(str(number))
    for number in range(11):
        for name in ("one", "two"):
            (desk.root / f"d{number}" / name).symlink_to(f"../d{number + 1}")
            (desk.root.parent / f"outside/{number}" / name).symlink_to(f"../{number + 1}")
    (desk.root / "out").symlink_to("../outside/0")
    (desk.root / "up").symlink_to("..")
    report = await desk.scan(follow_links=True)
    # Twelve in the library, twelve outside, and the ledger of the test itself behind "up".
    assert report.scanned - len([path for path in await desk.rows() if path.startswith("up/ledger")]) == 24
    assert len(report.skipped) >= 4 * 11 - 11


async def test_links_to_folders_are_followed_only_when_asked(desk: Desk) -> None:
    outside = desk.root.parent / "outside"
    outside.mkdir()
    (outside / "x.txt").write_text("from outside")
    (desk.root / "link").symlink_to(outside)
    report = await desk.scan()
    assert report.scanned == 0
    assert [path for path, _ in report.skipped] == ["link"]
    assert "follow_links" in report.skipped[0][1]
    assert await paths(desk, follow_links=True) == ["link/x.txt"]


async def test_folders_that_link_in_a_circle_end(desk: Desk) -> None:
    desk.write("a/x.txt", "text")
    desk.write("b/y.txt", "text")
    (desk.root / "a/self").symlink_to(".")
    (desk.root / "a/up").symlink_to("..")
    (desk.root / "a/to-b").symlink_to("../b")
    (desk.root / "b/to-a").symlink_to("../a")
    walked = await paths(desk, follow_links=True)
    assert walked == ["a/x.txt", "b/y.txt"], "each folder is taken in once, by its own path"


async def test_a_rule_for_folders_holds_for_a_link_to_one(desk: Desk) -> None:
    desk.write("real/x.txt", "text")
    (desk.root / "link").symlink_to("real")
    assert await paths(desk, follow_links=True, ignore=["link/"]) == ["real/x.txt"]


async def test_what_is_no_file_is_skipped_and_never_opened(desk: Desk) -> None:
    os.mkfifo(desk.root / "pipe")
    os.mkfifo(desk.root / ".objlibignore")
    (desk.root / ".objlibignore").rename(desk.root / "second")
    (desk.root / "null").symlink_to("/dev/null")
    server = socket.socket(socket.AF_UNIX)
    with server:
        server.bind(str(desk.root / "s"))
        report = await desk.scan()
    assert report.skipped == (
        ("null", "it is a device, not a file"),
        ("pipe", "it is a pipe, not a file"),
        ("s", "it is a socket, not a file"),
        ("second", "it is a pipe, not a file"),
    )


async def test_an_ignore_file_that_is_a_pipe_does_not_make_the_scan_wait(desk: Desk) -> None:
    desk.write("a.txt", "text")
    (desk.root / "odd").mkdir()
    os.mkfifo(desk.root / "odd/.objlibignore")
    desk.write("odd/b.txt", "text")
    report = await desk.scan()
    assert [path for path, _ in report.unreadable] == ["odd"]
    assert sorted(await desk.rows()) == ["a.txt"]


async def test_an_unreadable_ignore_file_of_the_library_stops_the_scan(desk: Desk) -> None:
    (desk.root / ".objlibignore").symlink_to("nothing")
    with pytest.raises(UsageError, match=r"objlibignore"):
        await desk.scan()


@pytest.mark.parametrize("name", [NFC, NFD, f"{NFD[:-4]}/{NFD}"])
async def test_a_path_is_nfc_whatever_the_disk_says(desk: Desk, name: str) -> None:
    write_bytes(desk, name.encode())
    expected = name.replace(NFD[:-4], NFC[:-4])
    assert await paths(desk) == [expected]
    row = await desk.row(expected)
    assert row.path_bytes == (None if name == NFC else name.encode())
    assert Path(disk_path(desk.root, row)).read_bytes() == b"text"
    assert (await desk.scan()).unchanged == 1


async def test_names_that_collide_after_normalisation_are_both_kept(desk: Desk) -> None:
    write_bytes(desk, NFD.encode(), b"decomposed")
    await desk.scan()
    await desk.index_all()
    before = await desk.row(NFC)
    write_bytes(desk, NFC.encode(), b"composed")
    report = await desk.scan()
    # The newcomer has the better claim to the name; the old row follows its content.
    assert (report.new, report.renamed, report.changed) == (1, 1, 0)
    assert sorted(await desk.rows()) == [NFD, NFC]
    assert (await desk.row(NFD)).file_id == before.file_id
    for name, content in ((NFC, b"composed"), (NFD, b"decomposed")):
        row = await desk.row(name)
        assert row.path_bytes is None
        assert Path(disk_path(desk.root, row)).read_bytes() == content
    assert (await desk.scan()).unchanged == 2


async def test_a_name_that_is_no_unicode_is_readable_and_can_be_opened(desk: Desk) -> None:
    write_bytes(desk, b"caf\xe9/na\xefve\\.txt", b"old encoding")
    shown = "caf\\xe9/na\\xefve\\\\.txt"
    assert await paths(desk) == [shown]
    row = await desk.row(shown)
    assert row.path_bytes == b"caf\xe9/na\xefve\\.txt"
    assert row.mime_type == "text/plain"
    assert Path(disk_path(desk.root, row)).read_bytes() == b"old encoding"
    assert (await desk.scan()).unchanged == 1


async def test_a_name_that_only_looks_like_another_is_kept_apart(desk: Desk) -> None:
    write_bytes(desk, b"\xff.txt", b"one")
    write_bytes(desk, b"\\xff.txt", b"two")
    names = await paths(desk)
    assert len(names) == 2
    assert names[0] == "\\xff.txt"
    contents = {Path(disk_path(desk.root, row)).read_bytes() for row in (await desk.rows()).values()}
    assert contents == {b"one", b"two"}
    assert (await desk.scan()).unchanged == 2


def test_the_walk_is_sorted_and_the_same_every_time(tmp_path: Path) -> None:
    for name in ("b/2.txt", "b/10.txt", "a.txt", "c.txt", "b/a/z.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)

    def walked(batch: int) -> list[str]:
        walk = Walk(Scope(tmp_path, IgnoreRules()))
        names = []
        while entries := walk.take(batch):
            names += [entry.path for entry in entries]
        return names

    expected = ["a.txt", "c.txt", "b/10.txt", "b/2.txt", "b/a/z.txt"]
    assert [walked(batch) for batch in (1, 2, 100)] == [expected] * 3


async def test_a_file_that_goes_away_while_the_scan_runs_is_not_there(desk: Desk) -> None:
    for name in ("a.txt", "b.txt"):
        desk.write(name, name)
    await desk.scan()
    desk.write("a.txt", "changed")
    desk.runner = _after_the_walk(desk.root / "a.txt")
    report = await desk.scan()
    assert (report.scanned, report.missing, report.changed, report.unchanged) == (1, 1, 0, 1)


def _after_the_walk(target: Path) -> Any:
    """A runner under which ``target`` goes away as soon as the walk has seen everything."""
    seen = ended = False

    async def run(fn: Any, /) -> Any:
        nonlocal seen, ended
        await trio.lowlevel.checkpoint()
        if ended:
            target.unlink(missing_ok=True)
        value = fn()
        seen, ended = seen or value != [], ended or (seen and value == [])
        return value

    return run


async def test_a_file_that_changes_while_it_is_read_is_read_again_next_time(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = desk.write("a.txt", "text")

    def meddle(data: bytes) -> Any:
        with target.open("a") as file:
            file.write("!")
        desk.age(target)
        return hashlib.sha256(data)

    monkeypatch.setattr(read_file, "sha256", meddle)
    await desk.scan()
    monkeypatch.undo()
    assert (await desk.row("a.txt")).mtime_ns == UNTRUSTED
    assert (await desk.scan()).hashed == 1
    assert (await desk.row("a.txt")).mtime_ns == target.stat().st_mtime_ns


@pytest.mark.parametrize("before", [b"", b"text", b"t" * (HEAD - 1), b"t" * HEAD], ids=len)
async def test_a_file_that_grows_between_its_status_and_its_reading_is_read_to_its_end(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, before: bytes
) -> None:
    target = desk.write("a.txt", before)
    judge, grown = read_file._trusted, before + b"!" * HEAD

    def grow(mtime: int, began: int) -> int:
        target.write_bytes(grown)
        desk.age(target)
        return judge(mtime, began)

    monkeypatch.setattr(read_file, "_trusted", grow)
    await desk.scan()
    row = await desk.row("a.txt")
    assert (row.content_hash, row.size) == (hashlib.sha256(grown).hexdigest(), len(grown))


async def test_a_file_that_grows_too_large_while_it_is_read_is_told_apart(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read_file, "MAX_DOCUMENT", 4)
    target = desk.write("a.txt", "text")

    def grow(data: bytes) -> Any:
        with target.open("a") as file:
            file.write("!")
        return hashlib.sha256(data)

    monkeypatch.setattr(read_file, "sha256", grow)
    await desk.scan()
    row = await desk.row("a.txt")
    assert row.failure is not None
    assert row.failure.kind == "too_large"


def _failing(name: str, error: int, function: Any) -> Any:
    """``function`` of the operating system, which fails for paths that end in ``name``."""

    def call(path: Any, *args: Any, **kwargs: Any) -> Any:
        if os.fsencode(path).endswith(name.encode()):
            raise OSError(error, os.strerror(error), path)
        return function(path, *args, **kwargs)

    return call


@pytest.mark.parametrize("call", ["lstat", "stat"])
async def test_a_file_that_cannot_be_looked_at_is_not_missing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    outside = desk.root.parent / "outside.txt"
    outside.write_text("text")
    (desk.root / "link.txt").symlink_to(outside)
    desk.write("a.txt", "text")
    await desk.scan(follow_links=True)
    monkeypatch.setattr(os, call, _failing("link.txt", errno.EIO, getattr(os, call)))
    report = await desk.scan(follow_links=True)
    monkeypatch.undo()
    assert report.unreadable == (("link.txt", "it cannot be looked at: input/output error"),)
    assert (report.missing, report.unchanged) == (0, 1)


async def test_an_entry_that_goes_away_before_it_is_looked_at_is_not_there(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.txt", "folder/b.txt"):
        desk.write(name, "text")
    await desk.scan()
    monkeypatch.setattr(os, "lstat", _failing("a.txt", errno.ENOENT, os.lstat))
    monkeypatch.setattr(os, "scandir", _failing("folder", errno.ENOENT, os.scandir))
    desk.write("c.txt", "keeps the library from looking empty")
    report = await desk.scan()
    monkeypatch.undo()
    assert (report.missing, report.new, report.skipped) == (2, 1, ())


@pytest.mark.parametrize(
    ("opening", "looking", "expected"),
    [
        (errno.ENOTDIR, None, None),
        (errno.EIO, errno.ENOENT, None),
        (errno.EIO, errno.EIO, "input/output error"),
        (errno.EIO, None, "input/output error"),
    ],
)
def test_what_happens_to_a_file_between_two_calls_is_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, opening: int, looking: int | None, expected: str | None
) -> None:
    (tmp_path / "a.txt").write_text("text")
    monkeypatch.setattr(os, "open", _failing("a.txt", opening, os.open))
    if looking is not None:
        monkeypatch.setattr(os, "stat", _failing("a.txt", looking, os.stat))
    snapshot = read_file.read_file(tmp_path, ToRead(1, "a.txt", None, 4), (), time.time_ns)
    monkeypatch.undo()
    if expected is None:
        assert snapshot is None
    else:
        assert snapshot is not None
        assert snapshot.failure is not None
        assert expected in snapshot.failure.message


async def test_dates_that_sqlite_cannot_keep_are_kept_as_near_as_it_can(desk: Desk) -> None:
    target = desk.write("a.txt", "text")
    try:
        os.utime(target, (10_000_000_000, 10_000_000_000))
    except OSError:
        pytest.skip("this file system has no such dates")
    await desk.scan()
    assert (await desk.scan()).unchanged == 1
