"""The real entry point in a process of its own, with the embedded store."""

import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.conftest import Objlib, an_environment, an_objlib

SPAWN = [sys.executable, "-m", "objlib"]
EVIL = "evil\x1b]0;owned\x07.txt"
LATIN = "caf\udce9.txt"
NO_VECTORS = ("--embed-seconds", "0")


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Objlib, Path]:
    """A library with names of every kind that is uploaded already; no test changes it."""
    root = tmp_path_factory.mktemp("kept")
    library = root / "library"
    (library / "ethics").mkdir(parents=True)
    for name, text in {
        "ethics/on liberty.txt": "Mill wrote on the liberty of thought and discussion.\n",
        "leviathan.txt": "Hobbes saw the life of man as solitary and poor.\n",
        "naïve.txt": "Something naïve about an épée.\n",
        EVIL: "An evil file about evil.\n",
        LATIN: "A file whose name is Latin-1.\n",
    }.items():
        (library / name).write_text(text, encoding="utf-8")
    (library / "broken.pdf").write_bytes(b"%PDF-1.4 this is no PDF")
    (root / "work").mkdir()
    objlib = an_objlib(an_environment(root), root / "work", fresh=True)
    first = objlib("upload", library, *NO_VECTORS)
    assert first.code == 3, first.err
    assert "5 of 6 files indexed" in first.out
    assert "1 file failed:" in first.out
    assert "    broken.pdf" in first.out
    assert "Next: objlib search leviathan\n" in first.out, "it is the only library there is"
    assert first.err.splitlines()[0].startswith("objlib: embedded store at ")
    return objlib, library


def test_a_second_upload_sends_nothing(indexed: tuple[Objlib, Path]) -> None:
    objlib, library = indexed
    report = objlib("upload", library, "--json", *NO_VECTORS).json()
    assert report["schema"] == "objlib/upload/1"
    assert (report["indexed"], report["uploaded"]) == (5, 0)
    assert [failure["path"] for failure in report["failures"]] == ["broken.pdf"]


def test_from_inside_the_library_nothing_has_to_be_named(indexed: tuple[Objlib, Path]) -> None:
    objlib, library = indexed
    result = objlib("search", "liberty", "of", "thought", cwd=library / "ethics")
    assert result.code == 0
    assert result.out.startswith("1. ethics/on liberty.txt:1\n")
    history = objlib("explain", "on liberty.txt", cwd=library / "ethics")
    assert history.code == 0
    assert "complete_processing" in history.out


def test_questions_as_json(indexed: tuple[Objlib, Path]) -> None:
    objlib, library = indexed
    done = objlib("ask", "How did Hobbes see the life of man?", "--library", library, "--json")
    assert done.code == 0
    answer = done.json()
    assert answer["schema"] == "objlib/ask/1"
    assert answer["citations"][0]["path"] == "leviathan.txt"
    assert objlib("status", "--library", library, "--json").json()["states"]["indexed"] == 5


def test_recover_and_doctor_are_content(indexed: tuple[Objlib, Path]) -> None:
    objlib, library = indexed
    assert objlib("recover", "--library", library).out == "Nothing to recover: no run left anything behind.\n"
    doctor = objlib("doctor", "--library", library)
    assert doctor.code == 0, doctor.out


def test_a_name_that_would_act_on_the_terminal_is_shown_as_an_escape(indexed: tuple[Objlib, Path]) -> None:
    objlib, library = indexed
    result = objlib("search", "evil", "--library", library)
    assert "\x1b" not in result.out
    assert r"evil\x1b]0;owned\x07.txt" in result.out
    history = objlib("explain", LATIN, cwd=library)
    assert history.code == 0, history.err


def test_a_narrow_locale_gets_ascii(indexed: tuple[Objlib, Path]) -> None:
    objlib, library = indexed
    result = objlib("search", "épée", "--library", library, "--json", env={"PYTHONIOENCODING": "ascii"})
    assert result.out.isascii()
    assert result.json()["citations"][0]["path"] == "naïve.txt"
    listed = objlib("search", "épée", "--library", library, env={"PYTHONIOENCODING": "ascii"})
    assert listed.code == 0
    assert listed.out.isascii()


