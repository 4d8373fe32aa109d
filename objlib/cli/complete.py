"""``objlib complete``, which the completion scripts of the shells call at each press of the key.

It answers with a line for each candidate, with a description behind a tab where there is one; or with ``:files`` or
``:folders``, which the shell completes by itself. No parser is loaded: that would take longer than all the rest.
"""

import json
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from objlib.cli.completion_table import COMMON, OPTIONS
from objlib.cli.overview import COMMANDS, NAMES, write
from objlib.hints import Hints

FILES: Final = ":files"
FOLDERS: Final = ":folders"
VALUES: Final = {
    "--filter": "filter",
    "--library": "library",
    "--store": "store",
}
"""The options whose values stand in catalog or ledger."""
PLACES: Final[dict[str, tuple[str, ...]]] = {
    "upload": (FOLDERS,),
    "sync": (FOLDERS,),
    "scan": (FOLDERS,),
    "watch": (FOLDERS,),
    "ui": (FOLDERS,),
    "mcp": (FOLDERS,),
    "status": (FOLDERS,),
    "explain": ("path",),
    "help": ("command",),
    "completion": ("bash zsh fish",),
    "stores": ("list create delete adopt", "store"),
    "runs": ("list stop", "run"),
    "libraries": ("list forget", "library"),
    "move": ("library", FOLDERS),
    "model": ("check", FOLDERS),
    "media": ("get",),
    "ledger": ("check compact copy dump", FILES, FILES),
}
"""The words of a command that are no option, each by what it may be."""
_JOIN: Final = re.compile(r"\s+(?:AND|OR)\s+\(?|^\(", re.IGNORECASE)
_CONDITION: Final = re.compile(r"\s*(?P<key>[\w.-]+)\s*(?P<operator>=|!=|<=|>=|<|>)\s*")


def complete(argv: Sequence[str]) -> int:
    """Print the candidates for the last of the words behind ``SHELL --``, and give back the exit code."""
    shell, words = (argv[0] if argv else ""), [_unquoted(word) for word in argv[2:]]
    if shell == "bash":
        words = _joined(words)
    lines = candidates(words or [""])
    if shell == "bash":  # which replaces no more than what stands behind the sign
        lines = [_behind_sign(line, words[-1] if words else "") for line in lines]
    return write("".join(f"{line}\n" for line in lines))


def candidates(words: Sequence[str]) -> list[str]:
    """The candidates for the last word, given those before it."""
    *before, last = words
    given, others, expected = _read(before)
    command = others[0] if others else ""
    options = COMMON | OPTIONS.get(command, {})
    if not expected and last.startswith("--") and "=" in last:
        expected, _, start = last.partition("=")
        return [f"{expected}={line}" for line in _values(_kind(command, expected), start, given)]
    if expected:
        return _values(_kind(command, expected), last, given)
    if last.startswith("-") and "--" not in before:
        return _fitting((f"{name}\t{about}" for name, (_, about) in options.items()), last)
    if not command:
        return _fitting((f"{name}\t{about}" for name, _, about in COMMANDS), last)
    places = PLACES.get(command, ())
    at = len(others) - 1
    return _values(places[at], last, given) if at < len(places) else []


def _read(words: Sequence[str]) -> tuple[dict[str, str], list[str], str]:
    """The values of the options, the other words, and the option that still waits for its value."""
    takes: dict[str, str] = {name: kind for name, (kind, _) in COMMON.items()}
    given: dict[str, str] = {}
    others: list[str] = []
    expected, only_words = "", False
    for word in words:
        if expected:
            given[expected], expected = word, ""
        elif word == "--" and not only_words:
            only_words = True
        elif only_words or not word.startswith("-"):
            if not others and word in NAMES:
                takes |= {name: kind for name, (kind, _) in OPTIONS.get(word, {}).items()}
            others.append(word)
        elif "=" in word:
            name, _, given[name] = word.partition("=")
        elif takes.get(word):
            expected = word
    return given, others, expected


def _kind(command: str, option: str) -> str:
    kind, _ = (COMMON | OPTIONS.get(command, {})).get(option, ("", ""))
    return VALUES.get(option, kind)


def _values(kind: str, start: str, given: dict[str, str]) -> list[str]:
    from platformdirs import user_data_dir

    hints = Hints(Path(user_data_dir("objlib", appauthor=False)), os.environ, given)
    match kind:
        case ":files" | ":folders":
            return [kind]
        case "filter":
            return _conditions(hints, start)
        case "path":
            return hints.paths(start)
        case "store":
            return _fitting(hints.stores(), start)
        case "run":
            return _fitting(hints.runs(), start)
        case "library":
            return _fitting(hints.libraries(), start) or [FOLDERS]
        case "command":
            return _fitting(NAMES, start)
        case "" | "value":
            return []
        case _:
            return _fitting(kind.split(), start)


def _conditions(hints: Hints, text: str) -> list[str]:
    """The filters that go on from ``text``: a key, then each of its values."""
    ends = [match.end() for match in _JOIN.finditer(text)]
    before, last = (text[: ends[-1]], text[ends[-1] :]) if ends else ("", text)
    if condition := _CONDITION.match(last):
        head, start = last[: condition.end()], last[condition.end() :]
        values = hints.values(condition["key"])
        return [f"{before}{head}{value}" for value in values if value.startswith(start)]
    keys = _fitting(hints.keys(), last.strip())
    if len(keys) == 1:
        return [f"{before}{_key(keys[0])} = {value}" for value in hints.values(keys[0])]
    return [f"{before}{_key(key)}" for key in keys]


def _key(key: str) -> str:
    return key if re.fullmatch(r"[\w.-]+", key) else json.dumps(key, ensure_ascii=False)


def _fitting(lines: Iterable[str], start: str) -> list[str]:
    return [line for line in lines if line.startswith(start)]


def _unquoted(word: str) -> str:
    """The word as the program would get it, where a shell gives it as it was typed, perhaps with an open quote."""
    if word[:1] in {"'", '"'}:
        quote = word[0]
        return word[1:-1] if len(word) > 1 and word.endswith(quote) and quote == "'" else word[1:]
    return re.sub(r"\\(.)", r"\1", word)


def _joined(words: Sequence[str]) -> list[str]:
    """The words of bash, which takes ``--option=value`` for three."""
    joined: list[str] = []
    for word in words:
        glued = joined and (word == "=" or joined[-1].endswith("=")) and joined[-1].startswith("--")
        if glued and "=" not in joined[-1][:-1]:
            joined[-1] += word
        else:
            joined.append(word)
    return joined


def _behind_sign(line: str, word: str) -> str:
    return line.partition("=")[2] if word.startswith("--") and "=" in word else line.partition("\t")[0]
