"""A run from scan to quiescence, on the real ledger and the embedded store, in virtual time."""

import shutil
import zipfile
from pathlib import Path

import pytest
import trio

from objlib.core.config.settings import Settings
from objlib.core.errors import RefusedError
from objlib.core.events import EventKind, Phase
from objlib.core.reports.upload import ScanReport
from objlib.engine.recover import recover
from objlib.engine.search.ask import search
from objlib.engine.status import explain, status
from objlib.engine.upload.run import upload
from objlib.testing import DOWN, LOST, Faults, RecordingObserver, Respond, refusal, throttled
from objlib.testing.databases import raw
from tests.support.engine import Opener, assert_exactly_once, ledger_rows, live_documents, write


async def test_every_file_is_indexed_once_and_a_second_run_sends_nothing(
    opened: Opener, settings: Settings, faults: Faults
) -> None:
    async with opened() as app:
        report = await upload(app)
    assert (report.scanned, report.uploaded, report.indexed, report.failed) == (10, 10, 10, 0)
    assert report.stopped == ""
    assert_exactly_once(settings)
    sent = faults.count["start"], faults.count["send"]
    async with opened() as app:
        report = await upload(app)
    assert (report.uploaded, report.unchanged, report.indexed) == (0, 10, 10)
    assert (faults.count["start"], faults.count["send"]) == sent == (10, 10)


async def test_edits_are_sent_and_renames_and_deletions_are_not(
    opened: Opener, settings: Settings, library: Path, faults: Faults
) -> None:
    async with opened() as app:
        await upload(app)
    files = sorted(library.rglob("*.txt"))
    for path in files[:3]:
        path.write_text(path.read_text() + "A later thought.\n")
    for path in files[3:5]:
        path.rename(path.with_name("renamed " + path.name))
    files[5].unlink()
    before = faults.count["start"]
    async with opened() as app:
        report = await upload(app)
    assert faults.count["start"] - before == 3
    assert (report.uploaded, report.renamed, report.missing, report.indexed) == (3, 2, 1, 9)
    # The deleted file keeps its document until it is pruned; the edited ones have only the new one.
    assert len(live_documents(settings)) == 10
    assert_exactly_once(settings)


@pytest.mark.parametrize("kind", ["start", "send", "document", "operation"])
@pytest.mark.parametrize("reply", [LOST, DOWN], ids=["acted, answer lost", "not acted"])
async def test_a_lost_answer_makes_no_duplicate(
    opened: Opener, settings: Settings, faults: Faults, kind: str, reply: Respond
) -> None:
    faults.script = lambda what, count: reply if what == kind and count % 3 == 0 else None
    async with opened() as app:
        report = await upload(app)
    assert (report.indexed, report.failed) == (10, 0)
    assert_exactly_once(settings)


async def test_attempts_whose_sessions_are_forgotten_are_decided_by_one_listing(
    opened: Opener, settings: Settings, faults: Faults
) -> None:
    """The finalize was acted upon, its answer is lost, and the session no longer exists."""
    replies = {"send": LOST, "query": refusal(404, "NOT_FOUND", "no such upload")}
    faults.script = lambda what, _count: replies.get(what)
    async with opened() as app:
        report = await upload(app)
    assert (report.indexed, report.failed) == (10, 0)
    assert faults.count["send"] == 10
    assert faults.count["list"] == 1
    assert_exactly_once(settings)


async def test_a_throttled_request_closes_the_gate_for_all_requests(
    opened: Opener, settings: Settings, faults: Faults
) -> None:
    faults.script = lambda what, count: throttled(30) if what == "start" and count == 2 else None
    async with opened() as app:
        report = await upload(app)
    assert report.throttled == 1
    moments = [moment for moment, kind in faults.seen if kind != "store"]
    closed = [moment for moment, kind in faults.seen if kind == "start"][2]
    assert not [moment for moment in moments if closed < moment < closed + 30]
    assert max(moments) >= closed + 30
    assert_exactly_once(settings)


async def test_a_probe_that_waits_behind_a_gate_makes_no_document_slow(
    opened: Opener, settings: Settings, faults: Faults
) -> None:
    """The store is as quick as ever; the questions about its documents are what takes a minute, or has no answer."""

    def script(kind: str, count: int) -> Respond | None:
        if kind not in {"document", "operation"}:
            return None
        return {4: throttled(60), 8: DOWN}.get(count)

    faults.script = script
    async with opened() as app:
        report = await upload(app)
        assert app.governor.pending.total_tokens == settings.max_pending
    assert report.throttled >= 1
    assert trio.current_time() > 60
    assert_exactly_once(settings)


