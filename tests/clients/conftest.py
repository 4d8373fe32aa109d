"""Clients of File Search that others wrote, against a served store that checks every field (``--strict``).

``just clients`` installs them; what is not there is skipped. What they may not do here is in docs/twin.md.
"""

import warnings
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from objlib.embedded import Options
from objlib.testing.pytest import Twin, serve_twin

HONEY = (
    "Bees bring honey from the flowers of every garden. Their hives stand between the harbour and the hills."
)
QUESTION = "where do the bees bring honey from?"


def client_package(name: str) -> Any:
    """A module of a client, or a skip."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip(name, reason=f"{name} is not installed: just clients")


@pytest.fixture
def twin(tmp_path: Path) -> Iterator[Twin]:
    """A strict store, which must not have refused or failed anything behind the test's back."""
    with serve_twin(tmp_path / "twin.db", partial(Options, strict=True)) as twin:
        yield twin
        assert [each for each in twin.requests if each["status"] >= 500 and not each["fault"]] == []


@pytest.fixture
def document(tmp_path: Path) -> Path:
    """A document about bees."""
    path = tmp_path / "bees.txt"
    path.write_text(HONEY * 10, encoding="utf-8")
    return path
