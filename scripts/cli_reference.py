"""The commands and options as the app describes them: the source of ``docs/cli.md`` and of the man pages."""

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from cyclopts import Argument

from objlib.cli.app import app
from objlib.cli.examples import EXAMPLES, Example
from objlib.cli.options import COMMON


@dataclass(frozen=True, slots=True)
class Option:
    """One argument or option.

    Attributes:
        names: as it is typed, the long form first; the one name of an argument in capitals.
        value: the placeholder behind it; empty for a switch or an argument.
        help: what it does, without what follows.
        choices: the values that it takes; empty where any is.
        default: None where there is none to tell.
        variable: the environment variable that stands for it; empty where none does.
    """

    names: tuple[str, ...]
    value: str
    help: str
    choices: tuple[str, ...]
    default: str | None
    variable: str


@dataclass(frozen=True, slots=True)
class Command:
    """One command: its usage, its docstring, its own arguments and options, and examples."""

    name: str
    usage: str
    text: str
    options: Sequence[Option]
    examples: Sequence[Example]


def describe(name: str) -> Command:
    """Describe one command."""
    sub = app[name]
    function = sub.default_command
    assert function is not None
    collection = sub.assemble_argument_collection()
    arguments = [each for each in collection if each.show and not _common(each)]
    takes = any(_is_option(each) or _common(each) for each in collection if each.show)
    positional = [_placeholder(each) for each in arguments if not _is_option(each)]
    return Command(
        name=name,
        usage=" ".join(["objlib", name, *positional, *(["[OPTIONS]"] if takes else [])]),
        text=inspect.cleandoc(function.__doc__ or ""),
        options=[_option(each) for each in arguments],
        examples=EXAMPLES[name],
    )


def common_options() -> list[Option]:
    """Describe the options of every command."""
    return [_option(each) for each in app["status"].assemble_argument_collection() if _common(each)]


def _option(argument: Argument) -> Option:
    help_, _, variable = (argument.parameter.help or "").partition(" [env: ")
    default = argument.field_info.default
    return Option(
        names=tuple(argument.names),
        value=_value(argument),
        help=help_,
        choices=_choices(argument.hint),
        default=None if default in (None, False, inspect.Parameter.empty) else str(default),
        variable=variable.removesuffix("]"),
    )


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


def _value(argument: Argument) -> str:
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
