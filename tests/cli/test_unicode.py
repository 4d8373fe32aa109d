"""Arguments, variables and folders that are not UTF-8: they work, or are refused in one line."""

import os
from pathlib import Path

import pytest

from objlib.core.errors import Exit
from tests.cli.conftest import Objlib

ODD = os.fsdecode(b"na\xefve")
"""A word in Latin-1."""


def test_a_library_and_a_ledger_may_have_a_name_that_is_not_utf8(objlib: Objlib, tmp_path: Path) -> None:
    root, ledger = tmp_path / ODD, tmp_path / f"{ODD}.db"
    (root / ODD).mkdir(parents=True)
    (root / ODD / f"{ODD}.txt").write_text("A naive owl sits in the barn.\n")
    at = ("--library", root, "--ledger", ledger)
    assert objlib("upload", "--embed-seconds", "0", *at).code == Exit.OK
    assert "owl" in objlib("search", "owl", *at).out
    for command in (("scan",), ("status",), ("verify",), ("store-sync",), ("recover",), ("doctor",)):
        done = objlib(*command, *at)
        assert done.code == Exit.OK, done.err
    other = objlib("scan", tmp_path, "--ledger", ledger)
    assert other.code == Exit.REFUSED
    assert "belongs to the library" in other.err


def test_a_question_and_a_filter_that_are_not_utf8_are_read_with_replacements(
    objlib: Objlib, library: Path
) -> None:
    assert objlib("upload", library, "--embed-seconds", "0").code == Exit.OK
    at = ("--library", library)
    for args in (
        ("search", f"{ODD} liberty"),
        ("ask", ODD, "--json"),
        ("search", "liberty", "--filter", f'a = "{ODD}"'),
    ):
        done = objlib(*args, *at)
        assert done.code == Exit.OK, done.err
    ascii_only = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = objlib("search", "th\u00f6ught libert\u00e9", *at, env=ascii_only)
    assert done.code == Exit.OK, done.err


@pytest.mark.parametrize(
    "variable", ["OBJLIB_IGNORE", "OBJLIB_METADATA_PATTERNS", "OBJLIB_STORE", "OBJLIB_MODEL"]
)
def test_a_variable_that_is_not_utf8_is_a_usage_error(objlib: Objlib, library: Path, variable: str) -> None:
    done = objlib("scan", library, env={variable: f"{ODD}/*"})
    assert done.code == Exit.USAGE, done.err
    assert done.err.startswith(f"objlib: {variable} must be ")
    assert done.err.count("\n") == 1
