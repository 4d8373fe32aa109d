"""Lint of the prose: docstrings, comments, messages, pages and the names of tests.

``python -m tests.house.prose PATH...`` prints each finding as ``file:line: phrase`` and exits with 1 when there is one.
It also counts the local variables that are named by a bare participle, as a hint; those alone are no finding.
"""

import ast
import io
import re
import sys
import tokenize
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from tests.house.tree import ROOT, files

PHRASES: Final = (
    r"so many",
    r"in hand",
    r"in the hands? of",
    r"told of",
    r"for ever",
    r"by himself",
    r"at (?:its|their|his) word",
    r"nobody|somebody|who(?:so)?ever",
    r"for who",
    r"a person",
    r"it is about",
    r"dear(?:er|est)?",
    r"push(?:ed|es|ing)?[ -]back",
    r"look away",
    r"appetite",
    r"insist(?:s|ed|ing|ence)?",
    r"mischief",
    r"wreckage",
    r"not (?:un(?:known|likely|common|usual|like|able|seen|important|reasonable)|impossible|nothing|never|none)",
    r"(?:cannot|never) not",
)
"""What the code and its pages do not say, as regular expressions. A blank matches any white space, a line end too.

They are metaphors, words of no field, subjects that hide the actor, and double negations.
"""

EXAMPLES: Final = ("tests/house/prose.py", "tests/house/test_prose.py")
"""The files that have to spell the phrases."""

SUFFIXES: Final = frozenset({".py", ".md", ".sh", ".toml", ".yml", ".yaml"})
"""Endings of the files that hold prose."""

NAME_LENGTH: Final = 80
"""Characters of a test's name at most: a longer one does not fit a terminal beside its file."""

HELPERS: Final = ("option", "switch", "common")
"""Functions whose first argument is a text of ``--help``."""

PARTICIPLES: Final = frozenset("found told said known taken left made wanted".split())
"""Local variables named by how a value was got, and not by what it is."""

_BANNED: Final = re.compile(
    "|".join(rf"\b(?:{phrase})\b" for phrase in PHRASES).replace(" ", r"\s+"), re.IGNORECASE
)
_CLAUSE: Final = re.compile(r"(?:What|Who)\s[^.?!]*[.:;]")
_NO_SENTENCE: Final = re.compile(r"\s*(?:[#|<]|!\[)")
_NEW_PIECE: Final = re.compile(r"\s*(?:[#|<]|!\[|[*-] |\d+\. )")
_ITEM: Final = re.compile(r"\s*(?:[*-] |\d+\. )")
_TWO_SENTENCES: Final = re.compile(r"(?<!e\.g)(?<!i\.e)(?<!\d)[.?!][\"'`)*]*\s+(?:`|[\"'(*\[]*[A-Z])")
_SENTENCE_END: Final = re.compile(r"[.?!:;][\"'`)*]*$")
_FENCED: Final = re.compile(r"^(```|~~~).*?^\1|^<!-- (?!end).*?^<!-- end -->", re.MULTILINE | re.DOTALL)


class Finding(NamedTuple):
    """One phrase that has to be said otherwise."""

    place: str
    line: int
    phrase: str

    def __str__(self) -> str:
        return f"{self.place}:{self.line}: {self.phrase}"


class Prose(NamedTuple):
    """A piece of text that a reader reads, and the line at which it starts."""

    line: int
    text: str


def lint(paths: Iterable[Path]) -> list[Finding]:
    """List the findings of files, in order."""
    return [finding for path in paths for finding in _lint_file(path)]


def _lint_file(path: Path) -> Iterator[Finding]:
    place = path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else str(path)
    if place in EXAMPLES:
        return
    text = path.read_text("utf-8")
    if path.suffix == ".py":
        yield from lint_python(place, text)
    else:
        text = _without_fences(text)
        yield from lint_text(place, [Prose(1, text)])
        if path.suffix == ".md":
            yield from lint_lines(place, text)


def lint_python(place: str, source: str) -> list[Finding]:
    """List the findings of a Python file: its prose, its constants and, of a test file, the names of the tests."""
    tree = ast.parse(source)
    tests = place.startswith("tests/")
    prose = [*_comments(source), *_docstrings(tree)]
    if not tests:  # what a test hands to the program is data
        prose += _messages(tree, skip={piece.line for piece in prose})
    findings = [*lint_text(place, prose), *_openings(place, tree), *_constants(place, tree)]
    if tests:
        findings += _test_names(place, tree)
    return sorted(set(findings))


def lint_text(place: str, prose: Iterable[Prose]) -> list[Finding]:
    """List the banned phrases of pieces of text."""
    return [
        Finding(place, piece.line + piece.text.count("\n", 0, match.start()), " ".join(match.group().split()))
        for piece in prose
        for match in _BANNED.finditer(piece.text)
    ]


