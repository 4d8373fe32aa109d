"""The README's examples: each is run, and its output stands there as it is."""

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable

import pytest

from objlib.cli.overview import COMMANDS
from tests.cli.conftest import an_environment
from tests.house.tree import ROOT, read

BLOCKS = re.findall(r"^```(sh|text)\n(.*?)^```$", read("README.md"), re.MULTILINE | re.DOTALL)
SHELL = [
    line.partition(" #")[0].strip()
    for kind, block in BLOCKS
    if kind == "sh"
    for line in block.splitlines()
    if line.startswith(("objlib ", "sqlite3 "))
]
"""Commands without their output."""
CONSOLE = [
    part
    for kind, block in BLOCKS
    if kind == "text"
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]
]
"""Commands with their output below."""
UPLOAD = next(block for kind, block in BLOCKS if kind == "text" and "Sent 24 files" in block)
"""The output of the first command."""

Shell = Callable[[str], "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """Runs a line in a clone of this repository, whose examples are in the store."""
    root = tmp_path_factory.mktemp("readme")
    clone = root / "clone"
    (clone / ".venv" / "bin").mkdir(parents=True)
    shutil.copy(ROOT / "objlib.toml", clone)
    shutil.copytree(ROOT / "examples", clone / "examples")
    environ = an_environment(root)
    shutil.copy(root / "bin" / "objlib", clone / ".venv" / "bin")
    lectures = root / "home" / "Documents" / "lectures"
    lectures.mkdir(parents=True)
    (lectures / "strangers.txt").write_text("We owe help to strangers.\n", encoding="utf-8")

    def run(line: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            ["bash", "-c", line],
            cwd=clone,
            env=environ,
            check=False,
            capture_output=True,
            encoding="utf-8",
            timeout=120,
        )

    # The clone's own program, and nothing on the PATH, as after the first command of the README.
    script = f"import sys; sys.argv[0] = '.venv/bin/objlib'; sys.path.insert(0, {str(ROOT)!r})\n"
    script += "from objlib.__main__ import main; sys.exit(main())"
    first = run(f"PATH=/usr/bin:/bin {shlex.join([sys.executable, '-c', script])} upload --embed-seconds 1h")
    assert first.returncode == 0, first.stderr
    printed = (first.stderr.splitlines()[:1] + first.stdout.splitlines())[: len(UPLOAD.splitlines())]
    for line, expected in zip(printed, UPLOAD.splitlines(), strict=True):
        here = line.replace(f"uv tool install {ROOT}", "uv tool install .")
        assert re.fullmatch(_pattern(expected), here), here
    return run


def _pattern(line: str) -> str:
    """A line of the README as another machine may print it: ``…`` is a folder, and a time is any."""
    pattern = re.escape(line).replace("…", r"\S*")
    return re.sub(r"in\\ [\d\\.]+\\ s;", r"in\\ .* s;", pattern)


@pytest.mark.parametrize("line", SHELL)
def test_a_command_of_the_readme_works(line: str, shell: Shell) -> None:
    if line.startswith("sqlite3") and shutil.which("sqlite3") is None:
        _, ledger, query = shlex.split(line)
        code = f"import sqlite3, sys; print(sqlite3.connect({ledger!r}).execute({query!r}).fetchall())"
        line = shlex.join([sys.executable, "-c", code])
    done = shell(f"set -o pipefail; {line}")
    assert done.returncode == 0, done.stderr
    assert done.stdout


@pytest.mark.parametrize("part", CONSOLE)
def test_an_output_in_the_readme_is_the_output(part: str, shell: Shell) -> None:
    line, _, expected = part.partition("\n")
    done = shell(line)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip("\n") == expected.strip("\n")


def test_the_readme_has_examples_of_each_kind() -> None:
    assert len(SHELL) >= 5
    assert CONSOLE
    assert "`uv tool install .`" in read("README.md")


def test_every_command_of_the_readme_exists() -> None:
    named = {*re.findall(r"`objlib ([a-z-]+)", read("README.md"))}
    assert {"upload", "index"} <= named <= {name for name, _, _ in COMMANDS}
