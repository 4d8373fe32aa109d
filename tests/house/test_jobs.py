"""The Justfile and its environment, with stand-ins for uv and objlib: nothing is downloaded here."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.tree import ROOT

JUST = shutil.which("just")
needs_just = pytest.mark.skipif(
    JUST is None, reason="just is not on PATH (it is when `just test` runs the tests)"
)

FAKE_UV = """#!/bin/sh
printf '%s\\n' "$*" >> "$LOG"
case $1 in venv) mkdir -p .venv/bin && cp "$FAKE_PYTHON" .venv/bin/python ;; esac
"""

ECHO = f"""#!{sys.executable}
import json, os, sys
print(json.dumps([os.getcwd(), *sys.argv[1:]]))
"""


class Clone:
    """A copy of the Justfile and its scripts, in a folder with a blank and a quote in its name."""

    def __init__(self, tmp_path: Path) -> None:
        self.root = tmp_path / "it's a clone"
        self.root.mkdir()
        shutil.copytree(ROOT / "scripts", self.root / "scripts")
        for name in ("Justfile", "pyproject.toml", "constraints.txt"):
            shutil.copy(ROOT / name, self.root / name)
        self.log = tmp_path / "log"
        self.uv = _script(tmp_path / "uv", FAKE_UV)
        self.python = _script(tmp_path / "python", ECHO)

    def run(self, *command: str, folder: str = ".", **environ: str) -> subprocess.CompletedProcess[str]:
        """Run a command in a folder of the clone, with our uv."""
        return subprocess.run(
            command,
            cwd=self.root / folder,
            env={
                **os.environ,
                "UV": str(self.uv),
                "LOG": str(self.log),
                "FAKE_PYTHON": str(self.python),
                "PYTHONDONTWRITEBYTECODE": "",
                **environ,
            },
            capture_output=True,
            text=True,
            check=False,
        )

    def env(self, group: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """Make the environment ``group``."""
        done = self.run("sh", "scripts/env.sh", group, **environ)
        assert done.returncode == 0, done.stderr
        assert not done.stdout, "stdout belongs to objlib"
        return done

    def installs(self) -> list[str]:
        """Return the commands that uv has received since the last call."""
        text = self.log.read_text("utf-8") if self.log.exists() else ""
        self.log.unlink(missing_ok=True)
        return text.splitlines()


def _script(path: Path, text: str) -> Path:
    path.write_text(text, "utf-8")
    path.chmod(0o755)
    return path


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    """A fresh clone without an environment."""
    return Clone(tmp_path)


def test_the_environment_is_created_once(clone: Clone) -> None:
    assert "Setting up .venv" in clone.env("main").stderr
    created, installed = clone.installs()
    assert created.startswith("venv ")
    assert installed == (
        "pip install --quiet --python .venv/bin/python --constraint constraints.txt --editable .[formats]"
    )
    assert not clone.env("main").stderr
    assert clone.installs() == []


def test_the_environment_for_testing_serves_running_too(clone: Clone) -> None:
    clone.env("dev")
    clone.installs()
    clone.env("main")
    assert clone.installs() == []


def test_only_the_environment_for_testing_holds_test_tools(clone: Clone) -> None:
    clone.env("main")
    clone.installs()
    clone.env("dev")
    (installed,) = clone.installs()
    assert installed.endswith("--editable .[formats] --group dev")
    clone.env("dev")
    clone.env("main")
    assert clone.installs() == []


@pytest.mark.parametrize("name", ["pyproject.toml", "constraints.txt"])
def test_the_environment_is_updated_when_its_sources_changed(clone: Clone, name: str) -> None:
    clone.env("main")
    clone.installs()
    os.utime(clone.root / name, (1, 1))
    clone.env("main")
    assert clone.installs() == []  # a new time alone is no change
    with (clone.root / name).open("a") as file:
        file.write("# changed\n")
    clone.env("main")
    (installed,) = clone.installs()  # into the same .venv
    assert installed.startswith("pip install")


def test_bytecode_is_compiled_once_where_python_may_not_keep_it(clone: Clone) -> None:
    kept = '[ -z "$PYTHONDONTWRITEBYTECODE" ] && printf \'%s\\n\' "$2" >> "$LOG"\n'
    _script(clone.python, "#!/bin/sh\n" + kept)
    clone.env("main", PYTHONDONTWRITEBYTECODE="1")
    _, _, ours, theirs = clone.installs()
    assert ours.startswith("import objlib.")
    assert theirs == "import onnxruntime"
    clone.env("main", PYTHONDONTWRITEBYTECODE="1")
    assert clone.installs() == []


def test_a_moved_clone_is_installed_again(clone: Clone) -> None:
    clone.env("main")
    clone.installs()
    clone.root = clone.root.rename(clone.root.with_name("elsewhere"))
    clone.env("main")
    assert len(clone.installs()) == 1


def test_a_failed_installation_is_repeated(clone: Clone) -> None:
    working = clone.uv.read_text("utf-8")
    _script(clone.uv, working + "[ $1 != pip ]\n")
    assert clone.run("sh", "scripts/env.sh", "main").returncode != 0
    _script(clone.uv, working)
    clone.installs()
    clone.env("main")
    assert len(clone.installs()) == 1


def test_an_unknown_environment_is_refused(clone: Clone) -> None:
    done = clone.run("sh", "scripts/env.sh", "production")
    assert done.returncode == 2
    assert "no such environment: production" in done.stderr


@needs_just
@pytest.mark.parametrize("job", ["upload", "recover", "status", "search", "ask", "serve", "scan", "doctor"])
def test_a_job_passes_arguments_unchanged_and_keeps_the_working_folder(clone: Clone, job: str) -> None:
    clone.env("main")
    _script(clone.root / ".venv" / "bin" / "objlib", ECHO)
    (clone.root / "sub folder").mkdir()
    hard = [
        "./my docs",
        'it\'s "quoted"',
        "$HOME `ls` $(ls) \\",
        "--filter",
        'course="Ethics" AND year=2021',
        "",
        "-v",
        "é",
    ]
    done = clone.run(JUST or "", job, *hard, folder="sub folder")
    assert done.returncode == 0, done.stderr
    assert not done.stderr, "a job prints no line of its own"
    assert json.loads(done.stdout) == [str(clone.root / "sub folder"), job, *hard]


@needs_just
def test_a_job_exits_with_the_exit_code_of_objlib(clone: Clone) -> None:
    clone.env("main")
    _script(clone.root / ".venv" / "bin" / "objlib", "#!/bin/sh\nexit 3\n")
    assert clone.run(JUST or "", "status").returncode == 3


@needs_just
def test_every_job_has_a_description(clone: Clone) -> None:
    done = clone.run(JUST or "", "--list", "--list-heading", "")
    jobs = [line for line in done.stdout.splitlines() if line]
    assert len(jobs) > 10
    assert [line for line in jobs if "#" not in line] == []