async def test_a_service_that_is_down_for_a_while_costs_only_time(
    opened: Opener, settings: Settings, faults: Faults
) -> None:
    faults.script = lambda what, _count: DOWN if what != "store" and trio.current_time() < 5 else None
    async with opened() as app:
        report = await upload(app)
    assert (report.indexed, report.failed) == (10, 0)
    assert_exactly_once(settings)


async def test_the_daily_quota_stops_the_run_and_loses_nothing(
    opened: Opener, settings: Settings, faults: Faults
) -> None:
    quota = refusal(429, "RESOURCE_EXHAUSTED", "You exceeded your quota: requests per day")
    faults.script = lambda what, count: quota if what == "start" and count >= 3 else None
    async with opened() as app:
        report = await upload(app)
    assert report.stopped == "daily_quota"
    assert "run the same command again after midnight" in report.advice
    assert faults.count["start"] < 10
    assert report.indexed + report.pending == 10
    faults.script = lambda _what, _count: None
    async with opened() as app:
        assert (await upload(app)).indexed == 10
    assert_exactly_once(settings)


async def test_a_full_store_stops_the_run(opened: Opener, faults: Faults) -> None:
    full = refusal(429, "RESOURCE_EXHAUSTED", "Corpus has reached the storage limit of 1000000000 bytes.")
    faults.script = lambda what, _count: full if what == "send" else None
    async with opened() as app:
        report = await upload(app)
    assert report.stopped == "store_full"
    assert "storage limit" in report.advice
    assert report.indexed == 0
    assert report.failed == 0


async def test_a_refused_file_fails_alone_with_its_reason(
    opened: Opener, settings: Settings, faults: Faults
) -> None:
    bad = refusal(400, "INVALID_ARGUMENT", "the display name is not acceptable")
    faults.script = lambda what, count: bad if what == "start" and count == 0 else None
    async with opened() as app:
        report = await upload(app)
    assert (report.indexed, report.failed) == (9, 1)
    assert "not acceptable" in report.failures[0].error
    assert not report.failures[0].retryable
    starts = faults.count["start"]
    async with opened() as app:
        await upload(app)
    assert faults.count["start"] == starts
    async with opened() as app:
        report = await upload(app, retry_failed=True)
    assert (report.indexed, report.failed) == (10, 0)
    assert_exactly_once(settings)


async def test_the_two_step_path_takes_over_where_the_direct_one_is_broken(
    opened: Opener, settings: Settings, faults: Faults
) -> None:
    broken = refusal(400, "INVALID_ARGUMENT", "Failed to count tokens.")
    async with opened(max_uploads=1) as app:
        # Each file starts twice: first directly, which is refused, then through the files API.
        faults.script = lambda what, count: broken if what == "start" and count % 2 == 0 else None
        report = await upload(app)
    assert (report.indexed, report.failed) == (10, 0)
    assert faults.count["import"] == 10
    assert_exactly_once(settings)


async def test_a_document_that_cannot_be_indexed_fails_with_the_reason_and_is_deleted(
    opened: Opener, settings: Settings, library: Path
) -> None:
    (library / "broken.pdf").write_bytes(b"%PDF-1.7\nthis is no document at all\n%%EOF\n")
    observer = RecordingObserver()
    async with opened(observer=observer) as app:
        report = await upload(app)
    assert (report.indexed, report.failed) == (10, 1)
    assert report.failures[0].path == "broken.pdf"
    assert "PDF" in report.failures[0].error
    assert observer.fields_of(EventKind.FAILED) == [{"path": "broken.pdf", "error": report.failures[0].error}]
    assert len(live_documents(settings)) == 10


async def test_a_file_that_changes_while_it_is_read_is_a_newer_version(
    opened: Opener, settings: Settings, library: Path, faults: Faults
) -> None:
    target = library / "zz.txt"
    write(library, "zz.txt", "first words\n")

    def edit(kind: str) -> None:
        if kind == "store" and target.read_text() == "first words\n":
            return
        if kind == "start":
            target.write_text("second words, and more of them\n")

    faults.before = edit
    async with opened(max_uploads=1) as app:
        report = await upload(app)
    assert (report.indexed, report.failed) == (11, 0)
    assert_exactly_once(settings)


async def test_a_limit_is_kept_and_the_next_run_sends_the_rest(opened: Opener, settings: Settings) -> None:
    async with opened() as app:
        report = await upload(app, limit=4)
    assert (report.uploaded, report.indexed, report.pending) == (4, 4, 6)
    async with opened() as app:
        assert (await upload(app)).indexed == 10
    assert_exactly_once(settings)


