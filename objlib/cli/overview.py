"""The list of commands, and ``objlib --help``, which shows it.

Nothing else is loaded for that: the parser takes ten times as long to load as the list to print.
"""

import os
import sys

COMMANDS = (
    ("upload", "objlib.cli.commands.upload:upload", "Bring the store up to date with a folder"),
    ("sync", "objlib.cli.commands.sync:sync", "Upload, and remove documents of files that are gone"),
    ("scan", "objlib.cli.commands.upload:scan", "Compare a folder with the ledger; send nothing"),
    ("status", "objlib.cli.commands.status:status", "Count files by state, with failures and reasons"),
    ("recover", "objlib.cli.commands.recover:recover", "Settle everything that a dead run left"),
    ("store-sync", "objlib.cli.commands.store_sync:store_sync", "Compare store and ledger, and repair"),
    ("index", "objlib.cli.commands.index:index", "Finish search by meaning in the embedded store"),
    ("verify", "objlib.cli.commands.verify:verify", "Audit a sample: ledger against disk against store"),
    ("rebuild", "objlib.cli.commands.verify:rebuild", "Make a lost ledger again from the store"),
    ("search", "objlib.cli.commands.search:search", "Find passages, best first, with their places"),
    ("ask", "objlib.cli.commands.search:ask", "Answer a question, with its sources"),
    ("chat", "objlib.cli.commands.chat:chat", "Ask one question after another"),
    ("explain", "objlib.cli.commands.status:explain", "Tell the whole history of one file"),
    ("model", "objlib.cli.commands.model:model", "Check an ONNX model for the embedded store"),
    ("media", "objlib.cli.commands.media:media", "Get the picture that a citation names"),
    ("metrics", "objlib.cli.commands.metrics:metrics", "Print the state of the library for a monitor"),
    ("watch", "objlib.cli.commands.watch:watch", "Keep the store in step until it is stopped"),
    ("ui", "objlib.cli.commands.ui:ui", "Show the library in a browser"),
    ("mcp", "objlib.cli.commands.mcp:mcp", "Offer the library to agents over MCP"),
    ("serve", "objlib.cli.commands.serve:serve", "Serve the embedded store on a port"),
    (
        "libraries",
        "objlib.cli.commands.libraries:libraries",
        "List the libraries that are known, or forget one",
    ),
    ("stores", "objlib.cli.commands.stores:stores", "List the stores of the service; create, delete, adopt"),
    ("move", "objlib.cli.commands.libraries:move", "Say that the folder of a library has moved"),
    ("runs", "objlib.cli.commands.runs:runs", "List the runs on the ledger, or stop one anywhere"),
    ("ledger", "objlib.cli.commands.ledger:ledger", "Check, thin, copy or dump the ledger"),
    ("doctor", "objlib.cli.commands.doctor:doctor", "Check the set-up, and say what to do"),
    ("completion", "objlib.cli.commands.completion:completion", "Print a completion script for a shell"),
)
"""Name, import path and the line that ``objlib --help`` shows without loading the command."""
NAMES = tuple(name for name, _, _ in COMMANDS)
"""The commands, in the order of the help."""
ABOUT = "Put a library of documents into a Gemini File Search store, keep it in sync, and search it."
"""The program in one sentence."""
EPILOGUE = (
    "objlib help COMMAND explains one. Exit codes: 0 well, 1 fatal, 2 usage, 3 some files failed, 4 refused, 5 drift, "
    "130 interrupted."
)
"""The last lines of the help."""


def overview(width: int) -> str:
    """The text of ``objlib --help``, in lines of at most ``width`` columns if no word is longer."""
    margin = max(map(len, NAMES)) + 4
    options = (("--help, -h", "Show this list"), ("--version", "Show the version"))
    lines = ["Usage: objlib COMMAND [OPTIONS]", "", *_wrapped(ABOUT, width), "", "Commands:"]
    lines += [f"  {name:{margin - 2}}{about}" for name, _, about in COMMANDS]
    lines += ["", "Options:", *(f"  {name:{margin - 2}}{about}" for name, about in options)]
    return "\n".join([*lines, "", *_wrapped(EPILOGUE, width)]) + "\n"


def print_overview() -> int:
    """Print ``objlib --help``, and give back its exit code."""
    return write(overview(_width()))


def write(text: str) -> int:
    """Write a text to stdout as the last thing of the process, and give back its exit code."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except AttributeError:  # no stdout at all
        return 1
    except OSError as error:  # no reader, or a full disk; at exit the interpreter would try the same again
        sys.stdout = None
        return 0 if isinstance(error, BrokenPipeError) else 1
    return 0


def _width() -> int:
    """Columns of the terminal, at most 80; ``shutil`` knows them too, and takes as long to load as all of this."""
    columns = os.environ.get("COLUMNS", "")
    if columns.isdecimal() and int(columns):
        return min(80, int(columns))
    try:
        return min(80, os.get_terminal_size(sys.stdout.fileno()).columns or 80)
    except (AttributeError, ValueError, OSError):
        return 80


def _wrapped(text: str, width: int) -> list[str]:
    lines = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + 1 + len(word) > width:
            lines.append(word)
        else:
            lines[-1] = f"{lines[-1]} {word}".lstrip()
    return lines
