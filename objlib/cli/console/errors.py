"""The one place where errors become a line on stderr and an exit code.

Nurseries raise groups, always; they are taken apart here and nowhere else. An error that we
foresaw (:class:`ObjlibError`) is one line. A bug is one line too, with the way to its traceback.
"""

import os
import re
import sys
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Final

from objlib.cli.console.output import OutputError, print_object
from objlib.cli.console.terminal import safe, safe_block, terminal_of
from objlib.core.errors import Exit, ObjlibError, leaves

_LINE_BREAKS: Final = re.compile(r"\s*[\r\n\v\f\x85\u2028\u2029]\s*")


def guarded(work: Callable[[], int], *, verbose: bool, json: bool, command: str) -> int:
    """Run ``work`` and give back its exit code, or that of the error it ended with.

    A bug shows its traceback where ``verbose``. With ``json`` an error is also an object on stdout, which names the
    ``command``.
    """
    try:
        return work()
    except BrokenPipeError:
        return Exit.OK  # only stderr can break here, and it has no reader any more
    except (Exception, KeyboardInterrupt, BaseExceptionGroup) as error:
        return _report(error, verbose=verbose or _debugging(os.environ), json=json, command=command)


def _report(error: BaseException, *, verbose: bool, json: bool, command: str) -> int:
    lines, code, bug = explain(error)
    if bug and verbose:
        write_stderr(safe_block("".join(traceback.format_exception(error))))
    for line in lines:
        print_message(line)
    if bug and not verbose:
        print_message(
            "this is a bug in objlib; run the same command with -v (or OBJLIB_DEBUG=1) to see where"
        )
    if json:
        with suppress(OutputError):  # stdout may be what broke, and stderr has said so
            print_object("error", {"command": command, "error": " ".join(lines), "exit_code": int(code)})
    return code


def explain(error: BaseException) -> tuple[list[str], Exit, bool]:
    """Explain an error: the lines to print, the exit code, and whether it is a bug.

    Of several errors at once an interrupt counts first, then a bug, then the first foreseen one; every
    different foreseen line is printed.
    """
    errors = list(leaves(error))
    if any(isinstance(leaf, KeyboardInterrupt) for leaf in errors):
        return ["interrupted"], Exit.INTERRUPTED, False
    bugs = [leaf for leaf in errors if not isinstance(leaf, ObjlibError | OSError | MemoryError)]
    if bugs:
        name, text = type(bugs[0]).__name__, str(bugs[0])
        return [f"unexpected {name}{': ' if text else ''}{text}"], Exit.FATAL, True
    lines = list(dict.fromkeys(_line(leaf) for leaf in errors))
    code = next((leaf.exit_code for leaf in errors if isinstance(leaf, ObjlibError)), Exit.FATAL)
    return lines, code, False


def print_message(message: str) -> None:
    """Print one line for the user on stderr, with our name in front."""
    screen = terminal_of(sys.stderr)
    write_stderr(f"{screen.bold('objlib:')} {safe(_LINE_BREAKS.sub(' ', message.strip()))}\n")


def write_stderr(text: str) -> None:
    """Write to stderr; nothing happens when even that is gone."""
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except (OSError, ValueError):
        pass


def _line(leaf: BaseException) -> str:
    if isinstance(leaf, MemoryError):
        return "out of memory"
    if isinstance(leaf, OSError):
        place = f" ({leaf.filename})" if leaf.filename else ""
        return f"{leaf.strerror or str(leaf) or type(leaf).__name__}{place}"
    return str(leaf)


def _debugging(environ: Mapping[str, str]) -> bool:
    return environ.get("OBJLIB_DEBUG", "").lower() not in {"", "0", "false", "no", "off"}