def test_a_bad_filter_is_one_line(indexed: tuple[Objlib, Path]) -> None:
    objlib, library = indexed
    done = objlib("search", "x", "--filter", "((", "--library", library)
    assert done.code in {1, 2}
    assert len(done.err.splitlines()) == 2
    assert "bug" not in done.err


def test_a_reader_that_goes_away_is_no_error(indexed: tuple[Objlib, Path]) -> None:
    objlib, library = indexed
    read, write = os.pipe()
    os.close(read)
    try:
        done = objlib("status", "--library", library, "--quiet", "--json", stdout=write)
        others = [
            objlib(*words.split(), stdout=write) for words in ("--version", "search --help", "help upload")
        ]
    finally:
        os.close(write)
    assert (done.code, done.err) == (0, "")
    assert [(other.code, other.err) for other in others] == [(0, "")] * 3


def test_a_folder_that_is_not_there_gets_no_advice_that_would_fail(indexed: tuple[Objlib, Path]) -> None:
    objlib, library = indexed
    for command in ("search x", "status", "verify", "explain x.txt", "recover"):
        done = objlib(*command.split(), "--library", library / "none")
        assert done.code == 2
        (line,) = done.err.splitlines()
        assert line.startswith(f"objlib: there is no folder {library / 'none'}")


def test_a_folder_or_nothing_is_no_file_to_explain(indexed: tuple[Objlib, Path]) -> None:
    objlib, library = indexed
    (library / "sub folder").mkdir()
    for named, words in (
        ("sub folder", "is a folder; name one of the files in it"),
        ("", "this one is empty"),
    ):
        done = objlib("explain", named, "--library", library)
        assert (done.code, words in done.err, "scan" in done.err) == (2, True, False), done.err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("args", [["status", "--json"], ["--help"], ["--version"]])
def test_a_full_disk_is_reported_without_a_traceback(indexed: tuple[Objlib, Path], args: list[str]) -> None:
    objlib, library = indexed
    with Path("/dev/full").open("w") as full:
        done = objlib(*args, cwd=library, stdout=full)
    assert done.code == 1
    assert "Traceback" not in done.err
    assert "Exception ignored" not in done.err


def test_another_store_on_the_same_ledger_is_4(indexed: tuple[Objlib, Path]) -> None:
    objlib, library = indexed
    done = objlib("upload", library, "--store", "another")
    assert done.code == 4
    assert "belongs to the store" in done.err


def test_scan_and_dry_run_send_nothing(objlib: Objlib, library: Path) -> None:
    dry = objlib("upload", library, "--dry-run")
    assert dry.code == 0, dry.err
    assert dry.out.startswith("Plan: 3 files to send.")
    scanned = objlib("scan", library, "--json")
    assert scanned.code == 0
    assert scanned.json()["new"] == 3
    assert objlib("status", "--library", library, "--json").json()["states"]["untracked"] == 3
    library.rename(library.with_name("moved"))
    gone = objlib("upload", library)
    assert gone.code == 4
    assert "nothing was changed" in gone.err


def test_a_ledger_that_is_none_is_1(objlib: Objlib, library: Path, tmp_path: Path) -> None:
    ledger = tmp_path / "led.db"
    ledger.write_bytes(b"not a database " * 100)
    done = objlib("status", "--library", library, "--ledger", ledger)
    assert done.code == 1
    assert str(ledger) in done.err
    assert "bug" not in done.err


def test_a_library_that_is_no_folder_is_exit_2(objlib: Objlib, library: Path, tmp_path: Path) -> None:
    for path, message in [(tmp_path / "nowhere", "there is no folder"), (library / "walden.md", "is a file")]:
        done = objlib("upload", path)
        assert done.code == 2
        assert done.err.startswith("objlib: ")
        assert message in done.err


def test_a_query_without_an_upload_names_the_command(objlib: Objlib, library: Path) -> None:
    done = objlib("search", "x", "--library", library)
    assert done.code == 2
    assert "objlib upload --library" in done.err.splitlines()[-1]


