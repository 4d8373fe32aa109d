"""Advice as the code has it, and a world in which a situation prints it and it is followed."""

import ast
import importlib
import os
import shlex
import sqlite3
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import cache, partial
from itertools import pairwise
from pathlib import Path
from types import FrameType
from typing import Any, Final

import pytest
import trio
import trio.testing

from objlib.cli.app import run
from objlib.cli.overview import COMMANDS
from objlib.core import advice
from objlib.core.config.registry import SETTINGS
from objlib.embedded import Options
from objlib.engine.app import Overrides
from objlib.engine.bootstrap import open_app as bootstrap
from objlib.testing import EPOCH, Faults
from objlib.threads import inline_runner
from tests.house.tree import ROOT, files

PACKAGE: Final = ROOT / "objlib"


@dataclass(frozen=True)
class Site:
    """A call of ``advise``: its name for a reader, and where it stands."""

    name: str
    file: str
    first: int
    last: int


@cache
def sites() -> list[Site]:
    """Every call of ``advise`` in the code, such as ``engine/doctor.py _embedded: upload``."""
    found: list[Site] = []
    for path in files("objlib/*.py"):
        names: dict[str, int] = {}
        for function, call in sorted(
            _calls(ast.parse(path.read_text("utf-8")), ""), key=lambda each: each[1].lineno
        ):
            command = call.args[0]
            text = str(command.value) if isinstance(command, ast.Constant) else ast.unparse(command)
            name = f"{path.relative_to(PACKAGE).as_posix()} {function}: {text}"
            names[name] = names.get(name, 0) + 1
            number = f" ({names[name]})" if names[name] > 1 else ""
            found.append(Site(name + number, str(path), call.lineno, call.end_lineno or call.lineno))
    return found


def _calls(node: ast.AST, function: str) -> Iterator[tuple[str, ast.Call]]:
    for child in ast.iter_child_nodes(node):
        inner = function
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            inner = f"{function}.{child.name}".lstrip(".")
        if isinstance(child, ast.Call) and isinstance(child.func, ast.Name) and child.func.id == "advise":
            yield function, child
        yield from _calls(child, inner)


def strays() -> list[str]:
    """Texts in the code, other than docstrings, with a command that :func:`advise` did not write."""
    names = {name for name, _, _ in COMMANDS}
    found = []
    for path in files("objlib/*.py"):
        tree = ast.parse(path.read_text("utf-8"))
        prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
                words = node.value.replace("`", " ").replace(":", " ").split()
                pairs = pairwise(words)
                if any(word == "objlib" and after in names for word, after in pairs):
                    found.append(f"{path.relative_to(PACKAGE).as_posix()}: {node.value.strip()}")
    return found


@dataclass
class Done:
    """A command that ran: its exit code, what it printed, and the advice in it by site."""

    code: int
    text: str
    advice: dict[str, str]


