"""The task of one file: a file that cannot be read or never holds still, and a service that is gone."""

from pathlib import Path
from typing import Any

import pytest
import trio

from objlib.core.config.settings import Settings
from objlib.core.events import EventKind
from objlib.core.reports.upload import ScanReport
from objlib.core.stop_reason import StopReason
from objlib.engine.scan.scan import scan
from objlib.engine.status import status
from objlib.engine.upload import file_task
from objlib.engine.upload.file_task import MAX_ATTEMPTS, MAX_THROTTLES, MAX_UNREACHABLE
from objlib.engine.upload.run import upload
from objlib.testing import DAILY_QUOTA, DOWN, LOST, Faults, RecordingObserver, Refuse, refusal, throttled
from tests.support.engine import Opener, assert_exactly_once, follow


class Editor(RecordingObserver):
    """A program that writes a file anew each time after objlib has read it."""

    def __init__(self, path: Path, versions: int) -> None:
        super().__init__()
        self._path = path
        self._versions = versions

    def event(self, kind: EventKind, /, **fields: Any) -> None:
        """Write the next version when the file is requeued."""
        super().event(kind, **fields)
        if kind is EventKind.REQUEUED and self._versions:
            self._versions -= 1
            self._path.write_text(f"Version -{self._versions}.\n")


async def test_a_library_that_vanishes_under_a_run_stops_it_and_nothing_counts_as_deleted(
    opened: Opener, settings: Settings, library: Path, faults: Faults
) -> None:
    away = library.with_name("away")

    def vanish(kind: str, count: int) -> None:
        if kind == "start" and count == 2:
            library.rename(away)

    faults.script = vanish
    async with opened(max_uploads=1) as app:
        report = await upload(app)
    assert (report.stopped, report.missing, report.failed) == (StopReason.LIBRARY_GONE, 0, 0)
    assert report.indexed + report.pending == 10
    assert 0 < report.indexed < 10
    away.rename(library)
    faults.script = lambda _kind, _count: None
    async with opened() as app:
        assert (await upload(app)).indexed == 10
    assert_exactly_once(settings)


async def test_a_file_that_was_never_sent_and_is_gone_is_not_in_the_store(
    opened: Opener, library: Path
) -> None:
    (library / "new.txt").write_text("New.\n", encoding="utf-8")
    async with opened() as app:
        await scan(app)
        (library / "new.txt").unlink()
        assert ((await upload(app)).missing, (await status(app)).missing) == (0, 0)


@pytest.mark.parametrize(
    ("versions", "indexed"), [(MAX_ATTEMPTS - 2, 1), (MAX_ATTEMPTS, 0)], ids=["a few times", "always"]
)
async def test_a_file_that_changes_each_time_it_is_read_is_given_up(
    opened: Opener, alone: Path, faults: Faults, versions: int, indexed: int
) -> None:
    async def first_edit(_scanned: ScanReport) -> None:
        await trio.lowlevel.checkpoint()
        alone.write_text("Not what the scan saw.\n")

    async with opened(observer=Editor(alone, versions)) as app:
        report = await upload(app, accept=first_edit)
    assert (report.indexed, report.failed) == (indexed, 1 - indexed)
    assert faults.count["start"] == indexed
    if not indexed:
        assert report.failures[0].error.startswith("changes each time it is read; upload again when")
        assert report.failures[0].retryable


