"""Reports from the ledger alone: counts, and the story of one file."""

from pathlib import Path

import pytest
import trio

from objlib.core.config.settings import Settings
from objlib.core.errors import UsageError
from objlib.engine.bootstrap.open_app import StoreNeed
from objlib.engine.scan.scan import scan
from objlib.engine.status import explain, status
from objlib.engine.upload.run import upload
from objlib.testing import DOWN, Action, Faults, refusal
from tests.support.engine import Opener, ledger_of, write
from tests.support.scenario import Scenario

ONLY = "only.txt"
"""The file of the fixture ``alone``."""


async def explained(opened: Opener) -> tuple[str, str]:
    """The state of the only file, and the reason for it."""
    async with opened("status", need=StoreNeed.NONE) as app:
        report = await explain(app, ONLY)
    return report.state, report.explanation


async def cut_off(opened: Opener, faults: Faults, kind: str) -> None:
    """Let a run die just before it sends its first request of this kind."""
    with trio.CancelScope() as life:
        async with opened() as app:
            faults.before = lambda sent: life.cancel() if sent == kind else None
            await upload(app)
    assert life.cancelled_caught
    faults.before = lambda _kind: None


async def gone(opened: Opener, alone: Path) -> None:
    """Let a scan find the file gone, and another one in the library."""
    write(alone.parent, "another.txt", "Another thought altogether.\n")
    alone.unlink()
    async with opened("scan", need=StoreNeed.NONE) as app:
        await scan(app)


async def test_status_and_explain_tell_the_story(opened: Opener, settings: Settings) -> None:
    async with opened() as app:
        await upload(app)
    async with opened("status", need=StoreNeed.NONE) as app:
        report = await status(app)
        assert report.states["indexed"] == 10
        assert report.runs_alive == 0
        story = await explain(app, "Ethics/Year 2020/lecture 0.txt")
    assert [line.event for line in story.events] == ["start_upload", "complete_upload", "complete_processing"]
    assert story.version == 3
    assert story.indexed_hash == story.content_hash
    assert story.explanation == "The store said ACTIVE for exactly these bytes; nothing is left to do."


async def test_status_and_explain_say_until_when_a_document_is_kept(
    opened: Opener, library: Path, settings: Settings
) -> None:
    async with opened(prune_grace=600.0) as app:
        await upload(app)
        (gone, *_) = sorted(library.rglob("*.txt"))
        gone.unlink()
        uploaded = await upload(app)
        since = app.now()
        report, story = await status(app), await explain(app, gone.relative_to(library).as_posix())
        assert (report.missing, report.removable) == (1, 0)
        assert report.removable_from == pytest.approx(since + 600, abs=5)
        assert uploaded.removable_from == story.removable_from == report.removable_from
        await trio.sleep(601)
        report = await status(app)
        assert (report.removable, report.removable_from) == (1, None)


async def test_status_before_the_first_upload_names_no_store(opened: Opener) -> None:
    async with opened("scan", need=StoreNeed.NONE) as app:
        await scan(app)
        report = await status(app)
    assert (report.store, report.states["untracked"], report.runs_alive) == ("", 10, 1)
    assert report.governor["requests_per_second"] is None


