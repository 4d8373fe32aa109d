"""House rules that no tool knows: the content of this repository and its layout."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house.tree import ROOT, files, lines, read

ALL = files()
PACKAGE = files("objlib/*.py")


def _matches(pattern: str, *, unless: str = "(?!)", among: tuple[str, ...] = ()) -> list[str]:
    """List every line that matches, as ``place: line``."""
    return [
        f"{place}: {line.strip()[:100]}"
        for path in (files(*among) if among else ALL)
        for place, line in lines(path)
        if re.search(pattern, line) and not re.search(unless, line)
    ]


def test_no_file_names_a_registry_or_a_path_of_one_machine() -> None:
    """A clone must work behind any mirror and in any folder. (The brackets keep the pattern from matching itself.)"""
    hosts = r"python[h]osted\.org|\b[p]ypi\.org|registry\.[n]pmjs|deb\.[d]ebian\.org|ghcr[.]io"
    homes = r"/wor[k]/(main|shared)|/roo[t]/\.|/tm[p]/brief"
    assert _matches(f"{hosts}|{homes}") == []


def test_no_lock_file_is_kept() -> None:
    """A lock file names the index it was made with. constraints.txt pins the same versions without."""
    assert [path.name for path in ALL if path.name in {"uv.lock", "package-lock.json", "poetry.lock"}] == []


def test_only_text_the_model_and_the_readmes_pictures_are_kept() -> None:
    pictures = [path for path in ALL if path.is_relative_to(ROOT / "docs/pages")]
    assert len(pictures) == 3
    assert all(path.suffix == ".png" and path.stat().st_size <= 150_000 for path in pictures)
    binary = [path.relative_to(ROOT).as_posix() for path in ALL if not lines(path) and path.stat().st_size]
    outside = [
        name
        for name in binary
        if not name.startswith(("objlib/embedded/model/", "tests/", "objlib/web/", "docs/pages/"))
    ]
    assert outside == []


def test_there_is_no_asyncio_in_the_package() -> None:
    assert _matches("asyncio", among=("objlib",)) == []


@pytest.mark.parametrize("path", PACKAGE, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_of_the_package_is_short_and_has_a_docstring(path: Path) -> None:
    name = path.relative_to(ROOT)
    text = read(str(name))
    assert len(text.splitlines()) <= 350, f"{name} is long: is it still one idea?"
    assert ast.get_docstring(ast.parse(text)), f"{name} has no docstring: say in a line what the file is for"


def _undocumented(body: list[ast.stmt], prefix: str) -> Iterator[str]:
    for node in body:
        if not isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if node.name.startswith("_"):
            continue
        if not ast.get_docstring(node) and "overload" not in map(ast.unparse, node.decorator_list):
            yield f"{prefix}.{node.name}"
        if isinstance(node, ast.ClassDef):
            yield from _undocumented(node.body, f"{prefix}.{node.name}")


def test_every_public_thing_of_the_package_is_documented() -> None:
    missing = [
        name
        for path in PACKAGE
        for name in _undocumented(ast.parse(path.read_text("utf-8")).body, str(path.relative_to(ROOT)))
    ]
    assert missing == []


def test_tests_do_not_sleep() -> None:
    """They wait for events, or sleep under a virtual clock. Where real time is the point, the line says so."""
    sleeping = _matches(r"\b(time|trio)\.sleep\(", unless=r"# real time", among=("tests/*.py",))
    assert [line for line in sleeping if not _is_in_virtual_time(*line.split(":")[:2])] == []


def _is_in_virtual_time(name: str, number: str) -> bool:
    """Whether the module, or a room that it is in, asks for virtual time, and the test does not opt out of it."""
    path = ROOT / name
    text = path.read_text("utf-8")
    for node in ast.parse(text).body:
        inside = node.lineno <= int(number) <= (node.end_lineno or 0)
        marks = node.decorator_list if inside and isinstance(node, ast.AsyncFunctionDef) else []
        if any("real_time" in ast.unparse(mark) for mark in marks):
            return False
    if "pytestmark = pytest.mark.real_time" in text:
        return False
    rooms = [folder / "conftest.py" for folder in path.parents if (ROOT / "tests") in folder.parents]
    if path.parent.name == "support":  # what a room shares runs in the room
        rooms.append(ROOT / "tests" / path.stem / "conftest.py")
    texts = (text, *(room.read_text("utf-8") for room in rooms if room.exists()))
    return any("MockClock" in part or "autojump" in part for part in texts)


def test_suppressions_are_few_and_name_what_they_suppress() -> None:
    every = r"mark\.(skip|xfail)\b|#\s*type:\s*ignore|#\s*noqa|pragma:\s*no cover"
    matches = _matches(every, among=("*.py",), unless='r".*noqa')
    blanket = [line for line in matches if re.search(r"#\s*noqa(?!:)|type:\s*ignore(?!\[)", line)]
    assert blanket == []
    assert len(matches) <= 5, "are they all still needed?\n" + "\n".join(matches)


def test_no_file_has_a_note_for_later() -> None:
    # Spelt apart, or this line would find itself.
    assert _matches(r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b", among=("*.py", "*.md", "Justfile", ".ci")) == []
