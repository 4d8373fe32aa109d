"""The tools that read the code, each as a test that fails with the output of its tool.

``just lint`` runs this folder, so there is one list of tools and one way to call each.
"""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.tree import ROOT, files

BIN = Path(sys.executable).parent

ASYNC = ("flake8-async", "--disable=ASYNC9,ASYNC114,ASYNC124,ASYNC127")
"""Without the optional 9xx and 124, which forbid a function that is async only because its interface is; without
114, which wants every function that can be started named here; without 127, since docs/adr/0004 decided on httpx."""

ASYNC_PARTS = 4
"""Tests into which its files are divided, so that several cores share its work: it takes a second for four files."""


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(("ruff", "check", "--no-cache", "--output-format=concise", "."), id="ruff check"),
        pytest.param(("ruff", "format", "--no-cache", "--check", "."), id="ruff format"),
        pytest.param(("mypy",), id="mypy"),
        pytest.param(("lint-imports", "--no-cache"), id="lint-imports"),
    ],
)
def test_a_tool_finds_nothing(command: tuple[str, ...]) -> None:
    _run(command)


@pytest.mark.parametrize("part", range(ASYNC_PARTS))
def test_flake8_async_finds_nothing(part: int) -> None:
    _run((*ASYNC, *_asynchronous()[part::ASYNC_PARTS]))


def _run(command: tuple[str, ...]) -> None:
    done = subprocess.run(
        [BIN / command[0], *command[1:]], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.fail(f"{' '.join(command)}\n{done.stdout}{done.stderr}", pytrace=False)


def _asynchronous() -> list[str]:
    """List the files to which flake8-async applies; it takes no folders."""
    return [
        str(path.relative_to(ROOT))
        for path in files("*.py")
        if re.search(r"\basync\b|\btrio\b", path.read_text("utf-8"))
    ]
