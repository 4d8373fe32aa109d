"""Results on stdout, as text or as JSON, and what happens when stdout cannot take them.

A reader that went away (``| head``) is no error: the rest is dropped in silence, and the command's own exit code
stands. A full disk is an error, reported in one line.
"""

import dataclasses
import json
import math
import os
import re
import sys
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import IO, TYPE_CHECKING, Any, Final

from objlib.cli.console.terminal import safe
from objlib.core.errors import ObjlibError

if TYPE_CHECKING:  # it takes long to load
    from rich.console import Console

_CONTROL: Final = re.compile("[\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


class OutputError(ObjlibError):
    """The result could not be written to stdout; the work itself is done."""


def print_lines(lines: Iterable[str]) -> None:
    """Write lines of text to stdout.

    Raises:
        OutputError: stdout is a file that cannot be written.
    """
    _write("".join(f"{line}\n" for line in lines))


def print_paths(paths: Iterable[str], *, null: bool) -> None:
    """Write paths to stdout, each with a line break or, with ``null``, a NUL behind it.

    Behind a NUL stand the exact bytes of a name. On a line of its own a name that a terminal would act on, or that has
    a line break, is escaped.

    Raises:
        OutputError: stdout is a file that cannot be written.
    """
    if not null:
        print_lines(safe(path) for path in paths)
        return
    data = b"".join(os.fsencode(path) + b"\0" for path in paths)
    buffer = getattr(sys.stdout, "buffer", None)
    if buffer is None:
        _write(data.decode(errors="surrogateescape"))
        return
    sys.stdout.flush()
    _write_to(buffer, data)


def print_file(file: IO[bytes]) -> None:
    """Write a whole file to stdout, in pieces.

    Raises:
        OutputError: stdout is a file that cannot be written.
    """
    file.seek(0)
    buffer = getattr(sys.stdout, "buffer", None)
    sys.stdout.flush()
    while piece := file.read(1 << 20):
        _write(piece.decode()) if buffer is None else _write_to(buffer, piece)


def print_object(schema: str, value: object, **more: Any) -> None:
    """Write a result as one JSON object on one line, with ``schema`` first.

    The schema is ``objlib/<schema>/1``. The fields of a report become members; any other value becomes ``result``.
    """
    plain = to_plain(value)
    body = plain if isinstance(plain, dict) else {"result": plain}
    _write(encode({"schema": f"objlib/{schema}/1"} | body | more) + "\n")


def print_event(event: Mapping[str, Any]) -> None:
    """Write one NDJSON event line."""
    _write(encode(to_plain(event)) + "\n")


def encode(value: object) -> str:
    """JSON text that stdout's encoding can carry; what it cannot is escaped the JSON way."""
    # JSON leaves DEL and the controls beyond ASCII as they are; a terminal would act on them.
    text = _CONTROL.sub(
        lambda match: f"\\u{ord(match[0]):04x}", json.dumps(value, ensure_ascii=False, allow_nan=False)
    )
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:  # a narrow locale, or a file name that is not valid Unicode
        return json.dumps(value, allow_nan=False)
    return text


def to_plain(value: object) -> Any:
    """A report as dictionaries, lists, texts and numbers. Numbers that JSON has no word for become null."""
    match value:
        case Enum():
            return to_plain(value.value)
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else None
        case Mapping():
            return {str(key): to_plain(item) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [to_plain(item) for item in value]
        case _ if dataclasses.is_dataclass(value):
            return {field.name: to_plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
        case _:
            return str(value)


def _write(text: str) -> None:
    _write_to(sys.stdout, text)


def _write_to(stream: IO[Any], content: str | bytes) -> None:
    try:
        stream.write(content)
        stream.flush()
    except BrokenPipeError:
        abandon_stdout()
    except OSError as error:
        abandon_stdout()
        raise OutputError(f"cannot write the result to stdout: {error.strerror or error}") from error


def console_of_help() -> "Console":
    """The console that help is printed with: like all output it may be cut short, as by ``| head``."""
    from rich.console import Console

    class HelpConsole(Console):
        def on_broken_pipe(self) -> None:
            self.quiet = True
            abandon_stdout()

    return HelpConsole()


def abandon_stdout() -> None:
    """Let what is still buffered go nowhere, so that the interpreter does not stumble over it at exit."""
    try:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)
    except (OSError, ValueError):
        pass  # stdout is not a file of this process: nothing can be left in a buffer of it
