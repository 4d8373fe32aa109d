"""Each command with an engine that answers what it is told: what is printed, and the exit code."""

import json
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import trio

from objlib.cli.app import run
from objlib.core.config.registry import SETTINGS
from objlib.core.config.settings import Settings
from objlib.core.errors import Exit, RefusedError
from objlib.core.events import EventKind, Observer, Phase
from objlib.core.pacing.quota import Quota
from objlib.core.reports.answers import AnswerReport, Citation
from objlib.core.reports.status import Check, ExplainReport, Health, StatusReport
from objlib.core.reports.store import VerifyReport
from objlib.core.reports.upload import FailedFile, RecoverReport, ScanReport, UploadReport
from objlib.core.stop_reason import StopReason
from objlib.engine.bootstrap.open_app import Command, StoreNeed

UPLOAD = UploadReport(
    "r", "embedded", "s", "/lib", ScanReport(scanned=1, new=1), scanned=1, uploaded=1, indexed=1
)
STATUS = StatusReport("/lib", "/led", "embedded", "s", {"indexed": 1}, 0, 0, 0, None, 0, 0, 0, {})
ANSWER = AnswerReport("q", "embedded", "s", "m", "Claim.", (Citation("a.txt", "a passage"),))
EXPLAIN = ExplainReport(
    "a", "id", "indexed", 1, 1, "h", "h", None, None, None, 0, None, None, {}, (), "It is well."
)

Calls = list[tuple[str, dict[str, Any]]]


class Engine:
    """Stands in for the engine: gives the reports it was given, and remembers what it was asked."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.patch = patch
        self.opened: list[tuple[Settings, Command]] = []
        self.asked: Calls = []

        @asynccontextmanager
        async def open_app(settings: Settings, command: Command, *, observer: Observer) -> AsyncIterator[Any]:
            self.opened.append((settings, command))
            self.observer = observer
            yield self

        patch.setattr("objlib.cli.runner.open_app", open_app)

    def gives(self, target: str, report: Any) -> None:
        """Let the engine's function ``target`` answer ``report``, or raise it."""

        async def answer(*args: Any, **more: Any) -> Any:
            await trio.lowlevel.checkpoint()
            self.asked.append((target, {"args": args[1:], **more}))
            if isinstance(report, BaseException):
                raise report
            return report

        self.patch.setattr(f"objlib.engine.{target}", answer)


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    for variable in [setting.variable for setting in SETTINGS] + ["GEMINI_API_KEY", "GOOGLE_API_KEY"]:
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    (tmp_path / "lib").mkdir()
    monkeypatch.chdir(tmp_path)
    return Engine(monkeypatch)


Read = Callable[[], tuple[str, str]]


@pytest.fixture
def read(capsys: pytest.CaptureFixture[str]) -> Read:
    def said() -> tuple[str, str]:
        both = capsys.readouterr()
        return both.out, both.err

    return said


def test_upload_says_what_it_works_with_and_what_it_did(engine: Engine, read: Read) -> None:
    engine.gives("upload.run.upload", UPLOAD)
    assert run(["upload", "lib", "--limit", "5", "--retry-failed", "--max-uploads", "3"]) == Exit.OK
    out, err = read()
    assert out.startswith("✓ Sent 1 file")
    assert err.startswith("objlib: embedded store at ")
    assert "offline (no API key set); ledger " in err
    assert engine.asked == [
        ("upload.run.upload", {"args": (), "limit": 5, "dry_run": False, "retry_failed": True})
    ]
    settings, command = engine.opened[0]
    assert settings.library == Path.cwd() / "lib"
    assert settings.max_uploads == 3
    assert command == Command("upload", records=True, store=StoreNeed.CREATE)


def test_a_quiet_upload_only_says_what_went_wrong(engine: Engine, read: Read) -> None:
    engine.gives("upload.run.upload", UPLOAD)
    assert run(["upload", "lib", "-q"]) == Exit.OK
    assert read() == ("", "")
    engine.gives(
        "upload.run.upload",
        replace(UPLOAD, failed=2, stopped=StopReason.STORE_FULL, advice="make room", pending=3),
    )
    assert run(["upload", "lib", "-q"]) == Exit.SOME_FAILED
    assert read() == ("", "objlib: 2 files failed (objlib status names them); 3 files waiting; make room\n")


def test_a_quiet_run_does_not_end_with_3_in_silence(engine: Engine, read: Read) -> None:
    engine.gives("upload.run.upload", replace(UPLOAD, pending=3, elsewhere=1))
    assert run(["upload", "lib", "-q"]) == Exit.SOME_FAILED
    assert read() == ("", "objlib: 2 files waiting; 1 file in flight in another run\n")
    engine.gives("upload.run.upload", replace(UPLOAD, postponed=2))
    assert run(["upload", "lib", "-q"]) == Exit.SOME_FAILED
    assert read() == ("", "objlib: 2 old documents could not be removed now\n")


