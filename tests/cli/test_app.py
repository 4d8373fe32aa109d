"""Mistakes on the command line."""

import pytest

from objlib.cli.app import run
from objlib.core.errors import Exit
from tests.cli.commands.kit import Engine, Read


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["upload", "lib", "--limit", "-1"], "--limit must be 0 or more"),
        (["upload", "lib", "--limit", "x"], "--limit"),
        (["upload", "lib", "more"], "unexpected argument 'more'"),
        (["upload", "lib", "--nonsense"], "unknown option: --nonsense"),
        (["upload"], "no library is set"),
        (["upload", "lib", "--library", "other"], "two libraries are named"),
        (["upload", "lib", "--max-uploads", "0"], "--max-uploads must be a whole number"),
        (["upload", "lib", "--embed-seconds", "nan"], "--embed-seconds must be"),
        (["upload", "lib", "--quiet", "-v"], "contradict"),
        (["search"], "needs a text"),
        (["search", "  "], "needs a text"),
        (["ask", "x", "--top-k", "0"], "--top-k must be"),
        (["ask", "x", "--filter", " "], "--filter is empty"),
        (["ask", "x", "--model", "a b"], "--model must be"),
        (["explain"], "FILE"),
        (["serve", "--port", "70000"], "--port must be"),
        (["serve", "--host", "0.0.0.0"], "--allow-remote"),
        (["serve", "--host", ""], "--host must be"),
        (["serve", "--backend", "gemini"], "leave --backend and --base-url out"),
        (["status", "--backend", "gemini"], "set GEMINI_API_KEY"),
        (["status", "--base-url", "nowhere"], "--base-url must be"),
        (["status", "--config", "none.toml"], "cannot read"),
        (["completion", "tcsh"], "tcsh"),
        (["uplaod"], "did you mean upload?"),
        (["zzz"], "unknown command 'zzz'"),
        (["--json"], "no command is named: objlib COMMAND --json"),
        (["--nonsense", "status"], "--nonsense is no option of objlib status"),
        (["--limit", "3", "status"], "--limit is no option of objlib status"),
        (["help", "serch"], "did you mean search?"),
        (["upload", "lib", "--embed-second", "3"], "did you mean --embed-seconds?"),
        (["search", "--colour", "of", "rain"], "objlib search -- --colour of rain (see"),
        (["ask", "-k", "3", "-273 degrees?", "-x"], "objlib ask -k 3 -- '-273 degrees?' -x (see"),
        (["sync", "lib", "--prune", "--grace", "7days"], "--prune-grace must be a time such as"),
    ],
)
def test_a_mistake_on_the_command_line_is_one_line_and_exit_2(
    engine: Engine, args: list[str], message: str, read: Read
) -> None:
    assert run(args) == Exit.USAGE
    out, err = read()
    assert message in err
    assert err.startswith("objlib: ")
    assert err.count("\n") == 1
    assert out == "" or "--json" in args
    assert engine.opened == []


LONG = "word " * 10_000


@pytest.mark.parametrize(
    "args",
    [["search", f"--- {LONG}"], [LONG], [f"-{LONG}"], ["upload", "lib", LONG], [f"--{LONG}", "status"]],
)
def test_a_mistake_repeats_only_the_beginning_of_a_text(
    args: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(args) == Exit.USAGE
    error = capsys.readouterr().err
    assert "word word" in error
    assert len(error) < 500
