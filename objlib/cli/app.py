"""The app: every command by name and import path, so that none is loaded before it is asked for."""

import os
import re
import shlex
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Final

from cyclopts import App, CycloptsError, UnknownCommandError, UnknownOptionError, UnusedCliTokensError

from objlib.cli.again import program
from objlib.cli.arguments import as_text, in_order
from objlib.cli.console.errors import guarded
from objlib.cli.console.output import abandon_stdout, console_of_help
from objlib.cli.console.terminal import is_terminal, steady_streams
from objlib.cli.examples import example_lines
from objlib.cli.overview import ABOUT, COMMANDS, EPILOGUE, NAMES, print_overview
from objlib.core.advice import Invocation, invoked
from objlib.core.config.parsers import stands_for_yes
from objlib.core.errors import UsageError
from objlib.core.reports.excerpt import brief
from objlib.version import __version__


def make_app() -> App:
    """The cyclopts app. Help is plain text: a markup renderer would double its start-up time."""
    app = App(
        name="objlib",
        help=ABOUT,
        version=__version__,
        help_format="plaintext",
        help_epilogue=EPILOGUE,
        result_action="return_value",
    )
    for place, (name, path, about) in enumerate(COMMANDS):
        app.command(path, name=name, help=about, sort_key=place)
    return app


app: Final = make_app()


def run(argv: Sequence[str]) -> int:
    """Run one command line and give back its exit code."""
    steady_streams()
    if not is_terminal(sys.stdout):
        app.help_formatter = "plain"
    argv = in_order(app, NAMES, argv)
    if argv[:1] and argv[0].startswith("-") and {"--help", "-h"}.intersection(_options(argv)):
        return print_overview()
    try:
        with invoked(Invocation(program())):
            return guarded(
                lambda: _dispatch(argv),
                verbose=_verbose(argv),
                json=_json(argv),
                command=_command(argv),
            )
    finally:
        _flush()


def _dispatch(argv: list[str]) -> int:
    name = _command(argv)
    if name:
        app[name].help = None  # its own docstring says more than the line in the list
        app[name].help_epilogue = "\n".join(["Examples:", *example_lines(name), "", EPILOGUE])
    if {"--help", "-h"}.intersection(_options(argv)):
        app.console = console_of_help()
    try:
        result = app(argv, exit_on_error=False, print_error=False)
    except CycloptsError as error:
        raise UsageError(_message(error, argv)) from None
    return result if isinstance(result, int) else 0


def _message(error: CycloptsError, argv: list[str]) -> str:
    """A parser's error as one line, with the help to look at."""
    error.verbose = False
    command = _command(argv)
    if isinstance(error, UnknownCommandError) and argv[0].startswith("-"):
        named = next((word for word in argv if word in NAMES), "")
        text = (
            f"{brief(argv[0])} is no option of objlib {named}"
            if named
            else f"no command is named: objlib COMMAND {shlex.join(map(brief, argv))}"
        )
    elif isinstance(error, UnknownCommandError):
        closest = get_close_matches(argv[0], NAMES, n=1)
        text = f"unknown command {brief(argv[0])!r}" + (f"; did you mean {closest[0]}?" if closest else "")
    elif isinstance(error, UnusedCliTokensError) and error.unused_tokens:
        text = f"unexpected argument {brief(error.unused_tokens[0])!r}"
    elif isinstance(error, UnknownOptionError):
        text = _unknown_option(error, command, argv)
    else:
        text = " ".join(str(error).split()).rstrip(".")
        text = text[:1].lower() + text[1:]
    return f"{text} (see objlib {f'{command} ' if command else ''}--help)"


def _unknown_option(error: UnknownOptionError, command: str, argv: Sequence[str]) -> str:
    """The option that does not exist, with the closest one that does, and the way to write it as a text."""
    word = error.token.keyword or error.token.value
    text = f"unknown option: {brief(word)}"
    if not command:
        return text
    known = [name for argument in app[command].assemble_argument_collection() for name in argument.names]
    if closest := get_close_matches(word, [name for name in known if name.startswith("--")], n=1, cutoff=0.7):
        text += f"; did you mean {closest[0]}?"
    elif other := as_text(app, command, argv[1:]):
        text += f"; a text that begins with a dash stands behind --, as in: {brief(other, 200)}"
    return text


def _command(argv: Sequence[str]) -> str:
    return next((name for name in NAMES if argv and argv[0] == name), "")


def _verbose(argv: Sequence[str]) -> bool:
    return any(arg == "--verbose" or re.fullmatch(r"-\w*v\w*", arg) for arg in _options(argv))


def _json(argv: Sequence[str]) -> bool:
    """Whether JSON is wanted, even where the settings could not be read."""
    options = _options(argv)
    if "--no-json" in options:
        return False
    asked = any(option == "--json" or re.fullmatch(r"-\w*j\w*", option) for option in options)
    return asked or stands_for_yes(os.environ.get("OBJLIB_JSON", ""))


def _options(argv: Sequence[str]) -> Sequence[str]:
    """The words that may be options: those before ``--``."""
    return argv[: argv.index("--")] if "--" in argv else argv


def _flush() -> None:
    """Write out what is buffered now; the interpreter's own attempt at exit could only fail."""
    try:
        sys.stdout.flush()
    except OSError:
        abandon_stdout()
    except ValueError:
        pass
