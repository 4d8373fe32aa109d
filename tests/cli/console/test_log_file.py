"""The log file: JSON lines for the owner alone, rotated, without a secret, and of no harm to a run."""

import json
from pathlib import Path

import pytest

from objlib.cli.app import run
from objlib.cli.console import log_file
from objlib.cli.console.log_file import LogFile
from objlib.core.errors import Exit
from objlib.core.events import EventKind
from tests.cli.commands.kit import Read

KEY = "AIza-a-secret-key-of-a-user"


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_a_run_writes_its_beginning_events_and_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read: Read
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "library").mkdir()
    (tmp_path / "library/moon \u202e.md").write_text("The moon.", encoding="utf-8")
    places = ["--library", "library", "--ledger", "l.db", "--embedded-store", "s.db", "--embed-seconds", "0"]
    assert run(["upload", "-q", *places, "--log-file", "none/run.log"]) == Exit.USAGE
    assert "--log-file: cannot write" in read()[1]
    assert not (tmp_path / "l.db").exists(), "it is refused before anything is done"
    assert run(["upload", "-q", *places, "--log-file", "run.log"]) == Exit.OK
    monkeypatch.setenv("OBJLIB_LOG_FILE", "run.log")
    assert run(["search", "moon", "--filter", "((", *places[:-2]]) == Exit.USAGE
    written = lines(tmp_path / "run.log")
    events = [each["event"] for each in written]
    assert (events[0], events[-2], events[-1]) == ("start", "error", "exit")
    assert "indexed" in events
    assert "was refused" in str(written[-2]["message"])
    assert (tmp_path / "run.log").stat().st_mode & 0o777 == 0o600


def test_no_secret_is_written(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "run.log", secrets=(KEY,))
    address = "https://host.example/upload?upload_id=ABCDEFGHIJ"
    log.event(EventKind.RECOVERED, path="a.md", why=f"{KEY} was refused at {address}")
    log.note(f"x-goog-api-key: {KEY}")
    log.close()
    text = (tmp_path / "run.log").read_text("utf-8")
    assert KEY not in text
    assert "ABCDEFGHIJ" not in text
    assert len(lines(tmp_path / "run.log")) == 2


def test_it_is_rotated_and_a_full_disk_ends_no_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_file, "MAX_BYTES", 200)
    log = LogFile(tmp_path / "run.log", secrets=())
    for number in range(40):
        log.note(f"note {number}")
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["run.log", *(f"run.log.{number}" for number in range(1, 6))]
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in tmp_path.iterdir())

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("logging.handlers.RotatingFileHandler.emit", fail)
    log.note("lost")
    log.close()