async def test_a_vanished_library_is_refused_rather_than_taken_as_deleted(
    opened: Opener, settings: Settings, library: Path
) -> None:
    async with opened() as app:
        await upload(app)
    shutil.rmtree(library)
    library.mkdir()
    with pytest.RaisesGroup(RefusedError, flatten_subgroups=True):
        async with opened() as app:
            await upload(app)
    assert len(live_documents(settings)) == 10


async def test_the_first_stop_finishes_what_is_in_flight(
    opened: Opener, settings: Settings, faults: Faults
) -> None:
    async with opened(max_uploads=3) as app:
        faults.before = lambda kind: app.drain.stop() if kind == "send" and not app.drain.requested else None
        report = await upload(app)
    assert report.stopped == "interrupted"
    assert 0 < report.indexed < 10
    assert report.indexed + report.pending == 10
    assert {state for _, _, state, _ in ledger_rows(settings)} <= {"indexed", "untracked"}
    faults.before = lambda _kind: None
    async with opened() as app:
        assert (await upload(app)).indexed == 10
    assert_exactly_once(settings)


@pytest.mark.parametrize("strike", range(0, 42, 3))
async def test_a_run_cut_off_at_any_request_is_finished_by_the_next(
    opened: Opener, settings: Settings, faults: Faults, strike: int
) -> None:
    with trio.CancelScope() as scope:
        async with opened() as app:
            faults.before = lambda _kind: scope.cancel() if len(faults.seen) > strike else None
            await upload(app)
    faults.before = lambda _kind: None
    async with opened("recover") as app:
        await recover(app)
    async with opened("recover") as app:
        changes = {"start", "send", "delete", "import", "cancel"}
        before = {kind: faults.count[kind] for kind in changes}
        again = await recover(app)
        assert (again.found, again.actions) == (0, ())
        assert {kind: faults.count[kind] for kind in changes} == before
    async with opened() as app:
        assert (await upload(app)).indexed == 10
    assert_exactly_once(settings)


async def test_a_file_that_failed_for_a_transient_reason_is_retried_in_the_same_run(
    opened: Opener, settings: Settings, library: Path, faults: Faults
) -> None:
    """Eight failed attempts are when a file is given up; the ninth succeeds."""
    shutil.rmtree(library)
    write(library, "only.txt", "One file, and a service that fails eight times.\n")
    faults.script = lambda kind, count: DOWN if kind == "start" and count < 8 else None
    async with opened() as app:
        report = await upload(app)
        story = await explain(app, "only.txt")
    assert (report.indexed, report.failed) == (1, 0)
    assert [line.event for line in story.events].count("start_upload") == 9
    assert "retry" in [line.event for line in story.events]
    assert_exactly_once(settings)


@pytest.mark.parametrize("limit", [1, 60])
async def test_a_limit_is_never_exceeded(opened: Opener, library: Path, faults: Faults, limit: int) -> None:
    for number in range(90):
        write(library, f"more/{number}.txt", f"Thought number {number}.\n")
    async with opened() as app:
        report = await upload(app, limit=limit)
    assert (report.indexed, report.uploaded, faults.count["start"]) == (limit, limit, limit)


async def test_a_limit_counts_files_and_not_attempts(opened: Opener, faults: Faults) -> None:
    faults.script = lambda kind, count: DOWN if kind == "start" and count < 3 else None
    async with opened() as app:
        report = await upload(app, limit=3)
    assert (report.indexed, report.pending, report.stopped) == (3, 7, "limit")
    async with opened() as app:
        report = await upload(app, limit=7)
    assert (report.indexed, report.pending, report.stopped) == (10, 0, "")


@pytest.mark.parametrize("fate", ["gone", "emptied"])
async def test_a_file_that_is_gone_or_emptied_between_scan_and_upload_is_not_sent(
    opened: Opener, settings: Settings, library: Path, faults: Faults, fate: str
) -> None:
    target = write(library, "Ethics/Year 2029/zz.txt", "here for a moment\n")

    async def strike(_scanned: ScanReport) -> None:
        await trio.lowlevel.checkpoint()
        target.unlink() if fate == "gone" else target.write_text("")

    async with opened() as app:
        report = await upload(app, accept=strike)
    assert report.indexed == 10
    # It was never sent, so it is not one of those that are gone and still in the store.
    assert (report.missing, report.skipped) == (0, 0 if fate == "gone" else 1)
    assert report.failed == 0
    assert faults.count["start"] == 10
    async with opened() as app:
        again = await upload(app, retry_failed=True)
    assert (again.indexed, again.skipped) == (10, 0 if fate == "gone" else 1)
    assert faults.count["start"] == 10


