"""The tools that read the code, each as a test that fails with the output of its tool.

``just lint`` runs this folder, so there is one list of tools and one way to call each.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.tree import ROOT
from tests.house.trio_rules import asynchronous

BIN = Path(sys.executable).parent

ASYNC_PARTS = 4
"""Tests into which its files are divided, so that several cores share its work: it takes a second for seven files."""


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
    _run(("python", "-m", "tests.house.trio_rules", *asynchronous()[part::ASYNC_PARTS]))


def test_flake8_async_finds_what_breaks_a_rule(tmp_path: Path) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text(
        """import trio

async def gen():
    async with trio.open_nursery():
        yield 1

async def end():
    try:
        await close()
    finally:
        await close()  # noqa: ASYNC102
""",
        "utf-8",
    )
    with pytest.raises(pytest.fail.Exception, match=r"(?s)5:9: ASYNC101.*11:9: ASYNC102"):
        _run(("python", "-m", "tests.house.trio_rules", str(broken)))


def _run(command: tuple[str, ...]) -> None:
    done = subprocess.run(
        [BIN / command[0], *command[1:]], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.fail(f"{' '.join(command)}\n{done.stdout}{done.stderr}", pytrace=False)
