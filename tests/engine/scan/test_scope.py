"""The border of a library: one answer to whether a path belongs to it."""

import os
from pathlib import Path

import pytest

from objlib.core.library.ignore import IgnoreRules
from objlib.engine.scan.scope import Absence, RulesError, Scope
from objlib.ledger import ToRead
from tests.support.scan import as_nobody


def absence(root: Path, path: str, *, follow_links: bool = False) -> Absence | None:
    absent = Scope(root, IgnoreRules.of(["*.log"]), follow_links).absent(ToRead(1, path, None, 0))
    return None if absent is None else absent.kind


@pytest.fixture
def root(tmp_path: Path) -> Path:
    library = tmp_path / "library"
    for name in ("a.txt", "a.log", "b/c.txt", "b/private/d.txt", "b/.hidden/e.txt"):
        target = library / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text("text")
    (library / "b/.objlibignore").write_text("private/\n")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/f.txt").write_text("text")
    os.mkfifo(library / "pipe")
    (library / "out").symlink_to("../outside")
    (library / "in").symlink_to("b")
    (library / "out.txt").symlink_to("../outside/f.txt")
    (library / "in.txt").symlink_to("b/c.txt")
    (library / "secret.txt").symlink_to("b/private/d.txt")
    (library / "dangling.txt").symlink_to("nothing")
    return library


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a.txt", None),
        ("b/c.txt", None),
        ("in.txt", None),
        ("a.log", Absence.LEFT_OUT),
        ("b/private/d.txt", Absence.LEFT_OUT),
        ("b/.hidden/e.txt", Absence.LEFT_OUT),
        ("secret.txt", Absence.LINK),
        ("in/c.txt", Absence.LINK),
        ("b", Absence.REPLACED),
        ("pipe", Absence.REPLACED),
        ("a.txt/inner.txt", Absence.GONE),
        ("b/none.txt", Absence.GONE),
        ("dangling.txt", Absence.GONE),
    ],
)
@pytest.mark.parametrize("follow_links", [False, True])
def test_a_path_belongs_or_not_for_one_reason(
    root: Path, path: str, expected: Absence | None, follow_links: bool
) -> None:
    assert absence(root, path, follow_links=follow_links) is expected


@pytest.mark.parametrize("path", ["out/f.txt", "out.txt"])
def test_what_is_outside_belongs_only_where_links_are_followed(root: Path, path: str) -> None:
    assert absence(root, path) is Absence.LINK
    assert absence(root, path, follow_links=True) is None


def test_what_cannot_be_looked_at_is_neither_gone_nor_left_out(root: Path) -> None:
    (root / "b").chmod(0)
    with as_nobody():
        assert absence(root, "b/c.txt") is Absence.UNREADABLE
    (root / "b").chmod(0o755)
    (root / "b/.objlibignore").write_bytes(b"priv\xe9/\n")
    assert absence(root, "b/c.txt") is Absence.UNREADABLE
    assert issubclass(RulesError, OSError)
