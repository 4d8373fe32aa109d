"""Commands in messages, written so that the user can copy and run them from where the message appears.

A message is made wherever something is known, the options of the call by the command line alone. So the command line
sets an :class:`Invocation` around a command, and :func:`advise` completes each command with it. Handing the options
down to every message was the alternative: thirty functions would have passed them on.
"""

import re
import shlex
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

PROGRAM = "objlib"


@dataclass(slots=True)
class Invocation:
    """How the user called the program.

    Attributes:
        program: the word or words that start it, quoted for a shell.
        options: gives the options without which another command would work with something else.
    """

    program: str = PROGRAM
    options: Callable[[], Sequence[str]] = tuple


_invocation: ContextVar[Invocation | None] = ContextVar("invocation", default=None)


@contextmanager
def invoked(invocation: Invocation) -> Iterator[Invocation]:
    """Complete the advice within this block for ``invocation``, which may still be filled in."""
    token = _invocation.set(invocation)
    try:
        yield invocation
    finally:
        _invocation.reset(token)


def invocation() -> Invocation | None:
    """The call that is under way; None outside of the command line."""
    return _invocation.get()


def advise(command: str, *words: str) -> str:
    """A command as one line for a shell, such as ``objlib upload --retry-failed --library lectures``.

    Args:
        command: its name with its own options, as in ``upload --retry-failed``.
        words: texts from elsewhere, such as a file's name; they are quoted, and cannot be taken for options.
    """
    current = _invocation.get() or Invocation()
    parts = [current.program, command, *map(quote, current.options())]
    texts = [*(["--"] if any(word.startswith("-") for word in words) else []), *map(quote, words)]
    name, _, own = command.partition(" ")
    if not words:
        return " ".join(parts)
    if texts[0] == "--":
        return " ".join([*parts, *texts])
    return " ".join([current.program, name, *texts, *([own] if own else []), *parts[2:]])


def quote(word: str) -> str:
    """One word for a POSIX shell; one that a terminal would not show as it is, is written with ``$'…'``."""
    if word.isprintable():
        return shlex.quote(word)
    return "$'" + re.sub(r"[^ -&(-\[\]-~]", _escape, word) + "'"


def _escape(match: re.Match[str]) -> str:
    char = match.group()
    if char.isprintable() and not char.isascii():
        return char
    return "".join(f"\\x{byte:02x}" for byte in char.encode("utf-8", "surrogateescape"))