def test_the_first_interrupt_drains_and_is_130(environ: dict[str, str], tmp_path: Path) -> None:
    root = tmp_path / "many"
    root.mkdir()
    for number in range(160):
        (root / f"{number:03}.txt").write_text(f"Document {number} about something.\n" * 20)
    child = subprocess.Popen(
        [*SPAWN, "upload", str(root), "--json", "--max-uploads", "2", *NO_VECTORS],
        env=environ,
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with stopped_at_last(child):
        assert child.stdout is not None
        lines = []
        for line in child.stdout:
            lines.append(json.loads(line))
            if lines[-1].get("event") == "begin" and lines[-1].get("phase") == "upload":
                child.send_signal(signal.SIGINT)
        code = child.wait(30)
    assert code == 130
    assert lines[-1]["schema"] == "objlib/upload/1"
    assert lines[-1]["stopped"] == "interrupted"
    assert lines[-1]["pending"] > 0


def test_serve_answers_until_it_is_interrupted(
    environ: dict[str, str], objlib: Objlib, library: Path, tmp_path: Path
) -> None:
    child = subprocess.Popen(
        [*SPAWN, "serve", "--port", "0", "--embedded-store", str(tmp_path / "served.db")],
        env=environ,
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with stopped_at_last(child):
        assert child.stdout is not None
        url = child.stdout.readline().strip()
        assert url.startswith("http://127.0.0.1:")
        ledger = tmp_path / "remote.db"
        done = objlib("upload", library, "--base-url", url, "--ledger", ledger)
        assert done.code == 0, done.err
        assert done.err.startswith("objlib: store objlib-library-")
        result = objlib("search", "deliberately", "--library", library, "--base-url", url, "--ledger", ledger)
        assert "walden.md:" in result.out
        child.send_signal(signal.SIGTERM)
        assert child.wait(30) == 0


def test_a_closed_stdout_is_no_crash(environ: dict[str, str], library: Path) -> None:
    for args in ("--help", "--version"):
        done = subprocess.run(
            ["sh", "-c", f'"$0" -m objlib {args} >&- 2>&-', sys.executable],
            env=environ,
            cwd=library,
            check=False,
        )
        assert done.returncode in {0, 1}


def test_errors_are_plain_lines_and_colours_can_be_refused(
    objlib: Objlib, environ: dict[str, str], tmp_path: Path
) -> None:
    done = objlib("status", "--qqqqqqq")
    assert done.code == 2
    assert done.err == "objlib: unknown option: --qqqqqqq (see objlib status --help)\n"
    assert "\x1b[1mobjlib:" in on_a_terminal(["status", "--qqqqqqq"], environ, tmp_path)
    plain = on_a_terminal(["status", "--qqqqqqq"], environ | {"NO_COLOR": "1"}, tmp_path)
    assert plain.startswith("objlib: unknown option")
    assert "\x1b" not in plain


def test_fsm_upload_is_upload(environ: dict[str, str], library: Path) -> None:
    program = "import sys; from objlib.__main__ import fsm_upload; sys.exit(fsm_upload())"

    def fsm_upload(*args: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", program, *args],
            env=environ,
            cwd=library,
            capture_output=True,
            text=True,
            check=False,
        )

    done = fsm_upload(str(library), "--json", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["schema"] == "objlib/upload/1"
    assert fsm_upload("--version").stdout.startswith("objlib ")
    assert "--retry-failed" in fsm_upload("--help").stdout


@contextmanager
def stopped_at_last(child: subprocess.Popen[str]) -> Iterator[None]:
    """A child that does not outlive its test, whatever the test finds."""
    with child:
        try:
            yield
        finally:
            child.kill()


def on_a_terminal(args: list[str], environ: dict[str, str], cwd: Path) -> str:
    """The output of ``objlib ARGS`` on a terminal."""
    master, slave = pty.openpty()
    try:
        subprocess.run(
            [*SPAWN, *args],
            env=environ | {"TERM": "xterm"},
            cwd=cwd,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            check=False,
            timeout=60,
        )
        return os.read(master, 100_000).decode()
    finally:
        os.close(master)
        os.close(slave)
