"""A dry run leaves no trace, whatever the command and whatever the home holds."""

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from objlib.cli.app import app, run
from objlib.cli.overview import COMMANDS
from objlib.core.config.registry import SETTINGS

pytestmark = pytest.mark.real_time

READ_ONLY = frozenset(
    {
        "status",
        "verify",
        "search",
        "ask",
        "chat",
        "explain",
        "doctor",
        "completion",
        "metrics",
        "media",
        "model",
    }
)
"""Commands that change nothing anyway; ``media`` writes the one file that is asked for."""
SERVERS = frozenset({"serve", "ui", "mcp", "watch"})
"""Commands that run until they are stopped."""

DRY_RUNS: tuple[tuple[str, ...], ...] = (
    ("upload",),
    ("upload", "--retry-failed", "--checksum", "--limit", "1"),
    ("sync", "--prune"),
    ("sync", "--prune", "--grace", "0", "--max-delete", "100%"),
    ("scan",),
    ("recover",),
    ("rebuild",),
    ("store-sync",),
    ("store-sync", "--apply", "--metadata", "--max-delete", "100%"),
    ("index",),
    ("stores",),
    ("stores", "create", "new"),
    ("stores", "adopt"),
    ("runs",),
    ("ledger", "check"),
    ("ledger", "compact", "--keep", "0"),
)


def snapshot(folder: Path) -> dict[str, tuple[Any, ...]]:
    """Every file and folder below ``folder`` with its mode, and files with their bytes and time stamps."""
    entries: dict[str, tuple[Any, ...]] = {}
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        more = (path.read_bytes(), status.st_mtime_ns) if path.is_file() else (None, 0)
        entries[str(path.relative_to(folder))] = (oct(status.st_mode), *more)
    return entries


