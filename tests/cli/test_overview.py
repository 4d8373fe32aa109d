"""``objlib --help``: the list of commands."""

import pytest

from objlib.cli.app import app, run
from objlib.cli.overview import COMMANDS, overview


def test_each_command_stands_in_the_list_with_its_line() -> None:
    lines = overview(80).splitlines()
    for name, _, about in COMMANDS:
        assert any(line.split() == [name, *about.split()] for line in lines), name


@pytest.mark.parametrize("width", [1, 20, 60, 80])
def test_no_words_are_lost_in_a_narrow_terminal(width: int) -> None:
    assert overview(width).split() == overview(80).split()


@pytest.mark.parametrize("args", [["-q", "--help"], ["--json", "-h"], ["--help", "--quiet"]], ids=repr)
def test_options_before_the_command_lead_to_the_same_list(
    capsys: pytest.CaptureFixture[str], args: list[str]
) -> None:
    assert run(args) == 0
    assert capsys.readouterr().out == overview(80)


def test_the_parser_knows_the_commands_of_the_list() -> None:
    for name, path, _ in COMMANDS:
        assert app[name] is not None, path