def lint_lines(place: str, page: str) -> Iterator[Finding]:
    """Find the sentences of a page, without its code blocks, that share a line or go over two.

    Headings and tables are left alone, and an item of a list may be a short paragraph on one line.
    """
    lines = page.splitlines()
    for number, (line, below) in enumerate(zip(lines, [*lines[1:], ""], strict=True), 1):
        if not line.strip() or _NO_SENTENCE.match(line):
            continue
        if not _ITEM.match(line) and _TWO_SENTENCES.search(line):
            yield Finding(place, number, "two sentences on one line")
        if match := _CLAUSE.match(line.lstrip("*-> ")):
            yield _clause(place, number, match)
        if below.strip() and not _NEW_PIECE.match(below) and not _SENTENCE_END.search(line):
            yield Finding(place, number, "a sentence goes over two lines")


def participles(source: str) -> Counter[str]:
    """Count the local variables of a Python file that are named by a bare participle."""
    return Counter(
        node.id
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id in PARTICIPLES
    )


def _comments(source: str) -> Iterator[Prose]:
    """Join the comments that stand on lines of their own, one below the other, so that phrases may wrap."""
    block: list[str] = []
    start = last = 0
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.COMMENT:
            continue
        line, alone = token.start[0], not token.line[: token.start[1]].strip()
        if block and not (alone and line == last + 1):
            yield Prose(start, "\n".join(block))
            block = []
        if not block:
            start = line
        block.append(token.string.removeprefix("#"))
        last = line
    if block:
        yield Prose(start, "\n".join(block))


def _docstrings(tree: ast.Module) -> Iterator[Prose]:
    """Find every string that stands as a statement: docstrings, and what is written under a constant or a field."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and (text := _text(node.value)) is not None:
            yield Prose(node.lineno, text)


def _messages(tree: ast.Module, skip: set[int]) -> Iterator[Prose]:
    """Find the strings that are sentences: those with a blank in them.

    The texts of ``--help`` are left alone: they are part of the command line, as the names of its options are.
    """
    helps = {
        id(argument)
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in HELPERS
        for argument in call.args
    }
    for node in ast.walk(tree):
        if id(node) in helps:
            continue
        text = _text(node)
        if (
            text is not None
            and " " in text.strip()
            and isinstance(node, ast.Constant)
            and node.lineno not in skip
        ):
            yield Prose(node.lineno, text)


def _text(node: ast.AST) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _openings(place: str, tree: ast.Module) -> Iterator[Finding]:
    """Find the docstrings that begin with a clause as their subject."""
    for piece in _docstrings(tree):
        if match := _CLAUSE.match(piece.text.lstrip()):
            yield _clause(place, piece.line, match)


def _clause(place: str, line: int, match: re.Match[str]) -> Finding:
    return Finding(place, line, f"begins with a clause: {' '.join(match.group().split())[:60]}")


def _constants(place: str, tree: ast.Module) -> Iterator[Finding]:
    """Find the constants whose docstring is no whole sentence."""
    for scope in ast.walk(tree):
        if not isinstance(scope, ast.Module | ast.ClassDef):
            continue
        for statement, below in zip(scope.body, scope.body[1:], strict=False):
            if not isinstance(statement, ast.Assign | ast.AnnAssign) or not isinstance(below, ast.Expr):
                continue
            target = statement.targets[0] if isinstance(statement, ast.Assign) else statement.target
            text = _text(below.value)
            if text is None or not isinstance(target, ast.Name) or not target.id.isupper():
                continue
            if not is_sentence(text):
                yield Finding(place, below.lineno, f"no whole sentence under {target.id}")


def is_sentence(text: str) -> bool:
    """Whether a text begins with a capital letter, a number or code, and ends as a sentence does."""
    text = text.strip()
    starts = bool(text) and (text[0].isupper() or text[0].isdigit() or text[0] in "`\"'(*<")
    return starts and text.rstrip("`)\"'").endswith((".", "?", "!", ":"))


def _test_names(place: str, tree: ast.Module) -> Iterator[Finding]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            if len(node.name) > NAME_LENGTH:
                yield Finding(place, node.lineno, f"name of {len(node.name)} characters: {node.name}")
            yield from lint_text(place, [Prose(node.lineno, node.name.replace("_", " "))])


def _without_fences(text: str) -> str:
    """Blank the code blocks and the generated parts of a page, so that line numbers stay."""
    return _FENCED.sub(lambda match: "\n" * match.group().count("\n"), text)


def readable(*folders: str) -> list[Path]:
    """List the files of folders that hold prose, as git sees them; the example library is data."""
    named = {"Justfile", "run"}
    return [
        path
        for path in files(*folders)
        if (path.suffix in SUFFIXES or path.name in named) and not path.is_relative_to(ROOT / "examples")
    ]


def main(arguments: list[str]) -> int:
    """Print what is found below the paths, and how often participles name a variable."""
    paths = readable(*arguments)
    findings = lint(paths)
    for finding in findings:
        print(finding)
    counts: Counter[str] = sum(
        (participles(path.read_text("utf-8")) for path in paths if path.suffix == ".py"), Counter()
    )
    hint = ", ".join(f"{name} {count}" for name, count in counts.most_common())
    print(f"{len(findings)} findings in {len(paths)} files; variables by participle: {hint or 'none'}")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
