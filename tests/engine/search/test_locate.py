"""The place of a passage in its file, and what that file is by now."""

import os
from hashlib import sha256
from io import FileIO
from pathlib import Path

import pytest
import trio

from objlib.core.ids import FileId
from objlib.core.library.ignore import IgnoreRules
from objlib.core.lifecycle.table import State
from objlib.core.reports.answers import CitationState
from objlib.engine.scan.read_file import open_regular
from objlib.engine.scan.scope import Scope
from objlib.engine.search import locate as module
from objlib.engine.search.locate import CheckedPassage, CitedPassage, Place, check_passages
from objlib.ledger import FileRow
from objlib.threads import thread_runner

TEXT = """# Ethics

Virtue is a habit.

## Of the mean ##

It stands   between
two vices.
"""
CURRENT, CHANGED, GONE = CitationState.CURRENT, CitationState.CHANGED, CitationState.GONE


def row_of(root: Path, name: str, mime_type: str = "text/markdown") -> FileRow:
    """The row of a file as it is now; where there is none, of an empty one."""
    path = root / name
    data = path.read_bytes() if path.is_file() else b""
    mtime = path.stat().st_mtime_ns if path.is_file() else 0
    digest = sha256(data).hexdigest()
    return FileRow(
        file_id=FileId("f"),
        file_path=name,
        path_bytes=None,
        content_hash=digest,
        size=len(data),
        mtime_ns=mtime,
        inode=1,
        mime_type=mime_type,
        metadata={},
        state=State.INDEXED,
        state_updated_at=0.0,
        version=3,
        attempts=0,
        retry_at=None,
        last_error=None,
        failure=None,
        document="d",
        indexed_hash=digest,
        superseded=None,
        missing_since=None,
    )


def scope_of(root: Path, *, follow_links: bool = False) -> Scope:
    return Scope(root, IgnoreRules.of(["secret*"]), follow_links=follow_links)


def places(root: Path, name: str, *passages: str) -> list[Place | None]:
    cited = [CitedPassage(passage, None) for passage in passages]
    return [each.place for each in check_passages(scope_of(root), row_of(root, name), cited)]


def state(root: Path, row: FileRow, *, follow_links: bool = False, tag: str | None = None) -> CitationState:
    (checked,) = check_passages(scope_of(root, follow_links=follow_links), row, [CitedPassage("habit", tag)])
    return checked.state


@pytest.mark.parametrize("block", [1, 2, 3, 7, 1024])
@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_a_passage_is_found_by_its_words_with_the_heading_above(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int, ends: str
) -> None:
    monkeypatch.setattr(module, "_BLOCK", block)
    (tmp_path / "a.md").write_bytes(TEXT.replace("\n", ends).encode())
    expected = {
        "Virtue is a habit.": Place(3, 3, "Ethics"),
        "two vices.": Place(8, 8, "Of the mean"),
        "It stands between two vices.": Place(7, 8, "Of the mean"),
        "## Of the mean ##\n\nIt stands": Place(5, 7, "Of the mean"),
        "# Ethics": Place(1, 1, "Ethics"),
        "habit. ## Of": Place(3, 5, "Ethics"),
        "Vice is a habit.": None,
        "two vices. And more": None,
        "  ": None,
    }
    assert places(tmp_path, "a.md", *expected) == list(expected.values())


