"""The real entry point in a process of its own, with a home and a library of its own."""

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import pytest

from objlib.core.config.registry import SETTINGS
from tests.cli.commands.kit import Engine, Read
from tests.support.forked import CAN_FORK, run_forked

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Done:
    """The exit code and the output of a finished command."""

    code: int
    out: str
    err: str

    @classmethod
    def of(cls, code: int, out: bytes, err: bytes) -> Self:
        """The same, decoded."""
        return cls(code, out.decode(errors="replace"), err.decode(errors="replace"))

    def json(self) -> dict[str, Any]:
        """The one JSON object of stdout, or the last of several lines."""
        document = json.loads(self.out.splitlines()[-1])
        assert isinstance(document, dict)
        return document


Objlib = Callable[..., Done]


def a_path(root: Path) -> str:
    """A PATH on which the shell finds ``objlib``."""
    program = root / "bin" / "objlib"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m objlib "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    return f"{program.parent}{os.pathsep}{os.environ['PATH']}"


def an_environment(root: Path) -> dict[str, str]:
    """An environment with nothing of the machine's own in it, and a home below ``root``."""
    home = root / "home"
    home.mkdir()
    return {
        "PATH": a_path(root),
        "HOME": str(home),
        "XDG_DATA_HOME": str(home / "data"),
        "PYTHONPATH": str(ROOT),
        "PYTHONWARNINGS": "error",
        "COLUMNS": "100",
    }


def an_objlib(environ: Mapping[str, str], work: Path, *, fresh: bool = False) -> Objlib:
    """Runs ``objlib ARGS`` in ``environ``, from ``work`` unless another folder is named.

    A forked process runs it; a fresh interpreter where ``fresh``, and where it has to see how it is started.
    """

    def run(
        *args: str | Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        stdout: Any = subprocess.PIPE,
    ) -> Done:
        seen_at_start = stdout is not subprocess.PIPE or any(name.startswith("PYTHON") for name in env or {})
        if CAN_FORK and not fresh and not seen_at_start:
            return Done.of(*run_forked([*map(str, args)], dict(environ) | dict(env or {}), cwd or work))
        done: subprocess.CompletedProcess[bytes] = subprocess.run(
            [sys.executable, "-m", "objlib", *map(str, args)],
            env=dict(environ) | dict(env or {}),
            cwd=cwd or work,
            check=False,
            timeout=60,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.PIPE,
        )
        return Done.of(done.returncode, done.stdout or b"", done.stderr or b"")

    return run


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """An environment of this test's own."""
    return an_environment(tmp_path)


@pytest.fixture
def objlib(tmp_path: Path, environ: dict[str, str]) -> Objlib:
    """Runs ``objlib ARGS`` from an empty working folder."""
    work = tmp_path / "work"
    work.mkdir()
    return an_objlib(environ, work)


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """Three small documents, one in a subfolder."""
    root = tmp_path / "library"
    (root / "ethics").mkdir(parents=True)
    (root / "ethics" / "on liberty.txt").write_text(
        "Mill wrote on the liberty of thought and discussion.\n", encoding="utf-8"
    )
    (root / "walden.md").write_text(
        "# Economy\n\nThoreau went to the woods to live deliberately.\n", encoding="utf-8"
    )
    (root / "leviathan.txt").write_text(
        "Hobbes saw the life of man as solitary and poor.\n", encoding="utf-8"
    )
    return root


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    for variable in [setting.variable for setting in SETTINGS] + ["GEMINI_API_KEY", "GOOGLE_API_KEY"]:
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", a_path(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    (tmp_path / "lib").mkdir()
    monkeypatch.chdir(tmp_path)
    return Engine(monkeypatch)


@pytest.fixture
def read(capsys: pytest.CaptureFixture[str]) -> Read:
    def streams() -> tuple[str, str]:
        both = capsys.readouterr()
        return both.out, both.err

    return streams
