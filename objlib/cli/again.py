"""The options and the program's name that a further command needs, from where the user stands."""

import os
import shlex
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any, Final

import objlib
from objlib.cli.options import CommonOptions
from objlib.core.advice import PROGRAM, Invocation, invocation, invoked, quote
from objlib.core.config.settings import Settings
from objlib.core.errors import ObjlibError

_CARRIED: Final = (
    ("config", "config"),
    ("library", "library"),
    ("base_url", "base_url"),
    ("backend", "backend"),
    ("ledger", "ledger"),
    ("embedded_store", "embedded"),
    ("store", "store"),
    ("exclude", "exclude"),
    ("include", "include"),
    ("gitignore", "gitignore"),
)
"""Options that say what a command works with, each with its field of the settings."""


Load = Callable[[CommonOptions], Settings]
"""Loads the settings of another command that is called from here with these options."""


def carry(settings: Settings, load: Load) -> None:
    """Let all further advice of this call name what ``settings`` name."""
    current = invocation()
    if current is not None:
        current.options = cache(partial(options_again, settings, load))


def options_again(settings: Settings, load: Load) -> list[str]:
    """The options without which another command from here would work with something else."""
    given = CommonOptions()
    words: list[str] = []
    for option, field in _CARRIED:
        value = getattr(settings, field)
        if value is not None and _differs(load, given, field, value):
            more: dict[str, Any] = {option: (value,) if option == "library" else value}
            given = replace(given, **more)
            words += _words(option.replace("_", "-"), value)
    return words


def _words(option: str, value: object) -> list[str]:
    if isinstance(value, bool):
        return [f"--{option}" if value else f"--no-{option}"]
    values = value if isinstance(value, tuple) else (value,)
    return [word for each in values for word in (f"--{option}", str(each))]


def _differs(load: Load, given: CommonOptions, field: str, value: object) -> bool:
    """Whether a command with the options ``given`` would take something else for ``field``."""
    try:
        with invoked(Invocation()):  # a refusal may advise, too, and would ask for the options again
            return bool(getattr(load(given), field) != value)
    except ObjlibError:
        return field in {"config", "library"}


def program() -> str:
    """The words that start this program here: its name where the shell finds it, else its path."""
    if shutil.which(PROGRAM):
        return PROGRAM
    script = Path(sys.argv[0])
    if script.stem in {PROGRAM, "fsm-upload"} and (script.parent / PROGRAM).is_file():
        return quote(_from_here(script.parent / PROGRAM))
    return shlex.join([_from_here(Path(sys.executable)), "-m", PROGRAM])


def how_to_install() -> str:
    """The command that puts the program on the PATH; empty where it is, or where its source is not at hand."""
    source = Path(objlib.__file__).parent.parent
    if shutil.which(PROGRAM) or not (source / "pyproject.toml").is_file():
        return ""
    here = _from_here(source)
    return f"uv tool install {quote(here)}"


def _from_here(path: Path) -> str:
    """``path`` as short as it can be typed in the working folder."""
    whole = Path(os.path.abspath(path))  # noqa: PTH100  not resolved: a link may be what is on offer
    here = Path.cwd()
    short = str(whole.relative_to(here)) if whole.is_relative_to(here) else str(whole)
    return short if "/" in short or short == "." else f"./{short}"