def test_a_dry_run_needs_no_store(engine: Engine, read: Read) -> None:
    engine.gives("upload.run.upload", replace(UPLOAD, dry_run=True, pending=1))
    assert run(["upload", "lib", "--dry-run"]) == Exit.OK
    assert engine.opened[0][1].store is StoreNeed.NONE
    assert read()[0].startswith("Would send 1 file")


FAILED = FailedFile("a", "failed", "too large", retryable=False)


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
    assert run(["scan", "lib", "--json"]) == Exit.OK
    assert json.loads(read()[0])["library"] == str(Path.cwd() / "lib")
    assert engine.opened[0][1].store is StoreNeed.NONE


def test_status_recover_and_explain(engine: Engine, read: Read) -> None:
    engine.gives("status.status", STATUS)
    engine.gives("status.explain", EXPLAIN)
    engine.gives("recover.recover", RecoverReport())
    for args, said in [
        (["status"], "indexed"),
        (["explain", "a"], "It is well."),
        (["recover"], "Nothing to recover"),
    ]:
        assert run(args) == Exit.OK
        assert said in read()[0]
        assert run([*args, "--json"]) == Exit.OK
        assert json.loads(read()[0])["schema"] == f"objlib/{args[0]}/1"
        assert run([*args, "--quiet"]) == Exit.OK
        assert read() == ("", "")
    assert not any(command.create_ledger for _, command in engine.opened)


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"failed": 1}, 3),
        ({"left": 1}, 3),
        ({"postponed": 1}, 3),
        ({"requeued": 1}, 0),
        ({"stopped": StopReason.DAILY_QUOTA}, 3),
        ({"stopped": StopReason.UNAUTHORIZED}, 1),
    ],
)
def test_exit_codes_of_a_recovery(engine: Engine, more: dict[str, Any], code: int) -> None:
    engine.gives("recover.recover", RecoverReport(found=1, **more))
    assert run(["recover"]) == code


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (
            {"failed": 1, "left": 2},
            "1 file failed (objlib status names them); 2 files could not be settled now; "
            "run objlib recover again later",
        ),
        ({"postponed": 1}, "1 document could not be removed now; run objlib recover again later"),
        (
            {"postponed": 2, "stopped": StopReason.DAILY_QUOTA, "advice": "come back tomorrow"},
            "2 documents could not be removed now; come back tomorrow",
        ),
    ],
)
def test_a_quiet_recovery_does_not_end_with_3_in_silence(
    engine: Engine, read: Read, more: dict[str, Any], said: str
) -> None:
    engine.gives("recover.recover", RecoverReport(found=3, **more))
    assert run(["recover", "-q"]) == Exit.SOME_FAILED
    assert read() == ("", f"objlib: {said}\n")


def test_a_quiet_audit_does_not_end_with_3_in_silence(engine: Engine, read: Read) -> None:
    engine.gives("reconcile.verify.verify", VerifyReport("s", checked=3, of=3, unanswered=2))
    assert run(["verify", "--library", "lib", "-q"]) == Exit.SOME_FAILED
    assert read() == ("", "objlib: 2 files the service gave no answer for\n")


def test_search_and_ask(engine: Engine, read: Read) -> None:
    engine.gives("search.ask.search", ANSWER)
    engine.gives("search.ask.ask", ANSWER)
    assert run(["search", "two", "words", "--filter", "year = 1", "--top-k", "3"]) == Exit.OK
    assert read()[0].startswith("1. a.txt\n   a passage")
    assert engine.asked[-1] == (
        "search.ask.search",
        {"args": ("two words",), "where": "year = 1", "top_k": 3},
    )
    assert run(["ask", "why", "--model", "models/other", "--json"]) == Exit.OK
    assert json.loads(read()[0])["schema"] == "objlib/ask/1"
    assert engine.opened[-1][0].model == "other"
    assert run(["ask", "why"]) == Exit.OK
    assert read()[0].startswith("Claim.\n")
    assert engine.opened[-1][1].store is StoreNeed.EXISTING


@pytest.mark.parametrize(("health", "code"), [(Health.OK, 0), (Health.WARNING, 0), (Health.PROBLEM, 1)])
def test_doctor(engine: Engine, health: Health, code: int, read: Read) -> None:
    engine.gives("doctor.doctor", [Check("library", health, "found")])
    engine.patch.setenv("OBJLIB_LIBARY", "x")
    assert run(["doctor"]) == code
    out = read()[0]
    assert "library" in out
    assert "did you mean OBJLIB_LIBRARY?" in out
    assert run(["doctor", "--json"]) == code
    said = json.loads(read()[0])
    assert said["healthy"] is (code == 0)
    assert len(said["checks"]) == 2
    assert run(["doctor", "--quiet"]) == code
    assert bool(read()[0]) is (code == 1)


def test_serve_prints_its_address_first(engine: Engine, read: Read) -> None:
    async def serve(
        settings: Settings, *, host: str, port: int, observer: Observer, ready: Any, quota: Quota | None
    ) -> None:
        await trio.lowlevel.checkpoint()
        assert settings.backend == "embedded"
        assert quota is None
        ready(f"http://{host}:{port or 4711}")

    engine.patch.setattr("objlib.engine.serve.serve", serve)
    engine.patch.setenv("GEMINI_API_KEY", "AIzaSomething")
    assert run(["serve", "--port", "0"]) == Exit.OK
    out, err = read()
    assert out == "http://127.0.0.1:4711\n"
    assert "--base-url http://127.0.0.1:4711" in err
    assert run(["serve", "--host", "localhost", "--json", "--quiet"]) == Exit.OK
    assert json.loads(read()[0]) == {"schema": "objlib/serve/1", "url": "http://localhost:8765"}


