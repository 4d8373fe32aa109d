"""Pages that are generated from code or link to one another: none may become outdated."""

import re
import runpy
from pathlib import Path

import pytest

from tests.house.tree import ROOT, files, read

PAGES = files("*.md", ":!examples")
NAMED = re.compile(
    r"`((?:objlib|tests|scripts|benchmarks|spike|docs|examples|\.github)/(?![a-z-]+/\d)[^`\s:]*)`"
)
TESTS = {
    name for path in files("tests/*.py") for name in re.findall(r"def (test_\w+)", path.read_text("utf-8"))
}
DECISIONS = files("docs/adr/[0-9]*.md")


def test_the_lifecycle_page_shows_the_current_table() -> None:
    script = runpy.run_path(str(ROOT / "scripts" / "lifecycle_doc.py"))
    page = read("docs/lifecycle.md")
    assert script["render"](page) == page, "run `just docs`"


def test_the_governors_page_shows_the_constants_in_use() -> None:
    script = runpy.run_path(str(ROOT / "scripts" / "pacing_doc.py"))
    page = read("docs/governor.md")
    assert script["render"](page) == page, "run `just docs`"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_link_of_a_page_has_a_target(page: Path) -> None:
    text = page.read_text("utf-8")
    for target in re.findall(r"\]\(([^)#\s]+)", text):
        if "://" not in target and not target.startswith("mailto:"):
            assert (page.parent / target).exists(), f"{page.relative_to(ROOT)} points at {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_path_in_a_page_exists(page: Path) -> None:
    """A star stands for any name, and braces for one of several. A new file of an example has a plus before it."""
    for name in NAMED.findall(page.read_text("utf-8")):
        head, _, rest = name.partition("{")
        choices, _, tail = rest.partition("}")
        for choice in choices.split(","):
            path = f"{head}{choice}{tail}".rstrip("/")
            assert list(ROOT.glob(path)), f"{page.relative_to(ROOT)} names {path}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_test_that_a_page_names_exists(page: Path) -> None:
    names = set(re.findall(r"`(test_\w+)(?:\[[^`]*\])?`", page.read_text("utf-8")))
    assert sorted(names - TESTS) == []


@pytest.mark.parametrize("page", DECISIONS, ids=lambda page: page.stem)
def test_a_decision_has_its_four_parts_on_one_page(page: Path) -> None:
    text = page.read_text("utf-8")
    number = page.name[:4]
    assert re.match(rf"# {number} \S", text)
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert headings == ["Context", "Decision", "Consequences", "Evidence"]
    assert len(text.split()) <= 700, "a decision is one page"
    assert f"({page.name})" in read("docs/adr/README.md")


def test_decisions_are_numbered_without_gaps() -> None:
    assert [int(page.name[:4]) for page in DECISIONS] == list(range(1, len(DECISIONS) + 1))
