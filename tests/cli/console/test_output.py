"""Results on stdout."""

import io
import json
import subprocess
import sys
from pathlib import Path
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objlib.cli.console import output
from objlib.core.failures import Failure, FailureKind
from objlib.core.reports.status import Check, Health

FULL = Path("/dev/full")
PRINTS = (
    "from objlib.cli.console.output import print_lines\nprint_lines(['x' * 100_000])\nprint_lines(['y'])\n"
)


def test_reports_become_plain_values() -> None:
    value = {
        "check": Check("a", Health.OK, "b"),
        "failure": Failure(FailureKind.EMPTY, "m", retryable=False),
        "nan": float("nan"),
        "inner": MappingProxyType({1: (1, 2.5, None, True)}),
        "path": Path("/x"),
    }
    assert output.to_plain(value) == {
        "check": {"name": "a", "health": "ok", "found": "b", "advice": ""},
        "failure": {"kind": "empty", "message": "m", "retryable": False},
        "nan": None,
        "inner": {"1": [1, 2.5, None, True]},
        "path": "/x",
    }


def test_an_object_names_its_schema_first(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_object("doctor", [1], healthy=True)
    line = capsys.readouterr().out
    assert line.startswith('{"schema": "objlib/doctor/1", ')
    assert json.loads(line) == {"schema": "objlib/doctor/1", "result": [1], "healthy": True}


@given(st.text(st.characters()))
def test_any_text_is_json_that_any_encoding_can_carry(text: str) -> None:
    for encoding in ("utf-8", "ascii"):
        stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "stdout", stream)
            line = output.encode({"text": text})
        line.encode(encoding)
        assert not {"\n", "\x1b", "\x7f", "\x9b", "\u202e"} & set(line)
        assert json.loads(line) == {"text": text}


def test_a_reader_that_went_away_is_no_error() -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", PRINTS], stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0
    )
    with child:
        assert child.stdout is not None
        assert child.stderr is not None
        child.stdout.read(1)
        child.stdout.close()
        assert child.stderr.read() == b""
        assert child.wait() == 0


@pytest.mark.skipif(not FULL.exists(), reason="needs /dev/full")
def test_a_full_disk_is_reported() -> None:
    with FULL.open("w") as full:
        done = subprocess.run(
            [sys.executable, "-c", PRINTS], stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert b"OutputError: cannot write the result to stdout: No space left on device" in done.stderr
    assert b"Exception ignored" not in done.stderr


def test_json_holds_no_character_that_acts_on_a_terminal() -> None:
    acting = "\x1b[2J\x07\x7f\x9b31m\u202e\u2066\u2028"
    text = output.encode({"path": acting})
    assert text.isprintable()
    assert json.loads(text)["path"] == acting
