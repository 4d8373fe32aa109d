"""The order of a command line: options may stand before the command, and ``help`` is one.

Nothing is parsed here: the words are put into the order that the parser takes.
"""

import os
import shlex
from collections.abc import Sequence
from typing import Final

from cyclopts import App, Argument

HELP: Final = "help"
"""``objlib help COMMAND`` is ``objlib COMMAND --help``."""
TEXTS: Final = frozenset({"search", "ask"})
"""Commands that take any number of words; the others take one path."""


def in_order(app: App, names: Sequence[str], argv: Sequence[str]) -> list[str]:
    """``argv`` with the command first, and ``help`` as the option that it stands for.

    The command is the first word of ``names`` before which only options of that command stand, with their values.
    Without one the words stay as they are.
    """
    if argv[:1] == [HELP]:
        return [*argv[1:2], "--help"]
    if not argv or not argv[0].startswith("-"):
        return list(argv)
    for place, word in enumerate(argv):
        if word == "--":
            break
        if word in names and not split_options(app, word, argv[:place])[1]:
            return [word, *argv[:place], *argv[place + 1 :]]
    return list(argv)


def as_text(app: App, command: str, words: Sequence[str]) -> str:
    """The command line in which what is no option of ``command`` stands behind ``--``; empty if it cannot."""
    options, texts = split_options(app, command, words)
    whole = command in TEXTS or len(texts) == 1
    takes = any(not argument.name.startswith("-") and argument.show for argument in _arguments(app, command))
    typo = not whole or (command not in TEXTS and not os.path.lexists(texts[0]))
    return "" if typo or not takes else shlex.join(["objlib", command, *options, "--", *texts])


def split_options(app: App, command: str, words: Sequence[str]) -> tuple[list[str], list[str]]:
    """The words that are options of ``command`` or their values, and the others, each in their order."""
    takes_value = {
        name: not _is_switch(argument) for argument in _arguments(app, command) for name in argument.names
    }
    options: list[str] = []
    others: list[str] = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        name = word.partition("=")[0] if word.startswith("--") else word
        if name not in takes_value and not _are_switches(word, takes_value):
            others.append(word)
        elif takes_value.get(name) and "=" not in word:
            if rest:
                options += [word, rest.pop(0)]
            else:
                others.append(word)
        else:
            options.append(word)
    return options, others


def _arguments(app: App, command: str) -> Sequence[Argument]:
    return app[command].assemble_argument_collection()


def _is_switch(argument: Argument) -> bool:
    return argument.token_count()[0] == 0 or "bool" in str(argument.hint)


def _are_switches(word: str, takes_value: dict[str, bool]) -> bool:
    """Whether a word is several one-letter switches, such as ``-vv``."""
    letters = word[1:] if word.startswith("-") and not word.startswith("--") else ""
    return bool(letters) and all(takes_value.get(f"-{letter}") is False for letter in letters)
