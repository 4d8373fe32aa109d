"""The border of a library: one answer to whether a path belongs to it."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from objlib.core.config.settings import Backend, Settings
from objlib.core.errors import UsageError
from objlib.core.library.ignore import IgnoreRules
from objlib.core.library.snapshot import FileStatus
from objlib.engine.scan.scope import Absence, RulesError, Scope
from objlib.engine.scan.walk import Skipped, Walk
from objlib.ledger import ToRead
from tests.support.scan import as_nobody


def _settings(library: Path, **more: Any) -> Settings:
    return Settings(
        library, library / "led.db", library / "emb.db", "s", Backend.EMBEDDED, gitignore=True, **more
    )


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A library in a repository of git, with rules above it, in it, and beside the repository."""
    library = tmp_path / "repo" / "docs" / "library"
    (library / "sub").mkdir(parents=True)
    (tmp_path / "repo" / ".git" / "info").mkdir(parents=True)
    (tmp_path / ".gitignore").write_text("*\n")
    (tmp_path / "repo" / ".gitignore").write_text("*.key\n/docs/library/top.txt\n")
    (tmp_path / "repo" / "docs" / ".gitignore").write_text("library/sub/mid.txt\n")
    (tmp_path / "repo" / ".git" / "info" / "exclude").write_text("mine.txt\n")
    (library / ".gitignore").write_text("*.log\n!a.key\n")
    (library / "sub" / ".gitignore").write_text("!b.log\n")
    for name in ("a.txt", "a.log", "a.key", "top.txt", "mine.txt", "sub/b.log", "sub/b.key", "sub/mid.txt"):
        (library / name).write_text("text")
    return library


def test_the_rules_of_git_count_up_to_the_repository(repository: Path) -> None:
    scope = Scope.of(_settings(repository))
    paths = [path.relative_to(repository).as_posix() for path in repository.rglob("*") if path.is_file()]
    kept = {path for path in paths if scope.absent(ToRead(1, path, None, 0)) is None}
    assert kept == {"a.txt", "a.key", "sub/b.log"}
    walk = Walk(scope)
    assert {each.path for each in walk.take(99) if isinstance(each, FileStatus)} == kept
    assert walk.ignored == 7
    assert Scope.of(replace(_settings(repository), gitignore=False)).rules.files == (".objlibignore",)


@pytest.mark.parametrize("place", ["repo/.gitignore", "repo/.git/info/exclude"])
def test_rules_of_git_that_cannot_be_read_are_no_rules_to_go_without(
    repository: Path, tmp_path: Path, place: str
) -> None:
    (tmp_path / place).write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="cannot be used"):
        Scope.of(_settings(repository))


def test_a_folder_with_broken_rules_of_git_is_not_read(repository: Path) -> None:
    (repository / "sub" / ".gitignore").unlink()
    (repository / "sub" / ".gitignore").mkdir()
    entries = Walk(Scope.of(_settings(repository))).take(99)
    assert [each.path for each in entries if isinstance(each, Skipped) and each.blind] == ["sub"]


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
    (library / "circle.txt").symlink_to("circle.txt")
    (library / "device.txt").symlink_to(os.devnull)
    (library / "piped.txt").symlink_to("pipe")
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
        ("circle.txt", Absence.REPLACED),
        ("device.txt", Absence.REPLACED),
        ("piped.txt", Absence.REPLACED),
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