@dataclass
class World:
    """A home, a library of three files and a working folder elsewhere; commands run in process, in virtual time.

    Attributes:
        faults: the service, which behaves until it is given a script.
        patch: replaces parts of the program until the test ends.
        followed: the sites whose advice was run.
    """

    root: Path
    faults: Faults
    capture: pytest.CaptureFixture[str]
    patch: pytest.MonkeyPatch
    followed: set[str] = field(default_factory=set)
    _said: dict[str, str] = field(default_factory=dict)

    @property
    def library(self) -> Path:
        """The library. Its name has blanks, so that advice has to be quoted."""
        return self.root / "my  library"

    def __call__(self, *argv: str | Path) -> Done:
        """Run a command, from the working folder."""
        self._said.clear()
        self.capture.readouterr()
        code = run([str(word) for word in argv])
        captured = self.capture.readouterr()
        return Done(code, captured.out + captured.err, dict(self._said))

    def upload(self, *argv: str) -> Done:
        """Upload the library."""
        return self("upload", self.library, "--embed-seconds", "0", *argv)

    def at(self, command: str, *argv: str) -> Done:
        """Run a command with ``--library``."""
        return self(command, "--library", self.library, *argv)

    def ledger(self, statement: str, *values: object) -> None:
        """Change the ledger, as a dead run or a rare state would have left it."""
        self._execute("ledger.db", statement, values)

    def store(self, statement: str, *values: object) -> None:
        """Change the embedded store behind the ledger's back."""
        self._execute("store.db", statement, values)

    def database(self, name: str) -> Path:
        """The file of the ledger, or of the embedded store."""
        (path,) = (self.root / "home" / "data").rglob(name)
        return path

    def _execute(self, name: str, statement: str, values: Sequence[object]) -> None:
        with closing(sqlite3.connect(self.database(name))) as db, db:
            assert db.execute(statement, values).rowcount >= 1, statement

    def follow(self, done: Done, site: str, **named: Path) -> Done:
        """Run the advice of ``site``, which has to stand in the output as it is.

        A word that the user has to fill in, such as ``FOLDER``, becomes the path of that name.
        """
        assert site in done.advice, f"{site} gave no advice in: {done.text}\nbut {list(done.advice)}"
        line = done.advice[site]
        assert line in done.text, f"{line} is not in: {done.text}"
        self.followed.add(site)
        program, *words = shlex.split(line)
        assert program == "objlib"
        return self(*(named.get(word, word) for word in words))

    def hear(self, site: str, line: str) -> None:
        """Note what a site advised."""
        self._said[site] = line


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> World:
    world = World(tmp_path, Faults(), capsys, monkeypatch)
    for variable in [setting.variable for setting in SETTINGS] + ["GEMINI_API_KEY", "GOOGLE_API_KEY"]:
        monkeypatch.delenv(variable, raising=False)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "objlib").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=os.pathsep)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home" / "data"))
    monkeypatch.setenv("COLUMNS", "80")
    for folder in (world.library, tmp_path / "work", tmp_path / "home"):
        folder.mkdir()
    monkeypatch.chdir(tmp_path / "work")
    for name in ("on liberty.txt", "walden.txt", "leviathan.txt"):
        (world.library / name).write_text(f"A text about {name} and nothing else.\n", encoding="utf-8")
    _record(world, monkeypatch)
    overrides = Overrides(
        now=lambda: EPOCH + trio.current_time(),
        runner=inline_runner,
        options=Options(middleware=(world.faults.middleware(),)),
    )

    def open_app(*args: Any, **more: Any) -> Any:
        # A thread would stand still in virtual time, whatever opens the application.
        return bootstrap.open_app(*args, **{**more, "overrides": overrides})

    for opener in ("cli.runner", "engine.stores.deletion", "engine.doctor"):
        monkeypatch.setattr(f"objlib.{opener}.open_app", open_app)
    real = trio.run
    clock = partial(trio.testing.MockClock, autojump_threshold=0)
    monkeypatch.setattr(trio, "run", lambda main, *args, **more: real(main, *args, clock=clock(), **more))
    return world


def _record(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every module tell ``world`` what it advises."""
    known = sites()

    def advise(*args: Any, **more: Any) -> str:
        line = advice.advise(*args, **more)
        frame: FrameType = sys._getframe(1)
        for site in known:
            if site.file == frame.f_code.co_filename and site.first <= frame.f_lineno <= site.last:
                world.hear(site.name, line)
        return line

    for file in {site.file for site in known}:
        module = importlib.import_module(".".join(Path(file).relative_to(ROOT).with_suffix("").parts))
        monkeypatch.setattr(module, "advise", advise)


Situation = Callable[[World], None]
SITUATIONS: Final[dict[str, tuple[Situation, frozenset[str]]]] = {}
"""By name: a situation, and the sites whose advice it follows."""


def situation(*followed: str) -> Callable[[Situation], Situation]:
    """Register a situation that follows the advice of these sites."""

    def register(function: Situation) -> Situation:
        SITUATIONS[function.__name__] = function, frozenset(followed)
        return function

    return register
