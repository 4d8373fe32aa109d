"""Completion of command lines: by the program, and by the real shells where they are installed."""

import os
import pty
import select
import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import get_args

import pytest

from objlib.cli.app import app
from objlib.cli.commands.completion import SCRIPTS
from objlib.cli.complete import candidates, complete
from objlib.cli.overview import NAMES
from scripts.completion_table import TABLE, table

FILES = {
    "Ethics/debt.md": '{"author": "Jane Mill", "year": 1859}',
    "Ethics/Year 2021/a b.md": '{"author": "Mill", "topics": ["x"]}',
    "Mind/bat.md": '{"author": "Ärzte \\"quoted\\"", "full name": "N"}',
    "pond.md": "{}",
}


@pytest.fixture
def known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with one library, in which the working folder is; its files as a run left them."""
    data, root = tmp_path / "data/objlib", tmp_path / "library"
    data.mkdir(parents=True)
    root.mkdir()
    with closing(sqlite3.connect(data / "ledger.db")) as db:
        db.execute("PRAGMA journal_mode = wal")
        db.executescript(
            "CREATE TABLE files (seq INTEGER PRIMARY KEY, file_path, metadata_json, gemini_document, missing_since);"
            "CREATE TABLE runs (run_id, started, ended);"
            "INSERT INTO runs VALUES ('019ea3', 1, NULL), ('018fff', 0, 2)"
        )
        rows = list(FILES.items())
        db.executemany(
            "INSERT INTO files (file_path, metadata_json, gemini_document) VALUES (?, ?, 'd')", rows
        )
        db.execute("INSERT INTO files (file_path, metadata_json, missing_since) VALUES ('gone.md', '{}', 1)")
        db.execute("INSERT INTO files (file_path, metadata_json) VALUES ('a' || char(10) || 'b.md', '{}')")
        db.commit()
    with closing(sqlite3.connect(data / "catalog.db")) as db:
        db.executescript(
            "CREATE TABLE libraries (library_id, root); CREATE TABLE ledgers (path, library_id, service, store)"
        )
        db.execute("INSERT INTO libraries VALUES ('i', ?)", (str(root),))
        db.execute(
            "INSERT INTO ledgers VALUES (?, 'i', 'embedded', 'objlib-lectures')", (str(data / "ledger.db"),)
        )
        db.commit()
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    for name in ("OBJLIB_LIBRARY", "OBJLIB_LEDGER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(root)
    return data


def names(*words: str) -> list[str]:
    return [line.partition("\t")[0] for line in candidates(words)]


def test_the_table_has_the_options_that_the_commands_have() -> None:
    """``just docs`` writes it."""
    made = subprocess.run(
        [sys.executable, "-m", "ruff", "format", "-", "--stdin-filename", str(TABLE)],
        input=table(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert TABLE.read_text("utf-8") == made.stdout


def test_commands_and_options_are_completed(known: Path) -> None:
    assert names("sta") == ["status"]
    assert "--filter" in names("search", "--")
    assert "--filter" not in names("status", "--")
    assert names("search", "--", "--fi") == []
    assert names("status", "--backend", "e") == ["embedded"]
    assert names("ledger", "c") == ["check", "compact", "copy"]
    assert names("ledger", "d") == ["dump"]
    assert names("upload", "--log-file", "x") == [":files"]
    assert names("upload", "") == [":folders"]


def test_the_first_words_of_a_command_are_those_it_takes(known: Path) -> None:
    for command in NAMES:
        places = [each for each in app[command].assemble_argument_collection() if each.index == 0]
        for choices in (get_args(hint) for place in places for hint in (place.hint, *get_args(place.hint))):
            words = [word for word in choices if isinstance(word, str)]
            assert set(words) <= set(names(command, "")), command


@pytest.mark.parametrize(
    "before", [(), ("--json",), ("-q", "--backend", "embedded"), ("--store=x",), ("--",)]
)
def test_paths_of_the_ledger_are_completed_behind_any_switch(known: Path, before: tuple[str, ...]) -> None:
    assert names("explain", *before, "") == ["Ethics/", "Mind/", "pond.md"]
    assert names("explain", *before, "Ethics/") == ["Ethics/Year 2021/", "Ethics/debt.md"]
    assert names("explain", *before, "Ethics/Y") == ["Ethics/Year 2021/"]
    assert names("explain", *before, "gone") == []
    assert names("explain", *before, "100%_") == []


def test_a_filter_is_completed_by_keys_and_their_values(known: Path) -> None:
    assert names("search", "--filter", "") == ["author", '"full name"', "topics", "year"]
    assert names("search", "-k", "3", "--filter", "author = ") == [
        'author = "Jane Mill"', 'author = "Mill"', 'author = "Ärzte \\"quoted\\""',
    ]  # fmt: skip
    assert names("search", "--filter", 'author = "J') == ['author = "Jane Mill"']
    assert names("ask", "--filter", 'year > 1 AND au') == [
        f"year > 1 AND {each}" for each in names("ask", "--filter", "author = ")
    ]  # fmt: skip
    assert names("ask", "--filter=ye") == ["--filter=year = 1859"]


def test_stores_runs_and_libraries_are_completed(known: Path) -> None:
    assert names("stores", "delete", "") == names("search", "--store", "obj") == ["objlib-lectures"]
    assert names("runs", "stop", "") == ["019ea3"]
    assert names("libraries", "forget", "/") == [str(Path.cwd())]


def test_elsewhere_a_named_library_or_ledger_counts(
    known: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with closing(sqlite3.connect(known / "catalog.db")) as db:
        db.execute("INSERT INTO libraries VALUES ('o', ?)", (str(tmp_path / "other"),))
        db.execute("INSERT INTO ledgers VALUES ('/nowhere.db', 'o', 'embedded', 's')")
        db.commit()
    root = Path.cwd()
    monkeypatch.chdir("/")
    assert names("explain", "p") == []
    assert names("explain", "--library", str(root), "p") == ["pond.md"]
    assert names("explain", f"--ledger={known / 'ledger.db'}", "p") == ["pond.md"]
    monkeypatch.setenv("OBJLIB_LIBRARY", str(root))
    assert names("explain", "p") == ["pond.md"]


@pytest.mark.parametrize("damage", ["none", "no data", "a damaged ledger", "another catalog", "a database"])
def test_it_leaves_no_trace_and_never_fails(
    known: Path, damage: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    if damage == "no data":
        shutil.rmtree(known)
    elif damage == "a damaged ledger":
        (known / "ledger.db").write_bytes(b"SQLite format 3\0" + bytes(2000))
    elif damage == "another catalog":
        (known / "catalog.db").write_text("no database")
    elif damage == "a database":
        monkeypatch.setenv("OBJLIB_LEDGER", "postgresql://reader@127.0.0.1:9/none")
    before = sorted((path, path.stat().st_mtime_ns) for path in known.parent.rglob("*"))
    for words in (["explain", ""], ["search", "--filter", "author = "], ["runs", "stop", ""], ["--x"], []):
        assert complete(["zsh", "--", *words]) == 0
    assert capfd.readouterr().err == ""
    assert sorted((path, path.stat().st_mtime_ns) for path in known.parent.rglob("*")) == before


def test_a_ledger_that_is_being_written_is_read_without_waiting(known: Path) -> None:
    with closing(sqlite3.connect(known / "ledger.db", isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = wal")
        db.execute("BEGIN IMMEDIATE")
        db.execute("UPDATE files SET file_path = 'new.md' WHERE file_path = 'pond.md'")
        assert names("explain", "p") == ["pond.md"]
        db.execute("COMMIT")
        assert names("explain", "n") == ["new.md"]


TYPED = {
    "objlib explain --json Mi\t": "objlib explain --json Mind/",
    "objlib sta\t": "objlib status",
    "objlib search --filter ye\t": "year",
}


@pytest.mark.parametrize("shell", list(SCRIPTS))
@pytest.mark.parametrize("typed", list(TYPED))
def test_a_real_shell_completes_what_is_typed(known: Path, tmp_path: Path, shell: str, typed: str) -> None:
    found = shutil.which(shell)
    if found is None:
        pytest.skip(f"{shell} is not installed")
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin/objlib"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m objlib "$@"\n')
    program.chmod(0o755)
    script = tmp_path / "script"
    script.write_text(SCRIPTS[shell] + "\n")
    environ = os.environ | {
        "PATH": f"{program.parent}:{os.environ['PATH']}",
        "TERM": "xterm",
        "HOME": str(tmp_path),
    }
    if shell == "fish":  # which completes without a terminal too, and prints the candidates
        line = f"source {script}; complete -C '{typed.strip()}'"
        told = subprocess.run(
            [found, "--no-config", "-c", line], env=environ, capture_output=True, text=True, check=True
        )
        assert TYPED[typed].split()[-1] in told.stdout
        return
    words, load = {
        "bash": ([found, "--norc", "--noprofile", "-i"], f"source {script}"),
        "zsh": ([found, "-f", "-i"], f"autoload -Uz compinit; compinit -u -D; source {script}"),
    }[shell]
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        words, stdin=theirs, stdout=theirs, stderr=theirs, env=environ, start_new_session=True
    ) as child:
        os.close(theirs)
        try:
            os.write(ours, f"{load}; echo rea''dy\n".encode())
            assert _seen(ours, "ready"), "the shell does not start"
            os.write(ours, typed.encode())
            assert _seen(ours, TYPED[typed].removeprefix(typed.strip("\t")) or TYPED[typed]), TYPED[typed]
        finally:
            child.kill()
            os.close(ours)


def _seen(terminal: int, text: str) -> bool:
    """Whether a terminal shows a text within some seconds."""
    shown, deadline = b"", time.monotonic() + 15
    while (left := deadline - time.monotonic()) > 0:
        if select.select([terminal], [], [], left)[0]:
            try:
                shown += os.read(terminal, 4096)
            except OSError:
                return False
            if text.encode() in shown:
                return True
    return False