async def test_a_file_is_explained_by_its_path_on_disk_and_by_its_id(
    scenario: Scenario, opened: Opener, library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await scenario.index()
    monkeypatch.chdir(library / "Ethics/Year 2020")
    async with opened("status", need=StoreNeed.NONE) as app:
        story = await explain(app, "lecture 0.txt")
        assert story.path == "Ethics/Year 2020/lecture 0.txt"
        for name in (story.file_id, str(library / story.path), "../Year 2020/lecture 0.txt"):
            assert await explain(app, name) == story
        for name in ("lecture 1.txt", "/elsewhere/lecture 0.txt", ""):
            with pytest.raises(UsageError, match="the ledger knows no file"):
                await explain(app, name)


async def test_a_file_that_was_never_sent_is_explained_on_disk_and_gone(opened: Opener, alone: Path) -> None:
    async with opened("scan", need=StoreNeed.NONE) as app:
        await scan(app)
    assert await explained(opened) == (
        "untracked",
        "It is known and not sent yet; the next upload takes it.",
    )
    await gone(opened, alone)
    state, why = await explained(opened)
    assert state == "untracked"
    assert why.startswith("It is gone from disk, and it has no document")


async def test_a_file_with_a_document_is_explained_changed_and_gone(opened: Opener, alone: Path) -> None:
    async with opened() as app:
        await upload(app)
        alone.write_text("A second thought.\n")
        await scan(app)
    state, why = await explained(opened)
    assert state == "untracked"
    assert why.startswith("It changed; the next upload sends it, and the old version stays searchable")
    await gone(opened, alone)
    _, why = await explained(opened)
    assert why == "It is gone from disk; `objlib sync --prune` removes its document after the grace."


@pytest.mark.parametrize(
    ("kind", "explanation"),
    [
        ("send", ("uploading", "A run is sending it; if that run died")),
        ("document", ("processing", "The store has its bytes and is indexing them.")),
    ],
)
async def test_a_file_in_flight_is_explained_by_what_the_store_has(
    opened: Opener, alone: Path, faults: Faults, kind: str, explanation: tuple[str, str]
) -> None:
    await cut_off(opened, faults, kind)
    state, why = await explained(opened)
    assert (state, why[: len(explanation[1])]) == explanation


async def test_a_file_that_waits_for_its_next_attempt_is_explained_as_waiting(
    opened: Opener, alone: Path, faults: Faults
) -> None:
    faults.script = lambda kind, _count: DOWN if kind == "start" else None
    async with opened() as app:
        faults.before = lambda kind: app.drain.stop() if kind == "start" else None
        assert (await upload(app)).pending == 1
        report = await status(app)
    assert (report.waiting, report.next_retry is not None) == (1, True)
    state, why = await explained(opened)
    assert state == "untracked"
    assert why.startswith("It waits for its next attempt")


async def test_a_run_that_died_before_it_requeued_a_changed_file_is_explained(
    opened: Opener, settings: Settings, alone: Path
) -> None:
    """A run that indexes the older version puts the file into the queue at once; a killed one leaves it to the next."""
    async with opened() as app:
        await upload(app)
    with ledger_of(settings) as db:
        db.execute("UPDATE files SET content_hash = printf('%064d', 0)")
    assert await explained(opened) == (
        "indexed",
        "It is indexed in an older version; the next upload sends the new one.",
    )


@pytest.mark.parametrize(
    ("answer", "advice"),
    [
        (DOWN, "It was given up. `objlib upload --retry-failed` tries again."),
        (
            refusal(400, "INVALID_ARGUMENT", "no"),
            "It was given up. The same bytes will fail again; change the",
        ),
    ],
    ids=["transient", "refused"],
)
async def test_a_file_that_failed_is_explained_by_whether_a_retry_can_help(
    opened: Opener, alone: Path, faults: Faults, answer: Action, advice: str
) -> None:
    faults.script = lambda kind, _count: answer if kind == "start" else None
    async with opened() as app:
        assert (await upload(app)).failed == 1
        report = await status(app)
    assert [failure.path for failure in report.failures] == [ONLY]
    assert report.failures_total == 1
    state, why = await explained(opened)
    assert (state, why[: len(advice)]) == ("failed", advice)


async def test_explain_says_what_of_a_file_is_left_out(opened: Opener, alone: Path) -> None:
    note = alone.parent / "note.md"
    note.write_bytes(
        "---\nauthor:\n  name: Ada\n\u0442\u0435\u043c\u0430: x\nmine: !x y\n---\nA note\0.\n".encode()
        + b"word " * 99
    )
    async with opened("scan", need=StoreNeed.NONE) as app:
        await scan(app)
        report = await explain(app, "note.md")
        whole = await explain(app, ONLY)
    assert report.metadata == {"author_name": "Ada"}
    metadata = [line for line in report.left_out if line.startswith("metadata: ")]
    assert metadata == [
        "metadata: \u0442\u0435\u043c\u0430: a key needs a letter or digit of ASCII",
        "metadata: mine: the tag !x has no meaning here",
    ]
    assert whole.left_out == ()


async def test_a_file_that_no_store_takes_is_explained_as_skipped(opened: Opener, alone: Path) -> None:
    alone.write_text("")
    async with opened("scan", need=StoreNeed.NONE) as app:
        await scan(app)
    _, why = await explained(opened)
    assert why.startswith("No store takes it as it is, so it is skipped")


async def test_a_file_that_a_rule_leaves_out_is_explained_by_the_rule(opened: Opener, alone: Path) -> None:
    write(alone.parent, ".objlibignore", f"{ONLY}\n")
    _, why = await explained(opened)
    assert why.endswith("A line that begins with ! in .objlibignore takes in what a rule leaves out.")


async def test_a_missing_file_that_is_back_is_explained_before_the_next_scan(
    opened: Opener, alone: Path
) -> None:
    async with opened() as app:
        await upload(app)
    await gone(opened, alone)
    alone.write_text("One thought, and no other.\n")
    _, why = await explained(opened)
    assert why == "It is back on disk; the next upload notices it."