def test_a_passage_before_the_first_heading_has_the_one_inside_it_or_none(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("Preface.\n\n# One\n\nText.\n# #\nMore.\n")
    assert places(tmp_path, "a.md", "Preface.", "Preface. # One", "More.") == [
        Place(1, 1, None),
        Place(1, 3, "One"),
        Place(7, 7, "One"),
    ]


def test_a_long_file_takes_time_in_proportion_to_its_length(tmp_path: Path) -> None:
    # Word by word from each place, or with a pattern that goes back, each of these would take hours.
    text = "a " * 1_500_000 + "\n# " + "#" * 300_000 + "x\nthe end"
    (tmp_path / "a.md").write_text(text)
    passages = ["a\n" * 900 + "b"] * 8 + ["the\nend"]
    assert places(tmp_path, "a.md", *passages)[:8] == [None] * 8
    assert places(tmp_path, "a.md", passages[-1]) == [Place(3, 3, "#" * 300_000 + "x")]


def test_a_file_is_read_once_for_all_of_its_passages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reads = []

    def opening(path: str) -> FileIO:
        reads.append(path)
        return open_regular(path)

    monkeypatch.setattr(module, "open_regular", opening)
    (tmp_path / "a.md").write_text(TEXT)
    places(tmp_path, "a.md", "habit", "two vices.", "mean")
    assert reads == [str(tmp_path / "a.md")]


def test_a_file_that_is_too_large_or_has_no_lines_has_a_state_and_no_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.md").write_text(TEXT)
    pdf = row_of(tmp_path, "a.md", "application/pdf")
    cited = [CitedPassage("habit", None)]
    assert check_passages(scope_of(tmp_path), pdf, cited) == [CheckedPassage(CURRENT, None)]
    os.utime(tmp_path / "a.md", ns=(5, 5))
    assert check_passages(scope_of(tmp_path), pdf, cited) == [CheckedPassage(CURRENT, None)]
    monkeypatch.setattr(module, "MAX_FILE", 10)
    assert check_passages(scope_of(tmp_path), row_of(tmp_path, "a.md"), cited) == [
        CheckedPassage(CURRENT, None)
    ]
    monkeypatch.setattr(module, "MAX_DOCUMENT", 10)
    assert state(tmp_path, pdf) is CHANGED


def test_a_passage_of_other_bytes_than_those_on_disk_is_changed(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text(TEXT)
    row = row_of(tmp_path, "a.md")
    assert state(tmp_path, row) is CURRENT
    assert state(tmp_path, row, tag="the hash of the version before") is CHANGED
    (tmp_path / "a.md").write_text(TEXT.replace("mean", "lean"))
    assert state(tmp_path, row) is CHANGED


def test_only_what_a_scan_would_read_is_opened(tmp_path: Path) -> None:
    root, outside = tmp_path / "library", tmp_path / "diary.md"
    (root / "folder.md").mkdir(parents=True)
    outside.write_text(TEXT)
    os.mkfifo(root / "pipe.md")
    (root / "link.md").symlink_to(outside)
    (root / "zero.md").symlink_to("/dev/zero")
    (root / "circle.md").symlink_to("circle.md")
    (root / "inner.md").write_text(TEXT)
    (root / "second.md").symlink_to("inner.md")
    (root / "secret.md").write_text(TEXT)
    expected = {
        "folder.md": CitationState.REPLACED,
        "pipe.md": CitationState.REPLACED,
        "zero.md": CitationState.REPLACED,
        "link.md": CitationState.LEFT_OUT,
        "secret.md": CitationState.LEFT_OUT,
        "nothing.md": GONE,
        "inner.md/below.md": GONE,
        "second.md": CURRENT,
        "circle.md": CitationState.REPLACED,
    }
    assert {name: state(root, row_of(root, name)) for name in expected} == expected
    assert state(root, row_of(root, "zero.md"), follow_links=True) is CitationState.REPLACED
    assert state(root, row_of(root, "link.md"), follow_links=True) is CURRENT


@pytest.mark.real_time
async def test_a_search_in_files_can_be_cancelled(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("word " * 400_000)
    row, cited = row_of(tmp_path, "a.md"), [CitedPassage(f"no\n{n}", None) for n in range(20_000)]
    with trio.move_on_after(0.1) as scope:
        await thread_runner(1)(lambda: check_passages(scope_of(tmp_path), row, cited))
    assert scope.cancelled_caught


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-8-sig", "cp1252", "utf-32"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_passage_has_its_line_in_every_encoding(tmp_path: Path, encoding: str, end: str) -> None:
    lines = [f"Line {number}: moss." for number in range(1, 60)]
    lines[39] = "The cr\u00e8me jug is full."
    (tmp_path / "a.txt").write_bytes(end.join(lines).encode(encoding))
    assert places(tmp_path, "a.txt", lines[39]) == [Place(40, 40, None)]


def test_a_passage_without_its_pictures_and_nuls_has_its_line(tmp_path: Path) -> None:
    picture = f"![tide](data:image/png;base64,{'iVBORw0K' * 100})"
    (tmp_path / "a.md").write_text(f"# Trip\n\n{picture}\n\nThe gauge" + " was low." * 60 + "\0\0\n")
    passages = [
        "![tide](data:image/png)\n\nThe gauge was low.",
        f"{picture}\n\nThe gauge",
        "gauge" + " was low." * 60,
    ]
    assert places(tmp_path, "a.md", *passages) == [
        Place(3, 5, "Trip"),
        Place(3, 5, "Trip"),
        Place(5, 5, "Trip"),
    ]


def test_passages_of_a_page_are_on_the_lines_of_its_source(tmp_path: Path) -> None:
    """Each passage as the embedded store keeps it, in UTF-8, in a declared encoding, and by a byte order mark."""
    page = (
        "<html><head><meta charset='iso-8859-1'><title>T</title></head>\r\n<body><h1>Top</h1>\r\n"
        "<p>The <b>quokka</b> eats&nbsp;caf\u00e9 &amp;\r\n"
        "leaves.</p>\r\n<ul><li>one</li><li>two</li></ul></body></html>"
    )
    passage = "The quokka eats caf\u00e9 & leaves.\n\none\n\ntwo"
    for number, encoding in enumerate(("iso-8859-1", "utf-8-sig", "utf-16")):
        (tmp_path / f"{number}.html").write_bytes(page.encode(encoding))
        row = row_of(tmp_path, f"{number}.html", "text/html")
        (checked,) = check_passages(Scope(tmp_path, IgnoreRules()), row, [CitedPassage(passage, None)])
        assert checked.place is not None, encoding
        assert (checked.place.line_start, checked.place.line_stop) == (3, 5), encoding
