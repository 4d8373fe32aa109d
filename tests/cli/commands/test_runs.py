"""The command runs, over an engine that gives reports."""

import json
from dataclasses import replace
from typing import Any

import pytest

from objlib.cli.app import run
from objlib.core.errors import Exit
from objlib.core.reports.runs import RunEntry, RunProgress, StopReport
from tests.cli.commands.kit import Engine, Read

AT_WORK = RunEntry(
    "019ea3aa", "upload", "desk (1f2e)", 71, 1000.0, 1061.0, None, alive=True,
    progress=RunProgress("upload", files=3, total_files=1200, done={"upload": 3}, requests_per_second=12.34),
)  # fmt: skip
ENDED = replace(AT_WORK, run_id="019ea3ab", ended=1070.0, alive=False)
DEAD = replace(AT_WORK, run_id="019ea3ac", alive=False)


def test_the_list_has_those_at_work_first_and_of_the_others_the_last(engine: Engine, read: Read) -> None:
    engine.gives("run_list.list_runs", (AT_WORK, DEAD, *[ENDED] * 12))
    assert run(["runs"]) == Exit.OK
    lines = read()[0].splitlines()
    assert lines[0] == "019ea3aa  upload on desk (1f2e), process 71"
    assert "at work: since 1970-01-01" in lines[1]
    assert lines[1].endswith("1 min 1 s; upload, 3 of 1,200 files; 3 files sent; 12 requests/s")
    assert lines[-2] == "  and 3 more runs (--all lists them)"
    assert run(["runs", "--all"]) == Exit.OK
    lines = read()[0].splitlines()
    assert sum(line.startswith("019ea3ab") for line in lines) == 12
    assert "died, or is cut off" in lines[3]
    assert "objlib recover" in lines[-1]
    engine.gives("run_list.list_runs", (ENDED, DEAD))
    assert run(["runs"]) == Exit.OK
    assert "objlib recover" not in read()[0]
    assert run(["runs", "--json"]) == Exit.OK
    document = json.loads(read()[0])
    assert (document["schema"], len(document["runs"])) == ("objlib/runs/1", 2)


@pytest.mark.parametrize(
    ("report", "words"),
    [
        (StopReport(AT_WORK, asked=True), "finishes what it has in flight; it hears of it within 5 s"),
        (StopReport(AT_WORK, asked=True, dry_run=True), "Plan: ask the upload 019ea3aa"),
        (StopReport(replace(AT_WORK, stop_asked=1062.0), asked=False), "already"),
        (StopReport(replace(AT_WORK, alive=False), asked=True), "silent since"),
        (StopReport(ENDED, asked=False), "ended at 1970-01-01"),
        (StopReport(DEAD, asked=False), "process of the upload 019ea3ac on desk (1f2e) is gone"),
    ],
    ids=["asked", "planned", "again", "silent", "ended", "dead"],
)
def test_a_stop_says_what_the_run_does_now(
    engine: Engine, read: Read, report: StopReport, words: str
) -> None:
    engine.gives("run_list.stop_run", report)
    assert run(["runs", "stop", "019"]) == Exit.OK
    assert words in read()[0]
    assert engine.asked[-1][1]["name"] == "019"


@pytest.mark.parametrize(
    "args", [["stop"], ["list", "019"], ["stop", "019", "--all"], ["kill", "019"]], ids=" ".join
)
def test_what_makes_no_sense_is_refused_before_anything_opens(
    engine: Engine, read: Read, args: list[Any]
) -> None:
    assert run(["runs", *args]) == Exit.USAGE
    assert engine.opened == []
    assert len(read()[1].splitlines()) == 1