async def test_files_that_no_store_takes_are_skipped_and_not_failed(opened: Opener, alone: Path) -> None:
    root = alone.parent
    (root / "photo.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)))
    (root / "empty.txt").touch()
    (root / "data.bin").write_bytes(bytes(range(256)))
    async with opened() as app:
        report = await upload(app)
        assert (report.indexed, report.failed, report.skipped) == (1, 0, 3)
        assert {skip.path for skip in report.skips} == {"photo.png", "empty.txt", "data.bin"}
        assert report.failures == ()
        shown = await status(app)
        assert (shown.states["failed"], shown.states["skipped"], shown.failures_total) == (0, 3, 0)
        assert "skipped" in (await explain(app, "photo.png")).explanation


async def test_a_folder_that_cannot_be_read_is_a_failure_until_it_can(opened: Opener, alone: Path) -> None:
    locked = alone.parent / "locked"
    locked.mkdir()
    (locked / "a.txt").write_text("text")
    (locked / ".objlibignore").write_bytes(b"\xe9t\xe9/\n")
    async with opened() as app:
        report = await upload(app)
        ((failure,), shown) = report.failures, await status(app)
        assert (failure.path, failure.state, report.failed, report.missing) == ("locked", "unreadable", 1, 0)
        assert (shown.failures, shown.failures_total) == ((failure,), 1)
        (locked / ".objlibignore").unlink()
        report = await upload(app)
        assert (report.failures, report.failed, report.indexed) == ((), 0, 2)


async def test_files_that_the_store_has_no_reader_for_are_skipped(opened: Opener, alone: Path) -> None:
    for name in ("report.docx", "archive.zip"):
        with zipfile.ZipFile(alone.parent / name, "w") as file:
            file.writestr("a.xml", "<a/>")
    (alone.parent / "blank.txt").write_text(" \n")
    async with opened() as app:
        report = await upload(app)
        assert (report.indexed, report.failed, report.skipped) == (1, 0, 3)
        again = await upload(app)
        assert (again.uploaded, again.skipped) == (0, 3), "the same bytes are not sent again"


async def test_vectors_are_made_when_every_file_is_searchable_by_words(opened: Opener) -> None:
    observer = RecordingObserver()
    async with opened(embed_seconds=60, observer=observer) as app:
        report = await upload(app)
        answer = await search(app, "virtue")
    assert report.vectors is not None
    assert (report.vectors.done, report.vectors.total) == (10, 10)
    assert observer.phases[-2:] == ["begin vectors", "end vectors"]
    assert answer.notice == ""
    async with opened(embed_seconds=60) as app:
        again = await upload(app)
    assert again.vectors == report.vectors, "nothing is left to make"


async def test_a_stop_while_vectors_are_made_ends_the_run_and_loses_no_file(
    opened: Opener, settings: Settings
) -> None:
    class Impatient(RecordingObserver):
        def advance(self, phase: Phase, files: int, size: int) -> None:
            super().advance(phase, files, size)
            if phase is Phase.VECTORS:
                app.drain.stop()

    observer = Impatient()
    async with opened(embed_seconds=60, observer=observer) as app:
        report = await upload(app)
    assert (report.stopped, report.indexed) == ("interrupted", 10)
    assert report.advice.startswith("every file is searchable by words")
    assert report.vectors is not None
    assert report.vectors.done < report.vectors.total
    assert observer.phases[-1] == "end vectors"
    async with opened(embed_seconds=60) as app:
        again = await upload(app)
    assert again.vectors is not None
    assert (again.stopped, again.vectors.done) == ("", 10)
    assert_exactly_once(settings)


async def test_a_failed_file_that_is_gone_is_not_retried(
    opened: Opener, library: Path, faults: Faults
) -> None:
    bad = refusal(400, "INVALID_ARGUMENT", "no")
    faults.script = lambda kind, count: bad if (kind, count) == ("start", 0) else None
    async with opened() as app:
        (failure,) = (await upload(app)).failures
    (library / failure.path).unlink()
    starts = faults.count["start"]
    async with opened() as app:
        report = await upload(app, retry_failed=True)
    assert (report.missing, report.failed, report.indexed) == (0, 0, 9)
    assert faults.count["start"] == starts


async def test_a_run_does_not_count_the_library_for_each_file(opened: Opener) -> None:
    said: list[str] = []
    async with opened(max_uploads=1) as app:
        await raw(app.ledger).read(lambda conn: conn.set_trace_callback(said.append))
        report = await upload(app)
        await raw(app.ledger).read(lambda conn: conn.set_trace_callback(None))
    counts = [each for each in said if each.startswith("SELECT count(*), coalesce(sum(size), 0) FROM files")]
    assert (report.uploaded, len(counts)) == (10, 2), "before the first file, and for the report"
