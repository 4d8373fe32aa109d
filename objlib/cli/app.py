"""The app: every command by name and import path, so that none is loaded before it is asked for."""

import os
import re
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Final

from cyclopts import App, CycloptsError, UnknownCommandError, UnusedCliTokensError

from objlib import __version__
from objlib.cli.console.errors import guarded
from objlib.cli.console.output import abandon_stdout
from objlib.cli.console.terminal import is_terminal, steady_streams
from objlib.core.config.parsers import stands_for_yes
from objlib.core.errors import UsageError

COMMANDS: Final = (
    ("upload", "objlib.cli.commands.upload:upload", "Bring the store up to date with a folder"),
    ("sync", "objlib.cli.commands.sync:sync", "Upload, and remove documents of files that are gone"),
    ("scan", "objlib.cli.commands.upload:scan", "Compare a folder with the ledger; send nothing"),
    ("status", "objlib.cli.commands.status:status", "Count files by state, with failures and reasons"),
    ("recover", "objlib.cli.commands.recover:recover", "Settle everything that a dead run left"),
    ("store-sync", "objlib.cli.commands.store_sync:store_sync", "Compare store and ledger, and repair"),
    ("verify", "objlib.cli.commands.verify:verify", "Audit a sample: ledger against disk against store"),
    ("rebuild", "objlib.cli.commands.verify:rebuild", "Make a lost ledger again from the store"),
    ("search", "objlib.cli.commands.search:search", "Find passages, best first, with their places"),
    ("ask", "objlib.cli.commands.search:ask", "Answer a question, with its sources"),
    ("explain", "objlib.cli.commands.status:explain", "Tell the whole history of one file"),
    ("serve", "objlib.cli.commands.serve:serve", "Serve the embedded store on a port"),
    ("doctor", "objlib.cli.commands.doctor:doctor", "Check the set-up, and say what to do"),
    ("completion", "objlib.cli.commands.completion:completion", "Print a completion script for a shell"),
)
"""Name, import path and the line that ``objlib --help`` shows without loading the command."""


def make_app() -> App:
    """The cyclopts app. Help is plain text: a markup renderer would double its start-up time."""
    app = App(
        name="objlib",
        help="Put a library of documents into a Gemini File Search store, keep it in sync, and search it.",
        version=__version__,
        help_format="plaintext",
        help_epilogue="Every command has --help. Exit codes: 0 well, 1 fatal, 2 usage, 3 some files failed, "
        "4 refused, 5 drift, 130 interrupted.",
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
    try:
        return guarded(
            lambda: _dispatch(list(argv)),
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
        return f"{argv[0]} must come after a command: objlib COMMAND {argv[0]} (see objlib --help)"
    if isinstance(error, UnknownCommandError):
        closest = get_close_matches(argv[0], [name for name, _, _ in COMMANDS], n=1)
        text = f"unknown command {argv[0]!r}" + (f"; did you mean {closest[0]}?" if closest else "")
    elif isinstance(error, UnusedCliTokensError) and error.unused_tokens:
        text = f"unexpected argument {error.unused_tokens[0]!r}"
    else:
        text = " ".join(str(error).split()).rstrip(".")
        text = text[:1].lower() + text[1:]
    return f"{text} (see objlib {f'{command} ' if command else ''}--help)"


def _command(argv: Sequence[str]) -> str:
    return next((name for name, _, _ in COMMANDS if argv and argv[0] == name), "")


def _verbose(argv: Sequence[str]) -> bool:
    return any(arg == "--verbose" or re.fullmatch(r"-v+", arg) for arg in argv)


def _json(argv: Sequence[str]) -> bool:
    """Whether JSON is wanted, even where the settings could not be read."""
    if "--no-json" in argv:
        return False
    return "--json" in argv or stands_for_yes(os.environ.get("OBJLIB_JSON", ""))


def _flush() -> None:
    """Write out what is buffered now; the interpreter's own attempt at exit could only fail."""
    try:
        sys.stdout.flush()
    except OSError:
        abandon_stdout()
    except ValueError:
        pass
