"""Whatever a command writes is its owner's alone, also where the system would let everybody read new files."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from objlib.cli.app import run
from objlib.core.config.registry import SETTINGS

pytestmark = pytest.mark.real_time

FOR_ALL = {"metrics.prom"}
"""The collector of a monitor is another user: this file has counts, and the path of the library."""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home with a library and a temporary folder, and no mask of modes."""
    for variable in [setting.variable for setting in SETTINGS] + ["GEMINI_API_KEY", "GOOGLE_API_KEY"]:
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    (tmp_path / "library").mkdir()
    for name in ("one.txt", "two.md"):
        (tmp_path / "library" / name).write_text(f"All about {name}.\n", encoding="utf-8")
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.setenv("SQLITE_TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.chdir(tmp_path)
    mask = os.umask(0)
    yield tmp_path
    os.umask(mask)


def open_to_others(home: Path) -> list[str]:
    """Files that others can open, and folders of ours that they can list."""
    folders = [home / "library", home / "tmp"]
    return [
        str(path.relative_to(home))
        for path in sorted(home.rglob("*"))
        if not any(path.is_relative_to(folder) for folder in folders)
        and path.lstat().st_mode & 0o077
        and path.name not in FOR_ALL
    ]


def call(*args: str, code: int = 0) -> None:
    assert run(list(args)) == code


def test_every_file_that_a_command_writes_is_its_owners_alone(home: Path) -> None:
    (home / "log").mkdir(mode=0o700)
    call("upload", "library", "--log-file", "log/objlib.log", "--store", "letters")
    (ledger,) = home.glob("data/objlib/libraries/*/ledger.db")
    assert open_to_others(home) == []
    (home / "library" / "one.txt").write_text("Something else.\n", encoding="utf-8")
    call("sync", "--prune", "--log-file", "log/objlib.log")
    call("store-sync", "--save-plan", "log/plan.json")
    call("metrics", "--file", "metrics.prom")
    call("search", "about", "--log-file", "log/search.log")
    call("ledger", "copy", str(ledger), "log/copy.db")
    call("ledger", "compact", "--keep", "0")
    for file in ledger.parent.glob("ledger.db*"):
        file.unlink()
    (home / "data" / "objlib" / "catalog.db").unlink()
    call("upload", "library", code=4)
    call("rebuild", "--library", "library")
    call("stores", "delete", "letters", "--yes")
    call("upload", "library", "--ledger", "log/other.db")
    call("libraries", "forget", "library")
    written = {path.name for path in home.rglob("*") if path.is_file()}
    assert {"objlib.log", "plan.json", "metrics.prom", "search.log", "copy.db", "other.db"} <= written
    assert any("of-deleted-store" in name for name in written)
    assert open_to_others(home) == []
    assert list((home / "tmp").iterdir()) == []