def test_serve_tells_of_each_request_that_meets_the_quota(engine: Engine, read: Read) -> None:
    async def serve(
        settings: Settings, *, host: str, port: int, observer: Observer, ready: Any, quota: Quota | None
    ) -> None:
        await trio.lowlevel.checkpoint()
        ready("http://127.0.0.1:4711")
        observer.event(EventKind.REQUEST, method="GET", path="/v1beta/files", admitted=False, wait=0.5)

    engine.patch.setattr("objlib.engine.serve.serve", serve)
    assert run(["serve", "--quota", "2/s", "--json", "--quiet"]) == Exit.OK
    first, second = map(json.loads, read()[0].splitlines())
    assert first["url"] == "http://127.0.0.1:4711"
    assert second.pop("time") > 0
    assert second == {
        "event": "request",
        "method": "GET",
        "path": "/v1beta/files",
        "admitted": False,
        "wait": 0.5,
    }


def test_log_records_are_shown_with_verbose_only(engine: Engine, read: Read) -> None:
    async def status(app: Engine) -> StatusReport:
        await trio.lowlevel.checkpoint()
        logging.getLogger("objlib.embedded").warning("odd\x1b[2J")
        logging.getLogger("objlib.embedded").debug("detail")
        return STATUS

    engine.patch.setattr("objlib.engine.status.status", status)
    assert run(["status"]) == Exit.OK
    assert "odd" not in read()[1]
    assert run(["status", "-v"]) == Exit.OK
    err = read()[1]
    assert "objlib.embedded: odd\\x1b[2J\n" in err
    assert "detail" not in err
    assert run(["status", "-vv"]) == Exit.OK
    assert "detail" in read()[1]


def test_gemini_is_introduced_by_store_and_address(engine: Engine, read: Read) -> None:
    engine.gives("status.status", STATUS)
    engine.patch.setenv("GEMINI_API_KEY", "AIzaSecret")
    assert run(["status", "--store", "mine"]) == Exit.OK
    err = read()[1]
    assert err.startswith("objlib: Gemini store mine at https://generativelanguage.googleapis.com; ledger ")
    assert "AIzaSecret" not in err


def test_an_error_of_the_engine_is_a_line_and_its_code(engine: Engine, read: Read) -> None:
    engine.gives("status.status", ExceptionGroup("g", [RefusedError("wrong store")]))
    engine.patch.setenv("OBJLIB_JSON", "1")
    assert run(["status"]) == Exit.REFUSED
    out, err = read()
    assert json.loads(out)["error"] == "wrong store"
    assert err.endswith("objlib: wrong store\n")


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["upload", "lib", "--limit", "-1"], "--limit must be 0 or more"),
        (["upload", "lib", "--limit", "x"], "--limit"),
        (["upload", "lib", "more"], "unexpected argument 'more'"),
        (["upload", "lib", "--nonsense"], "unknown option: --nonsense"),
        (["upload"], "no library is set"),
        (["upload", "lib", "--library", "other"], "two libraries are named"),
        (["upload", "lib", "--max-uploads", "0"], "--max-uploads must be a whole number"),
        (["upload", "lib", "--embed-seconds", "nan"], "--embed-seconds must be"),
        (["upload", "lib", "--quiet", "-v"], "contradict"),
        (["search"], "needs a text"),
        (["search", "  "], "needs a text"),
        (["ask", "x", "--top-k", "0"], "--top-k must be"),
        (["ask", "x", "--filter", " "], "--filter is empty"),
        (["ask", "x", "--model", "a b"], "--model must be"),
        (["explain"], "FILE"),
        (["serve", "--port", "70000"], "--port must be"),
        (["serve", "--host", "0.0.0.0"], "--allow-remote"),
        (["serve", "--host", ""], "--host must be"),
        (["serve", "--backend", "gemini"], "leave --backend and --base-url out"),
        (["status", "--backend", "gemini"], "set GEMINI_API_KEY"),
        (["status", "--base-url", "nowhere"], "--base-url must be"),
        (["status", "--config", "none.toml"], "cannot read"),
        (["completion", "tcsh"], "tcsh"),
        (["uplaod"], "did you mean upload?"),
        (["zzz"], "unknown command 'zzz'"),
        (["--json", "status"], "must come after a command"),
    ],
)
def test_what_is_wrong_on_the_command_line_is_one_line_and_2(
    engine: Engine, args: list[str], said: str, read: Read
) -> None:
    assert run(args) == Exit.USAGE
    out, err = read()
    assert said in err
    assert err.startswith("objlib: ")
    assert err.count("\n") == 1
    assert out == "" or "--json" in args
    assert engine.opened == []