async def test_a_file_that_can_no_longer_be_read_fails_with_the_reason(
    opened: Opener, settings: Settings, alone: Path, faults: Faults, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The administrator, as whom tests may run, can read every file: so the answer of the system is replaced."""

    def refuse(path: str | bytes) -> None:
        raise PermissionError(13, "Permission denied", path)

    with monkeypatch.context() as patch:
        patch.setattr("objlib.engine.attempt.file_body.open_regular", refuse)
        async with opened() as app:
            report = await upload(app)
    assert (report.indexed, report.failed, faults.count["start"]) == (0, 1, 0)
    assert report.failures[0].error == "cannot be read: Permission denied; check the file and its permissions"
    assert report.failures[0].retryable
    async with opened() as app:
        assert (await upload(app, retry_failed=True)).indexed == 1
    assert_exactly_once(settings)


async def test_a_run_without_any_connection_ends_and_says_so(
    opened: Opener, settings: Settings, faults: Faults
) -> None:
    faults.script = lambda kind, _count: Refuse() if kind != "store" else None
    async with opened() as app:
        report = await upload(app)
    assert (report.stopped, report.indexed, report.pending) == (StopReason.UNREACHABLE, 0, 10)
    assert report.advice == "the service cannot be reached; check the network and --base-url"
    assert MAX_UNREACHABLE <= faults.count["start"] <= MAX_UNREACHABLE + settings.max_uploads
    faults.script = lambda _kind, _count: None
    async with opened() as app:
        assert (await upload(app)).indexed == 10
    assert_exactly_once(settings)


async def test_a_file_that_is_always_throttled_is_given_up_for_this_run(
    opened: Opener, settings: Settings, alone: Path, faults: Faults, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_task, "MAX_THROTTLES", 5)
    assert MAX_THROTTLES > 5
    faults.script = lambda kind, _count: throttled(1) if kind == "start" else None
    async with opened() as app:
        report = await upload(app)
    assert (report.indexed, report.failed) == (0, 1)
    assert report.failures[0].error.startswith("gave up, throttled 5 times: ")
    assert report.failures[0].retryable
    # Once the others are done, it gets a second chance.
    assert faults.count["start"] == 10
    faults.script = lambda _kind, _count: None
    async with opened() as app:
        assert (await upload(app, retry_failed=True)).indexed == 1
    assert_exactly_once(settings)


async def test_a_store_that_is_deleted_during_a_run_ends_it(opened: Opener, faults: Faults) -> None:
    faults.script = lambda kind, _count: (
        refusal(404, "NOT_FOUND", "There is no such store.") if kind == "start" else None
    )
    async with opened() as app:
        report = await upload(app)
    assert (report.stopped, report.failed, report.pending) == (StopReason.STORE_GONE, 0, 10)
    assert report.advice.endswith("check --store, or start over with another --ledger")


async def test_an_unknown_outcome_that_no_probe_answers_is_settled_by_recovery(
    opened: Opener, settings: Settings, alone: Path, faults: Faults
) -> None:
    """The task gives up after a few probes without an answer, and the recovery after the round goes on."""
    follow(faults, send=[LOST], query=[DOWN] * 5)
    observer = RecordingObserver()
    async with opened(observer=observer) as app:
        report = await upload(app)
    assert (report.indexed, report.failed, report.recovered.adopted) == (1, 0, 0)
    assert [fields["path"] for fields in observer.fields_of(EventKind.UNKNOWN)] == ["only.txt"]
    assert (faults.count["start"], faults.count["send"], faults.count["list"]) == (1, 1, 0)
    assert_exactly_once(settings)


async def test_a_key_that_is_revoked_while_an_outcome_is_unknown_ends_the_run(
    opened: Opener, settings: Settings, alone: Path, faults: Faults
) -> None:
    bad_key = refusal(401, "UNAUTHENTICATED", "bad key")
    broken = refusal(400, "INVALID_ARGUMENT", "Failed to count tokens.")
    follow(faults, start=[broken], discard=[bad_key], **{"import": [LOST]})
    async with opened() as app:
        report = await upload(app)
    assert (report.stopped, report.failed, report.pending) == (StopReason.UNAUTHORIZED, 0, 1)
    faults.script = lambda _kind, _count: None
    async with opened() as app:
        assert (await upload(app)).indexed == 1
    assert_exactly_once(settings)


async def test_a_quota_met_by_the_recovery_of_a_run_ends_the_run(
    opened: Opener, settings: Settings, alone: Path, faults: Faults
) -> None:
    follow(faults, send=[LOST], query=[DOWN] * 5 + [DAILY_QUOTA])
    async with opened() as app:
        report = await upload(app)
    assert (report.stopped, report.failed, report.pending) == (StopReason.DAILY_QUOTA, 0, 1)
    faults.script = lambda _kind, _count: None
    async with opened() as app:
        assert (await upload(app)).indexed == 1
    assert faults.count["send"] == 1
    assert_exactly_once(settings)
