"""Imports that wait until they are needed. How long that takes is measured by benchmarks/startup.py."""

import json
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


def imported(*args: str) -> set[str]:
    """The modules that are loaded when ``objlib ARGS`` is done."""
    program = (
        "import sys, json, atexit\n"
        f"sys.argv = ['objlib', *{list(args)!r}]\n"
        "from objlib.__main__ import main\n"
        "code = main()\n"
        "sys.stderr.write(json.dumps([code, sorted(sys.modules)]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    code, modules = json.loads(done.stderr)
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


def test_the_list_of_commands_loads_no_command() -> None:
    modules = imported("--help")
    assert HEAVY & modules == set()
    assert not any(
        f"objlib.cli.commands.{name}" in modules for name in ("upload", "search", "status", "serve", "doctor")
    )


def test_status_loads_neither_the_embedded_service_nor_the_rules() -> None:
    program = (
        "import json, sys, objlib.cli.runner, objlib.cli.render.status, objlib.engine.status\n"
        "print(json.dumps(sorted(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, check=True)
    modules = set(json.loads(done.stdout))
    assert {"objlib.embedded", "starlette", "numpy", "pathspec"} & modules == set()
