"""The commands upload and scan, over an engine that gives reports."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import trio

from objlib.cli.app import run
from objlib.core.errors import Exit
from objlib.core.events import EventKind, Phase
from objlib.core.reports.plan import Action, Cost, PlannedStep, RunPlan
from objlib.core.reports.upload import ScanReport, UploadReport
from objlib.core.stop_reason import StopReason
from objlib.engine.bootstrap.open_app import Command, StoreNeed
from objlib.engine.plan.run import RunOptions
from tests.cli.commands.kit import FAILED, UPLOAD, Engine, Read


def test_upload_prints_its_store_first_and_its_summary_last(engine: Engine, read: Read) -> None:
    engine.gives("upload.run.upload", UPLOAD)
    assert run(["upload", "lib", "--limit", "5", "--retry-failed", "--max-uploads", "3"]) == Exit.OK
    out, err = read()
    assert out.startswith("✓ Sent 1 file")
    assert err.startswith("objlib: embedded store at ")
    assert "offline (no API key set); ledger " in err
    options = {"limit": 5, "retry_failed": True, "checksum": False}
    assert engine.asked == [("upload.run.upload", {"args": ()} | options)]
    settings, command = engine.opened[0]
    assert settings.library == Path.cwd() / "lib"
    assert settings.max_uploads == 3
    assert command == Command("upload", records=True, store=StoreNeed.CREATE)


def test_a_quiet_upload_prints_problems_only(engine: Engine, read: Read) -> None:
    engine.gives("upload.run.upload", UPLOAD)
    assert run(["upload", "lib", "-q"]) == Exit.OK
    assert read() == ("", "")
    engine.gives(
        "upload.run.upload",
        replace(UPLOAD, failed=2, stopped=StopReason.STORE_FULL, advice="make room", pending=3),
    )
    assert run(["upload", "lib", "-q"]) == Exit.SOME_FAILED
    assert read() == (
        "",
        f"objlib: 2 files failed (`objlib status --library {Path.cwd() / 'lib'}` names them); "
        "3 files waiting; make room\n",
    )


def test_a_quiet_run_that_ends_with_3_names_the_reason(engine: Engine, read: Read) -> None:
    engine.gives("upload.run.upload", replace(UPLOAD, pending=3, elsewhere=1))
    assert run(["upload", "lib", "-q"]) == Exit.SOME_FAILED
    assert read() == ("", "objlib: 2 files waiting; 1 file in flight in another run\n")
    engine.gives("upload.run.upload", replace(UPLOAD, postponed=2))
    assert run(["upload", "lib", "-q"]) == Exit.SOME_FAILED
    assert read() == ("", "objlib: 2 old documents could not be removed now\n")


def test_a_dry_run_opens_private_copies_and_prints_the_plan(engine: Engine, read: Read) -> None:
    steps = [PlannedStep(Action.SEND, f"{number:02}.txt", "new") for number in range(22)]
    plan = RunPlan.of(steps, Cost(requests=66))
    engine.gives("plan.run.plan_run", replace(UPLOAD, dry_run=True, pending=1, plan=plan))
    assert run(["upload", "lib", "-n", "--limit", "3", "--checksum"]) == Exit.OK
    assert engine.opened[0][1] == Command("upload", records=True, store=StoreNeed.CREATE, dry_run=True)
    assert engine.asked[0][1]["options"] == RunOptions(limit=3, checksum=True)
    out = read()[0]
    assert out.startswith("Plan: 22 files to send.\n  send      00.txt (0 B): new\n")
    assert "and 2 more (--all lists them)" in out
    assert run(["upload", "lib", "--dry-run", "--all"]) == Exit.OK
    assert "21.txt" in read()[0]


@pytest.mark.parametrize("command", ["upload", "sync", "scan", "recover", "rebuild", "store-sync"])
def test_every_step_is_only_for_dry_runs(engine: Engine, read: Read, command: str) -> None:
    assert run([command, "--library", "lib", "--all"]) == Exit.USAGE
    assert "add --dry-run" in read()[1]
    assert not engine.opened


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({}, 0),
        ({"failed": 1, "failures": (FAILED,)}, 3),
        ({"pending": 1}, 3),
        ({"postponed": 1}, 3),
        ({"stopped": StopReason.LIMIT, "pending": 1}, 0),
        ({"stopped": StopReason.LIMIT, "failed": 1}, 3),
        ({"stopped": StopReason.DAILY_QUOTA}, 3),
        ({"stopped": StopReason.DAILY_QUOTA, "pending": 4}, 3),
        ({"stopped": StopReason.STORE_FULL, "pending": 4}, 3),
        ({"stopped": StopReason.INTERRUPTED, "pending": 4}, 130),
        ({"stopped": StopReason.UNAUTHORIZED, "pending": 4}, 1),
        ({"stopped": StopReason.UNREACHABLE, "pending": 4}, 1),
    ],
)
def test_exit_codes_of_an_upload(engine: Engine, more: dict[str, Any], code: int, read: Read) -> None:
    engine.gives("upload.run.upload", replace(UPLOAD, **more))
    assert run(["upload", "lib"]) == code
    assert run(["upload", "lib", "--json"]) == code
    assert json.loads(read()[0].splitlines()[-1])["schema"] == "objlib/upload/1"


def test_upload_as_json_is_events_and_the_object_last(engine: Engine, read: Read) -> None:
    async def upload(app: Engine, **_: Any) -> UploadReport:
        await trio.lowlevel.checkpoint()
        app.observer.begin(Phase.UPLOAD, 1, 5)
        app.observer.event(EventKind.FAILED, path="a", error="too large")
        return replace(UPLOAD, failed=1, failures=(FAILED,))

    engine.patch.setattr("objlib.engine.upload.run.upload", upload)
    assert run(["upload", "lib", "--json"]) == Exit.SOME_FAILED
    *events, last = map(json.loads, read()[0].splitlines())
    assert [event["event"] for event in events] == ["begin", "failed"]
    promised = {
        "schema",
        "run_id",
        "backend",
        "store",
        "scanned",
        "uploaded",
        "indexed",
        "unchanged",
        "failed",
    }
    assert promised | {"requests", "throttled", "seconds", "failures"} <= set(last)
    assert last["failures"] == [{"path": "a", "state": "failed", "error": "too large", "retryable": False}]


def test_scan(engine: Engine, read: Read) -> None:
    engine.gives("scan.scan.scan", ScanReport(scanned=2, new=2))
    assert run(["scan", "lib", "--dry-run"]) == Exit.OK
    assert read()[0].startswith("2 files on disk")
    engine.gives("scan.turn.scan_in_turn", ScanReport(scanned=2, new=2))
    assert run(["scan", "lib", "--json"]) == Exit.OK
    assert json.loads(read()[0])["library"] == str(Path.cwd() / "lib")
    assert engine.opened[0][1].store is StoreNeed.NONE
