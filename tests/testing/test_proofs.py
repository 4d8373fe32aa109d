"""A slice of each proof, as its command runs it; docs/reliability.md has the full figures."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from objlib.testing import crash, kill, torture
from objlib.testing.workload import plan_of

ROOT = Path(__file__).parents[2]

fork_only = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


def test_a_slice_of_torture(capsys: pytest.CaptureFixture[str]) -> None:
    assert torture.main(["--seeds", "24", "--jobs", "1"]) == 0
    output = capsys.readouterr().out
    assert "24 worlds in" in output
    assert "0 broke a promise" in output


def test_a_seed_is_replayed_with_its_whole_history(capsys: pytest.CaptureFixture[str]) -> None:
    assert torture.main(["--seed", "319"]) == 0
    first = capsys.readouterr().out
    assert "Every promise was kept." in first
    assert torture.main(["--seed", "319"]) == 0
    assert capsys.readouterr().out == first


def test_plans_differ_and_are_repeatable() -> None:
    assert plan_of(1) == plan_of(1) != plan_of(2)


def in_a_process(*words: str) -> str:
    """Return the output of a command of the harness, run in its own process, since it forks."""
    done = subprocess.run(
        [sys.executable, "-m", *words], cwd=ROOT, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@fork_only
def test_a_slice_of_crash() -> None:
    output = in_a_process(crash.__name__, "--every", "32", "--pairs", "24", "--jobs", "1")
    assert re.search(r"[1-9]\d* points and [1-9]\d* pairs in .*: 0 broke a promise", output), output


@fork_only
def test_a_slice_of_kill() -> None:
    output = in_a_process(kill.__name__, "-n", "4")
    assert "0 of the worlds broke a promise" in output
