"""The reference page and the app say the same."""

import ast
import re
import runpy
import shlex
from dataclasses import fields
from typing import Literal

import pytest

from objlib.cli.app import app, run
from objlib.cli.arguments import in_order
from objlib.cli.commands.completion import completion
from objlib.cli.complete import complete
from objlib.cli.examples import EXAMPLES
from objlib.cli.overview import COMMANDS, NAMES
from objlib.core.config.backend import KEY_VARIABLES
from objlib.core.config.registry import SETTINGS
from objlib.core.config.resolve import OTHER_VARIABLES
from objlib.core.errors import Exit
from objlib.core.events import EventKind, GovernorStatistics, Phase
from objlib.core.stop_reason import StopReason
from tests.house.tree import ROOT, files, read

PAGE = read("docs/cli.md")


def test_the_generated_parts_are_up_to_date() -> None:
    script = runpy.run_path(str(ROOT / "scripts" / "cli_doc.py"))
    assert script["render"](PAGE) == PAGE, "run `just docs`"


def test_every_command_has_a_section_and_every_section_a_command() -> None:
    part = PAGE.partition("\n## Commands\n")[2].partition("\n## ")[0]
    assert re.findall(r"^### (.+)$", part, re.MULTILINE) == [name for name, _, _ in COMMANDS]


@pytest.mark.parametrize(("name", "path"), [(name, path) for name, path, _ in COMMANDS])
def test_every_command_and_option_has_a_help_text(name: str, path: str) -> None:
    function = app[name].default_command
    assert function is not None
    assert f"{function.__module__}:{function.__name__}" == path
    assert function.__doc__
    for argument in app[name].assemble_argument_collection():
        assert argument.parameter.help or not argument.show, f"{name} {argument.name} has no help"


@pytest.mark.parametrize("name", [name for name, _, _ in COMMANDS])
def test_the_examples_of_a_command_are_taken_and_stand_in_its_help(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for typed, does in EXAMPLES[name]:
        words = shlex.split(re.split(" [<>] ", typed)[0])
        assert words[0] == name
        command, _, _ = app.parse_args(in_order(app, NAMES, words), exit_on_error=False, print_error=False)
        assert command is app[name].default_command
        assert does
        assert run([name, "--help"]) == Exit.OK
        assert " ".join(f"objlib {typed}".split()) in " ".join(capsys.readouterr().out.split())


def test_every_option_that_is_a_setting_names_its_variable() -> None:
    variables = {setting.option: setting.variable for setting in SETTINGS if setting.flag}
    seen = set()
    for name, _, _ in COMMANDS:
        for argument in app[name].assemble_argument_collection():
            if argument.name in variables:
                seen.add(argument.name)
                assert f"[env: {variables[argument.name]}]" in str(argument.parameter.help)
    assert seen == set(variables)


def test_every_exit_code_is_documented() -> None:
    part = PAGE.partition("\n## Exit codes\n")[2].partition("\n## ")[0]
    assert [int(code) for code in re.findall(r"^\| (\d+) \|", part, re.MULTILINE)] == sorted(Exit)


def events_in_code() -> set[tuple[str, frozenset[str]]]:
    """Each event that is reported anywhere, and its fields, as the calls spell them."""
    events = set()
    calls = (node for path in files("objlib/*.py") for node in ast.walk(ast.parse(path.read_text("utf-8"))))
    for call in calls:
        if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)):
            continue
        words = {each.arg: each.value for each in call.keywords if each.arg}
        if any(ast.unparse(each.value) == "asdict(now)" for each in call.keywords if each.arg is None):
            words |= {field.name: ast.Constant(None) for field in fields(GovernorStatistics)}
        match call.func.attr, [*call.args, words.pop("event", None)]:
            case "event", [ast.Attribute(value=ast.Name("EventKind"), attr=member), *_]:
                events.add((str(EventKind[member]), frozenset(words)))
            case "_print", [ast.Constant(value=str(name))]:
                events.add((name, frozenset(words)))
    return events


def test_every_event_is_documented_with_its_fields() -> None:
    part = PAGE.partition("\n### Events\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \|", part, re.MULTILINE)
    events = events_in_code()
    assert {"begin", "end", "pressure", "note", *EventKind} == {name for name, _ in events}
    assert len(rows) == len(events)
    assert {(name, frozenset(re.findall(r"`(\w+)`", words))) for name, words in rows} == events


def test_every_phase_and_reason_to_stop_is_documented() -> None:
    part = PAGE.partition("\n### Events\n")[2].partition("\n## ")[0]
    rows = dict(re.findall(r"^\| `(begin|stopping)` \|(.+)$", part, re.MULTILINE))
    assert {*Phase, "phase", "files", "bytes"} == set(re.findall(r"`(\w+)`", rows["begin"]))
    assert {*StopReason, "reason", "advice"} - {StopReason.NONE, StopReason.INTERRUPTED} == set(
        re.findall(r"`(\w+)`", rows["stopping"])
    )


def test_no_variable_and_no_option_is_named_that_does_not_exist() -> None:
    variables = {setting.variable for setting in SETTINGS} | OTHER_VARIABLES
    assert set(re.findall(r"\bOBJLIB_[A-Z_]+", PAGE)) == variables
    assert set(re.findall(r"\b\w+_API_KEY", PAGE)) == set(KEY_VARIABLES)
    options = {"--help", "--version"}
    for name, _, _ in COMMANDS:
        options |= {each for argument in app[name].assemble_argument_collection() for each in argument.names}
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", PAGE)) <= options


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_knows_every_command(
    shell: Literal["bash", "zsh", "fish"], capsys: pytest.CaptureFixture[str]
) -> None:
    assert completion(shell) == 0
    assert f"complete {shell} --" in capsys.readouterr().out
    assert complete([shell, "--", ""]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition("\t")[0] for line in lines] == [name for name, _, _ in COMMANDS]
