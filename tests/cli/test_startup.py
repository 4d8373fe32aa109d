"""Imports that wait until they are needed. How long that takes is measured by benchmarks/startup.py."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAVY = {
    "httpx",
    "starlette",
    "h11",
    "numpy",
    "onnxruntime",
    "chardet",
    "lxml",
    "pypdfium2",
    "yaml",
    "trio",
    "sqlite3",
    "rich.markdown",
}


SERVICE = {
    "objlib.gemini.transport",
    "objlib.embedded",
    "objlib.api",
    "jinja2",
    "mcp",
    "msgspec",
    "prometheus_client",
    "watchfiles",
    "rich",
    "click",
    "pygments",
    "tokenizers",
}
"""Modules of the service, the pages, the agents, the watch, the metrics and the bars."""
EXPECTED = {
    "scan": {"trio", "sqlite3"},
    "status": {"trio", "sqlite3"},
    "libraries": {"trio", "sqlite3"},
    "explain": {"trio", "sqlite3", "objlib.embedded"},
}
"""Modules that a command needs all the same; ``explain`` reads the document as the embedded store does."""


def imported(*args: str, home: Path | None = None) -> set[str]:
    """The modules that are loaded when ``objlib ARGS`` is done, in a home with a library or in this repository."""
    places = {} if home is None else {"HOME": str(home), "XDG_DATA_HOME": str(home / "data")}
    program = (
        "import sys, json, atexit\n"
        f"sys.argv = ['objlib', *{list(args)!r}]\n"
        "from objlib.__main__ import main\n"
        "code = main()\n"
        "sys.stderr.write(json.dumps([code, sorted(sys.modules)]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT if home is None else home / "library",
        env=os.environ | {"PYTHONPATH": str(ROOT)} | places,
        capture_output=True,
        text=True,
        check=True,
    )
    code, modules = json.loads(done.stderr.splitlines()[-1])
    assert code == 0
    assert done.stdout
    return set(modules)


def test_version_loads_nothing() -> None:
    bare = subprocess.run(
        [sys.executable, "-c", "import sys, json; print(json.dumps(sorted(sys.modules)))"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    extra = {name.partition(".")[0] for name in imported("--version") - set(json.loads(bare.stdout))}
    assert extra <= {
        "objlib",
        "json",
        "re",
        "enum",
        "types",
        "operator",
        "keyword",
        "reprlib",
        "copyreg",
        "sre_compile",
        "_json",
        "_sre",
        "_operator",
        "functools",
        "collections",
        "_functools",
        "_collections",
        "itertools",
        "atexit",
    }


@pytest.mark.parametrize("args", [["upload", "--help"], ["search", "--help"]])
def test_help_loads_neither_the_engine_nor_its_dependencies(args: list[str]) -> None:
    modules = imported(*args)
    assert HEAVY & modules == set()
    assert not any(name.startswith(("objlib.engine", "objlib.ledger", "objlib.embedded")) for name in modules)


@pytest.mark.parametrize("args", [[], ["help"], ["--help"]], ids=repr)
def test_the_list_of_commands_loads_no_command(args: list[str]) -> None:
    modules = imported(*args)
    assert (HEAVY | SERVICE | {"cyclopts", "objlib.cli.app"}) & modules == set()
    assert not any(
        f"objlib.cli.commands.{name}" in modules for name in ("upload", "search", "status", "serve", "doctor")
    )


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a library of one file."""
    root = tmp_path_factory.mktemp("home")
    (root / "library").mkdir()
    (root / "library" / "a.md").write_text("# A\n", encoding="utf-8")
    return root


def test_commands_that_ask_no_service_load_none(home: Path) -> None:
    """They may name its errors; what speaks with it, reads documents or draws is left alone."""
    for args in (["scan", "."], ["scan", "-n"], ["status"], ["libraries"], ["explain", "a.md"]):
        modules = imported(*args, home=home)
        assert (HEAVY | SERVICE) & modules - EXPECTED.get(args[0], set()) == set(), args


def test_status_loads_neither_the_embedded_service_nor_the_rules() -> None:
    program = (
        "import json, sys, objlib.cli.runner, objlib.cli.render.status, objlib.engine.status\n"
        "print(json.dumps(sorted(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, check=True)
    modules = set(json.loads(done.stdout))
    assert {"objlib.embedded", "starlette", "numpy", "pathspec"} & modules == set()
