"""The second spike: its harness as a whole, and each instrument on something that is broken."""

import importlib
import re
from collections.abc import Awaitable, Callable
from operator import attrgetter
from pathlib import Path

import pytest
import trio
import trio.testing

from objlib.core.errors import StaleTransitionError
from spike.__main__ import main
from spike.evidence import PASSED, Report, Seen
from spike.phase18_spike import harness, polling, traps
from spike.phase18_spike.occ import occ_transition
from spike.phase18_spike.polling import PollLoop, judge, poll_until
from spike.record import BEGIN, END
from tests.support.spike import run_harness

pytestmark = pytest.mark.usefixtures("autojump_clock")


def test_the_whole_harness_passes_and_leaves_nothing_behind(tmp_path: Path) -> None:
    done = run_harness("phase18", tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == PASSED
    assert "verdict: GO" in done.stdout
    for name in harness.PATTERNS:
        assert f"{name}: GO" in done.stdout
    assert list(tmp_path.iterdir()) == []


async def test_a_poll_loop_that_returns_inside_its_retry_block_is_caught() -> None:
    """The seeded trap: it throws no error, and an answer of "not done" comes out as the value."""
    passed, evidence = await judge(traps.returns_inside_its_retry_block)
    assert not passed
    assert evidence.startswith("value None after 1 questions")


@pytest.mark.parametrize("trap", traps.TRAPS, ids=lambda trap: trap.__name__)
async def test_every_other_trap_is_caught_too(trap: PollLoop) -> None:
    passed, evidence = await judge(trap)
    assert not passed, evidence


async def test_the_right_loop_is_not() -> None:
    passed, evidence = await judge(poll_until)
    assert passed, evidence
    assert "value 'done' after 4 questions, 3 retries" in evidence


@pytest.mark.parametrize(
    "check",
    [polling.the_loop_that_ships, polling.the_deadline_that_ships, polling.a_real_error_that_ships],
    ids=lambda check: check.__name__,
)
async def test_the_loop_that_ships(tmp_path: Path, check: Callable[[Path], Awaitable[Seen]]) -> None:
    passed, evidence = await check(tmp_path)
    assert passed, evidence


async def test_occ_transition_gives_back_the_first_result_that_was_not_stale() -> None:
    calls = 0

    async def third_time() -> str:
        nonlocal calls
        calls += 1
        await trio.lowlevel.checkpoint()
        if calls < 3:
            raise StaleTransitionError("f", calls)
        return f"call {calls}"

    assert await occ_transition(third_time) == "call 3"
    assert 0.25 * 0.3 <= trio.current_time() <= 0.3
    calls = 0
    with pytest.raises(StaleTransitionError):
        await occ_transition(third_time, max_attempts=2)
    assert calls == 2


def test_a_pattern_with_one_failing_check_is_a_no_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fails(_folder: Path) -> Seen:
        await trio.lowlevel.checkpoint()
        return False, "0 of 1"

    async def holds(_folder: Path) -> Seen:
        await trio.lowlevel.checkpoint()
        return True, "1 of 1"

    monkeypatch.setattr(harness, "PATTERNS", {"one": (("a", holds, True), ("b", fails, True))})
    assert harness.tried("one", Report(), tmp_path) == (False, "1 of 2 checks held")
    assert harness.run([]) == 1


def test_an_unknown_spike_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["phase7"]) == 2
    assert "there is no phase7; choose from phase9, phase18" in capsys.readouterr().err


def _shipped(name: str) -> object:
    """Resolve a dotted name of the page in the package: the longest part of it that is a module, then attributes."""
    parts = name.split(".")
    for stop in range(len(parts), 0, -1):
        try:
            module: object = importlib.import_module(".".join(("objlib", *parts[:stop])))
        except ModuleNotFoundError:
            continue
        return attrgetter(".".join(parts[stop:]))(module) if parts[stop:] else module
    raise AssertionError(f"there is no {name}")


def test_every_mapping_names_a_function_that_ships() -> None:
    rows = re.findall(r"^\| +(\d+) \|.*\| ([^|]+) \|$", harness.PAGE.read_text("utf-8"), re.MULTILINE)
    assert [number for number, _ in rows] == [str(number) for number in range(1, 11)]
    for number, shipped in rows:
        names = re.findall(r"`([\w.]+)`", shipped)
        assert names, number
        assert None not in map(_shipped, names), shipped


def test_the_page_says_what_the_harness_said() -> None:
    text = harness.PAGE.read_text("utf-8")
    printed = text[text.index(BEGIN) : text.index(END)]
    assert PASSED in printed
    for checks in harness.PATTERNS.values():
        for name, _, _ in checks:
            assert f"[PASS] {name}:" in printed
    assert text.count("\n| 10 | `wait_for") == 1
