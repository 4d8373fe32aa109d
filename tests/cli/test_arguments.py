"""Options before the command, ``help COMMAND``, and texts that begin with a dash."""

from pathlib import Path

import pytest

from objlib.cli.app import app, run
from objlib.cli.arguments import as_text, in_order
from objlib.cli.overview import NAMES
from objlib.core.errors import Exit
from objlib.core.reports.upload import ScanReport
from tests.cli.commands.kit import ANSWER, STATUS, UPLOAD, Engine, Read


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("status --json", "status --json"),
        ("--json status", "status --json"),
        ("-jq status", "status -jq"),
        ("--library status status", "status --library status"),
        ("--library=status --json status", "status --library=status --json"),
        ("-vv --limit 3 upload lib", "upload -vv --limit 3 lib"),
        ("-k 3 search status -- -x", "search -k 3 status -- -x"),
        ("help upload", "upload --help"),
        ("help", "--help"),
        ("--version", "--version"),
        ("--nonsense status", "--nonsense status"),
        ("--json -- status", "--json -- status"),
        ("--library status", "--library status"),
        ("", ""),
    ],
)
def test_the_command_comes_first(words: str, expected: str) -> None:
    assert in_order(app, NAMES, words.split()) == expected.split()


def test_a_command_before_its_options_is_run_with_them(engine: Engine, read: Read) -> None:
    engine.gives("status.status", STATUS)
    assert run(["-j", "--library", "lib", "status"]) == Exit.OK
    out, _ = read()
    assert out.startswith('{"schema": "objlib/status/1"')
    assert engine.opened[0][0].library.name == "lib"


def test_short_names_of_frequent_options(engine: Engine, read: Read) -> None:
    engine.gives("scan.scan.scan", ScanReport())
    engine.gives("search.ask.search", ANSWER)
    assert run(["scan", "lib", "-n", "-j"]) == Exit.OK
    assert run(["search", "-k", "3", "--library", "lib", "x"]) == Exit.OK
    assert [more.get("dry_run", more.get("top_k")) for _, more in engine.asked] == [True, 3]


def test_help_of_a_command_is_its_own(read: Read) -> None:
    assert run(["help", "rebuild"]) == Exit.OK
    assert "Usage: objlib rebuild" in read()[0]


@pytest.mark.parametrize("text", ["-x", "--x", "-5 degrees", "-vx y"])
def test_the_advice_for_a_text_with_a_dash_works(text: str, engine: Engine, read: Read) -> None:
    engine.gives("search.ask.search", ANSWER)
    if run(["search", text, "--library", "lib"]) != Exit.OK:
        advice = as_text(app, "search", [text, "--library", "lib"])
        assert advice in read()[1]
    assert run(["search", "--library", "lib", "--", text]) == Exit.OK
    assert engine.asked[-1][1]["args"] == (text,)


def test_a_folder_with_a_dash_is_taken_for_one_where_it_exists(engine: Engine, tmp_path: Path) -> None:
    assert as_text(app, "upload", ["-lib"]) == ""
    (tmp_path / "-lib").mkdir()
    assert as_text(app, "upload", ["--limit", "3", "-lib"]) == "objlib upload --limit 3 -- -lib"
    assert as_text(app, "upload", ["lib", "-lib"]) == ""
    assert as_text(app, "status", ["-lib"]) == ""


@pytest.mark.parametrize(("text", "seconds"), [("90", 90), ("15m", 900), ("1h30m", 5400), ("1.5h", 5400)])
def test_a_time_may_have_units(text: str, seconds: float, engine: Engine) -> None:
    engine.gives("upload.run.upload", UPLOAD)
    assert run(["upload", "lib", "--embed-seconds", text]) == Exit.OK
    assert engine.opened[0][0].embed_seconds == seconds
