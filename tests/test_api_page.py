"""The examples of the page on the Python API: each runs as it stands, and its types hold."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.tree import ROOT

PAGE = (ROOT / "docs/api.md").read_text("utf-8")
EXAMPLES = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "lectures"
    folder.mkdir()
    (folder / "moon.md").write_text("How far is the moon? Very far.\n", encoding="utf-8")
    (folder / "ethics.md").write_text("---\nauthor: Okonjo\n---\nThe pond.\n", encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_an_example_runs(home: Path, number: int) -> None:
    environment = {name: value for name, value in os.environ.items() if "API_KEY" not in name}
    environment |= {"HOME": str(home), "XDG_DATA_HOME": str(home / "data"), "OBJLIB_EMBED_SECONDS": "0"}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", EXAMPLES[number]],
        cwd=home,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_types_of_the_examples_hold(tmp_path: Path) -> None:
    for number, example in enumerate(EXAMPLES):
        (tmp_path / f"example_{number}.py").write_text(example, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--no-incremental", "--config-file", os.devnull, str(tmp_path)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
