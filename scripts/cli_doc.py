"""Redraw the generated parts of ``docs/cli.md`` from the app and the registry of settings: ``just docs``.

The usage and options of each command, the common options and the settings stand between ``<!-- name -->`` and
``<!-- end -->`` lines; the prose around them is written by hand. ``tests/cli/test_docs.py`` fails when page and
code differ.
"""

import inspect
import re
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from cyclopts import Argument

from objlib.cli.app import app
from objlib.cli.examples import EXAMPLES
from objlib.cli.options import COMMON
from objlib.cli.overview import COMMANDS
from objlib.core.config.registry import SETTINGS

PAGE = Path(__file__).parent.parent / "docs" / "cli.md"


def command(name: str) -> str:
    """Render the usage, description and own options of one command."""
    sub = app[name]
    function = sub.default_command
    assert function is not None
    arguments = [each for each in sub.assemble_argument_collection() if each.show and not _common(each)]
    positional = [each for each in arguments if not _is_option(each)]
    options = [each for each in arguments if _is_option(each)]
    takes = ["[OPTIONS]"] if options or any(map(_common, sub.assemble_argument_collection())) else []
    usage = " ".join(["objlib", name, *map(_placeholder, positional), *takes])
    lines = [f"```text\n{usage}\n```", "", sentences(inspect.cleandoc(function.__doc__ or ""))]
    if arguments:
        lines += ["", "| option | meaning |", "| --- | --- |", *map(_row, arguments)]
    lines += ["", "| example | what it does |", "| --- | --- |", *map(_example, EXAMPLES[name])]
    return "\n".join(lines)


def sentences(text: str) -> str:
    """Put each sentence of a text on a line of its own."""
    joined = re.sub(r"(?<=[^\n.:])\n(?=\S)", " ", text)
    return re.sub(r"(?<=\.) (?=[A-Z])", "\n", joined)


def common() -> str:
    """Render the options of every command."""
    arguments = [each for each in app["status"].assemble_argument_collection() if _common(each)]
    return "\n".join(["| option | meaning |", "| --- | --- |", *map(_row, arguments)])


def settings() -> str:
    """Render every setting with its names in each source."""
    rows = [
        f"| {setting.about} | {f'`{setting.option}`' if setting.flag else ''} | `{setting.variable}` "
        f"| {f'`{setting.key}`' if setting.key else ''} |"
        for setting in SETTINGS
    ]
    return "\n".join(["| what | flag | variable | in `objlib.toml` |", "| --- | --- | --- | --- |", *rows])


def render(page: str) -> str:
    """Return the page with each generated part replaced by what the code says now."""
    parts = {name: command(name) for name, _, _ in COMMANDS} | {"common": common(), "settings": settings()}
    for name, text in parts.items():
        before, start, rest = page.partition(f"<!-- {name} -->\n")
        _, end, after = rest.partition("<!-- end -->")
        if not end:
            raise SystemExit(
                f"{PAGE} has no part between <!-- {name} --> and <!-- end -->; put the two lines back"
            )
        page = f"{before}{start}{text}\n{end}{after}"
    return page


def _common(argument: Argument) -> bool:
    groups = argument.parameter.group
    return isinstance(groups, tuple) and COMMON in groups


def _is_option(argument: Argument) -> bool:
    return argument.name.startswith("-")


def _placeholder(argument: Argument) -> str:
    name = argument.name.upper()
    if argument.field_info.kind is inspect.Parameter.VAR_POSITIONAL:
        return f"{name}..."
    return name if argument.required else f"[{name}]"


def _example(example: tuple[str, str]) -> str:
    typed, does = example
    return f"| `objlib {typed}` | {does} |"


def _row(argument: Argument) -> str:
    names = ", ".join(f"`{name}`" for name in argument.names)
    value = _value(argument)
    help_, _, variable = (argument.parameter.help or "").partition(" [env: ")
    notes = [help_.replace("|", "\\|")]
    if choices := _choices(argument.hint):
        notes.append("one of " + ", ".join(f"`{choice}`" for choice in choices))
    default = argument.field_info.default
    if default not in (None, False, inspect.Parameter.empty):
        notes.append(f"default `{default}`")
    if variable:
        notes.append(f"variable `{variable.removesuffix(']')}`")
    return f"| {names}{f' {value}' if value else ''} | {'; '.join(notes)} |"


def _value(argument: Argument) -> str:
    """Return the placeholder after the option: empty for a switch."""
    if not _is_option(argument) or argument.token_count()[0] == 0:
        return ""
    if argument.parameter.metavar:
        return argument.parameter.metavar
    kinds = [kind for kind in (get_args(argument.hint) or (argument.hint,)) if kind is not type(None)]
    names = {Path: "PATH", int: "N", float: "SECONDS"}
    return next(
        (names[kind] for kind in kinds if kind in names), "NAME" if not _choices(argument.hint) else ""
    )


def _choices(hint: Any) -> tuple[str, ...]:
    if get_origin(hint) is Literal:
        return get_args(hint)
    return next((choices for inner in get_args(hint) if (choices := _choices(inner))), ())


if __name__ == "__main__":
    PAGE.write_text(render(PAGE.read_text("utf-8")), "utf-8")