@contextmanager
def untouched(folder: Path) -> Iterator[None]:
    before = snapshot(folder)
    yield
    after = snapshot(folder)
    assert after.keys() == before.keys()
    assert after == before


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with a library of text, a picture and an empty file, and nothing of objlib."""
    for variable in [setting.variable for setting in SETTINGS] + ["GEMINI_API_KEY", "GOOGLE_API_KEY"]:
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("OBJLIB_EMBED_SECONDS", "0")
    library = tmp_path / "library"
    (library / "sub").mkdir(parents=True)
    for name in ("changed.txt", "gone.txt", "ignored.txt", "moved.txt", "sub/kept.md"):
        (library / name).write_text(f"All about {name}.\n", encoding="utf-8")
    (library / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n\0\0")
    (library / "empty.txt").touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def call(capsys: pytest.CaptureFixture[str], *args: str, library: Path) -> tuple[int, str]:
    code = run([args[0], "--library", str(library), *args[1:]])
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err, captured.err
    return code, captured.out + captured.err


def edit(library: Path) -> None:
    """A file changed, one gone, one renamed, one new, and one left out by a rule."""
    (library / "changed.txt").write_text("Something else.\n", encoding="utf-8")
    (library / "gone.txt").unlink()
    (library / "moved.txt").rename(library / "sub" / "moved.txt")
    (library / "new.txt").write_text("New.\n", encoding="utf-8")
    (library / ".objlibignore").write_text("ignored.txt\n", encoding="utf-8")


def test_every_command_that_changes_something_has_a_dry_run() -> None:
    dry = {args[0] for args in DRY_RUNS}
    for name, _, _ in COMMANDS:
        if name not in READ_ONLY | SERVERS:
            names = {n for argument in app[name].assemble_argument_collection() for n in argument.names}
            assert {"--dry-run", "-n"} <= names, name
            assert name in dry | {"move", "libraries"}, f"{name} has no test"


@pytest.mark.parametrize("args", DRY_RUNS, ids=" ".join)
def test_a_dry_run_in_a_fresh_home_makes_nothing(
    home: Path, capsys: pytest.CaptureFixture[str], args: tuple[str, ...]
) -> None:
    with untouched(home):
        call(capsys, *args, "--dry-run", library=home / "library")
        call(capsys, *args, "-n", "--json", library=home / "library")


@pytest.mark.parametrize("command", ["upload", "sync", "scan"])
def test_a_dry_run_names_no_folder_that_a_run_would_not_make(
    home: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    code, output = call(capsys, command, "-n", library=home / "library")
    assert code == 0
    assert "objlib: embedded store, offline (no API key set); no ledger yet\n" in output
    assert str(home / "data") not in output


def used(home: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    library = home / "library"
    assert call(capsys, "upload", library=library)[0] == 0
    edit(library)
    return library


def test_dry_runs_in_a_used_home_change_nothing(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    library = used(home, capsys)
    for file in home.glob("data/**/*.db"):
        file.chmod(0o644)  # as an older objlib left it: a run would take that back
    for args in DRY_RUNS:
        with untouched(home):
            code, output = call(capsys, *args, "-n", library=library)
        assert code == (4 if args[0] == "rebuild" else 0), (args, output)


def test_dry_runs_after_a_crash_leave_what_it_left(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    library = used(home, capsys)
    for file in list(home.glob("data/**/*.db")):
        if "catalog" in file.name or "libraries.db" in file.name:
            continue
        with closing(sqlite3.connect(file, isolation_level=None)) as conn:
            conn.execute("CREATE TABLE crash (x)")
            for end in ("", "-wal", "-shm"):
                beside = file.with_name(file.name + end)
                if beside.exists():
                    shutil.copy(beside, home / f"{file.name}{end}.kept")
        for end in ("", "-wal", "-shm"):
            if (kept := home / f"{file.name}{end}.kept").exists():
                shutil.move(kept, file.with_name(file.name + end))
    assert list(home.glob("data/**/*.db-wal"))
    for args in DRY_RUNS:
        with untouched(home):
            call(capsys, *args, "-n", library=library)


def test_the_plan_of_a_sync_is_whole_in_text_and_in_json(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    library = used(home, capsys)
    code, output = call(capsys, "sync", "--prune", "--grace", "0", "-n", "--all", library=library)
    assert code == 0
    for line in (
        "Plan: 1 file to send, 1 to replace, 1 to rename, 2 to remove; 2 skipped, 1 left out.",
        "  replace   changed.txt (16 B): changed",
        "  delete    gone.txt: it is gone from disk",
        "  delete    ignored.txt: it is left out by the rule 'ignored.txt' in .objlibignore",
        "  left out  ignored.txt: the rule 'ignored.txt' in .objlibignore",
        "  rename    moved.txt -> sub/moved.txt: the same content at a new path",
        "  send      new.txt (5 B): new",
        "nothing was sent, recorded or made (--dry-run)",
    ):
        assert line in output.splitlines()
    code = run(["sync", "--prune", "-n", "--json", "-q", "--library", str(library)])
    plan = json.loads(capsys.readouterr().out.splitlines()[-1])["plan"]
    assert plan["counts"] == {"send": 1, "replace": 1, "rename": 1, "keep": 2, "skip": 2, "leave_out": 1}
    assert [step["reason"] for step in plan["steps"] if step["action"] == "keep"] == [
        "it is gone from disk; kept for grace",
        "it is left out by the rule 'ignored.txt' in .objlibignore; kept for grace",
    ]
    assert plan["cost"]["bytes"] == 21


def test_a_rebuild_is_planned_path_by_path(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    library = used(home, capsys)
    for ledger in home.glob("data/**/ledger.db"):
        ledger.unlink()
    with untouched(home):
        code, output = call(capsys, "rebuild", "-n", "--all", library=library)
    assert code == 0, output
    for line in (
        "  missing   gone.txt",
        "  changed   changed.txt",
        "  new       new.txt",
        "  matched   sub/kept.md",
    ):
        assert line in output.splitlines(), output


def test_a_plan_that_deletes_too_much_is_refused_as_the_run_is(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    library = used(home, capsys)
    args = ("sync", "--prune", "--grace", "0", "--max-delete", "1")
    with untouched(home):
        code, planned = call(capsys, *args, "-n", library=library)
    done, said = call(capsys, *args, library=library)
    assert (code, done) == (4, 4)
    assert planned.splitlines()[-1] == said.splitlines()[-1]


def test_moving_and_forgetting_a_library_are_planned(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    library = used(home, capsys)
    moved = library.rename(home / "moved")
    with untouched(home):
        assert run(["libraries", "forget", str(library), "-n"]) == 0
        assert run(["move", str(library), str(moved), "-n"]) == 0
    output = capsys.readouterr().out
    assert f"Plan: drop {library} from the list." in output
    assert f"Plan: the library {library} becomes {moved}" in output
    assert run(["move", str(library), str(moved)]) == 0
    assert f"The library {library} is {moved} now" in capsys.readouterr().out


def test_a_plan_is_not_saved_by_a_dry_run(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with untouched(home):
        code, output = call(capsys, "store-sync", "-n", "--save-plan", "p", library=home / "library")
    assert code == 2
    assert "leave one of them out" in output
