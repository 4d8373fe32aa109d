"""A control file that an earlier run used, and that is gone: nothing that it kept private is sent."""

import os
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from objlib.cli.app import run
from objlib.core.config.registry import SETTINGS

pytestmark = pytest.mark.real_time

Read = Callable[[], str]


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A library with a private folder, and a working folder elsewhere."""
    for variable in [setting.variable for setting in SETTINGS] + ["GEMINI_API_KEY", "GOOGLE_API_KEY"]:
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    root = tmp_path / "my docs"
    for name in ("public/a.txt", "private/b.txt", "private/c.md"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"All about {name}.\n", encoding="utf-8")
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return root


@pytest.fixture
def read(capsys: pytest.CaptureFixture[str]) -> Read:
    def both() -> str:
        captured = capsys.readouterr()
        return captured.out + captured.err

    return both


def obey(text: str) -> None:
    """Do what the last words of a refusal say."""
    words = shlex.split(text.rpartition("touch ")[2])
    for word in words:
        Path(word).touch()


@pytest.mark.parametrize("command", ["scan", "upload", "sync", "upload -n"])
def test_a_remembered_configuration_that_is_gone_stops_what_would_send(
    library: Path, read: Read, command: str
) -> None:
    config = library / "objlib.toml"
    config.write_text('ignore = ["private/"]\n', encoding="utf-8")
    assert run(["scan", str(library), "--config", str(config)]) == 0
    config.unlink()
    read()
    assert run([*command.split(), "--library", str(library)]) == 4
    refusal = read()
    assert f"{config}, with the rules of the library {library}, is gone" in refusal
    assert run(["status"]) == 0
    assert f"{config}, with the rules of this library, is gone; they do not count now" in read()
    assert run(["scan"]) == 4, "looking does not make it forget"
    obey(refusal)
    assert run(["scan"]) == 0
    assert "2 new" in read(), "the private files: the user said so"


@pytest.mark.parametrize(
    ("place", "text", "elsewhere"),
    [
        ("my docs/objlib.toml", "", None),
        ("my docs/objlib.toml", "", "max_uploads = 4\n"),
        ("objlib.toml", 'library = "my docs"\n', "max_uploads = 4\n"),
        ("objlib.toml", "", None),
    ],
    ids=["in it", "in it, and one where the user stands", "above it, naming it", "above it"],
)
def test_the_configuration_of_a_library_counts_from_any_folder_at_its_first_use(
    library: Path, read: Read, place: str, text: str, elsewhere: str | None
) -> None:
    (library.parent / place).write_text(text + 'ignore = ["private/"]\n', encoding="utf-8")
    if elsewhere is not None:
        Path("objlib.toml").write_text(elsewhere, encoding="utf-8")
    assert run(["scan", str(library)]) == 0
    assert "1 file on disk" in read(), "neither what is private nor the configuration itself"


def test_a_configuration_at_another_place_stands_in_for_it(
    library: Path, read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = library / "objlib.toml"
    config.write_text('ignore = ["private/"]\n', encoding="utf-8")
    assert run(["scan", str(library), "--config", str(config)]) == 0
    config.rename(library.parent / "objlib.toml")
    monkeypatch.chdir(library)
    assert run(["scan"]) == 0
    assert "1 unchanged" in read()


@pytest.mark.parametrize(
    ("file", "rule", "options"),
    [
        (".objlibignore", "private/", ()),
        ("private/.objlibignore", "*", ()),
        (".gitignore", "private/", ("--gitignore",)),
        (os.fsdecode(b"priv\xe9/.objlibignore"), "*", ()),
    ],
    ids=["at the top", "in a folder", "of git", "in a name that is no UTF-8"],
)
def test_a_rules_file_that_is_gone_stops_the_next_scan(
    library: Path, read: Read, file: str, rule: str, options: tuple[str, ...]
) -> None:
    folder = Path(library / file).parent
    folder.mkdir(exist_ok=True)
    (folder / "d.txt").write_text("Private.\n", encoding="utf-8")
    rules = library / file
    rules.write_text(f"{rule}\n", encoding="utf-8")
    assert run(["scan", str(library), *options]) == 0
    rules.unlink()
    read()
    refusal = ""
    for command in (["scan"], ["upload", "-n"], ["sync", "--prune", "--grace", "0"]):
        assert run([*command, *options]) == 4
        refusal = read()
        assert "had rules in the last scan, and is gone; nothing was changed" in refusal
    if "\udce9" not in file:
        obey(refusal)
        assert run(["scan", *options]) == 0
        assert "new" in read()
    rules.write_text(f"{rule}\n", encoding="utf-8")
    assert run(["scan", *options]) == 0


def test_a_rules_file_is_not_missed_with_its_folder_nor_where_git_is_not_asked(
    library: Path, read: Read
) -> None:
    (library / "private" / ".objlibignore").write_text("b.txt\n", encoding="utf-8")
    (library / ".gitignore").write_text("*.md\n", encoding="utf-8")
    assert run(["scan", str(library), "--gitignore"]) == 0
    (library / ".gitignore").unlink()
    for file in (library / "private").iterdir():
        file.unlink()
    (library / "private").rmdir()
    assert run(["scan"]) == 0, read()
    assert run(["scan", "--gitignore"]) == 4, "it is missed again once it is asked for"


def test_a_rules_file_of_git_above_the_library_is_missed_too(library: Path, read: Read) -> None:
    (library.parent / ".git" / "info").mkdir(parents=True)
    above = library.parent / ".gitignore"
    above.write_text("private/\n", encoding="utf-8")
    exclude = library.parent / ".git" / "info" / "exclude"
    exclude.write_text("*.md\n", encoding="utf-8")
    assert run(["scan", str(library), "--gitignore"]) == 0
    for file in (above, exclude):
        text = file.read_text(encoding="utf-8")
        file.unlink()
        assert run(["scan", "--gitignore"]) == 4
        assert str(file) in read()
        file.write_text(text, encoding="utf-8")
    assert run(["scan", "--gitignore"]) == 0
