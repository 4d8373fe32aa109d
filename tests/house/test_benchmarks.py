"""Benchmarks are run by hand, so that a name that moved would break one unseen."""

import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
MODULES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts) for path in (ROOT / "benchmarks").rglob("*.py")
)


@pytest.mark.parametrize("name", [name for name in MODULES if not name.endswith("__init__")])
def test_a_benchmark_can_be_imported(name: str) -> None:
    importlib.import_module(name)
