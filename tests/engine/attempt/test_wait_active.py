"""Silence decides nothing: neither an answer that never came, nor half of a file."""

from pathlib import Path

import pytest
import trio

from objlib.core.config.settings import Settings
from objlib.core.ids import content_hash, new_attempt_id
from objlib.engine.recover import recover
from objlib.engine.scan.scan import scan
from objlib.engine.upload.run import upload
from objlib.gemini import CHUNK, Document, ErrorKind, GeminiError, Operation
from objlib.ledger import Move
from objlib.testing import DOWN, LOST, Action, ActLate, Alter, Faults, Refuse, in_state, refusal
from objlib.testing.databases import damage_database
from tests.support.engine import Opener, assert_exactly_once, follow, ledger_of, ledger_rows

NOWHERE = refusal(404, "NOT_FOUND", "There is no such thing.")


async def cut_off(opened: Opener, faults: Faults, kind: str) -> None:
    """Let a run die just before it sends its first request of this kind."""
    with trio.CancelScope() as life:
        async with opened() as app:
            faults.before = lambda sent: life.cancel() if sent == kind else None
            await upload(app)
    assert life.cancelled_caught
    faults.before = lambda _kind: None
    faults.script = lambda _kind, _count: None


async def test_a_file_that_changes_behind_its_first_chunk_makes_no_document_of_both(
    opened: Opener, settings: Settings, alone: Path, faults: Faults
) -> None:
    """Its size and its first bytes are as the scan saw them; only the hash of all bytes differs."""
    blank = b"\n" * CHUNK
    alone.write_bytes(blank + b"Before.\n")

    def edit(kind: str) -> None:
        if kind == "start":
            alone.write_bytes(blank + b"After .\n")

    faults.before = edit
    async with opened() as app:
        report = await upload(app)
        (row,) = await app.ledger.files.page()
    assert (report.indexed, report.failed) == (1, 0)
    assert row.indexed_hash == content_hash(alone.read_bytes())
    # The first time the last chunk is not sent, and the session is closed.
    assert (faults.count["start"], faults.count["send"], faults.count["cancel"]) == (2, 3, 1)
    assert_exactly_once(settings)


async def test_a_cancel_without_an_answer_closes_nothing(
    opened: Opener, settings: Settings, alone: Path, faults: Faults
) -> None:
    """The last bytes are still on their way, and make their document when the file was sent again."""
    follow(faults, send=[ActLate(90)], query=[Refuse()], cancel=[DOWN] * 40)
    async with faults.acting_late():
        async with opened() as app:
            await upload(app)
            await faults.settled()
        async with opened() as app:
            report = await upload(app)
    assert (report.indexed, report.failed, faults.count["start"]) == (1, 0, 1)
    assert_exactly_once(settings)


async def test_a_listing_without_an_answer_decides_nothing(
    opened: Opener, settings: Settings, alone: Path, faults: Faults
) -> None:
    follow(faults, send=[LOST])
    await cut_off(opened, faults, "query")
    with damage_database(settings.embedded) as db:
        db.execute("DELETE FROM uploads")
    faults.script = lambda kind, _count: DOWN if kind == "list" else None
    async with opened("recover") as app:
        report = await recover(app)
    assert (report.left, report.requeued, report.listings) == (1, 0, 0)
    faults.script = lambda _kind, _count: None
    async with opened() as app:
        assert (await upload(app)).recovered.adopted == 1
    assert faults.count["start"] == 1
    assert_exactly_once(settings)


@pytest.mark.parametrize("silent", ["document", "operation"])
async def test_silence_about_one_document_decides_nothing_and_blocks_no_other(
    opened: Opener, settings: Settings, faults: Faults, monkeypatch: pytest.MonkeyPatch, silent: str
) -> None:
    await cut_off(opened, faults, "document")
    many = sum(state == "processing" for _, _, state, _ in ledger_rows(settings))
    assert many > 1
    async with opened("recover") as app:
        (_, attempt, _), *_ = await app.ledger.files.transient()
        assert attempt is not None
        ask = app.client.documents.get

        async def down(_name: str) -> Operation:
            await trio.lowlevel.checkpoint()
            raise GeminiError("down", kind=ErrorKind.TRANSIENT, status=503)

        async def document(name: str) -> Document:
            if name != attempt.document_name:
                return await ask(name)
            kind = ErrorKind.TRANSIENT if silent == "document" else ErrorKind.NOT_FOUND
            raise GeminiError("no answer", kind=kind, status=503)

        monkeypatch.setattr(app.client.documents, "get", document)
        if silent == "operation":
            monkeypatch.setattr(app.client.operations, "get", down)
        report = await recover(app)
    assert (report.left, report.completed, report.listings) == (1, many - 1, 0)
    async with opened() as app:
        assert (await upload(app)).indexed == 10
    assert faults.count["send"] == 10
    assert_exactly_once(settings)


async def test_only_a_listing_gives_up_a_document_that_cannot_be_found(
    opened: Opener, settings: Settings, alone: Path, faults: Faults
) -> None:
    """Its time to become ACTIVE is over, but that it was not found proves nothing."""
    began = trio.current_time()

    def script(kind: str, _count: int) -> Action | None:
        return NOWHERE if kind in {"document", "operation"} and trio.current_time() < began + 12 else None

    faults.script = script
    async with opened(settle_seconds=5) as app:
        report = await upload(app)
    assert (report.indexed, report.failed, report.deleted) == (1, 0, 0)
    assert (faults.count["start"], faults.count["list"]) == (1, 1)
    assert_exactly_once(settings)


async def test_a_superseded_document_stays_while_there_is_no_newer_one(
    opened: Opener, settings: Settings, alone: Path, faults: Faults
) -> None:
    """It is the only one that answers searches; its time comes when the file is indexed again."""
    async with opened() as app:
        await upload(app)
    with ledger_of(settings) as db:
        db.execute(
            "UPDATE files SET superseded_document = gemini_document, gemini_document = NULL, indexed_hash = NULL,"
            " gemini_state = 'untracked'"
        )
    async with opened("recover") as app:
        assert (await recover(app)).found == 0
    assert faults.count["delete"] == 0
    async with opened() as app:
        assert (await upload(app)).indexed == 1
    assert faults.count["delete"] == 1
    assert_exactly_once(settings)


async def test_recovery_leaves_rows_in_flight_to_the_tasks_of_its_own_run(
    opened: Opener, alone: Path
) -> None:
    async with opened() as app:
        await scan(app)
        (row,) = await app.ledger.files.page()
        await app.ledger.apply(Move(row, app.run_id, new_attempt_id(app.now())).start_upload())
        assert (await recover(app)).found == 0
        assert (await recover(app, own=True)).requeued == 1


async def test_a_document_that_stays_pending_fails_for_this_run_and_may_be_retried(
    opened: Opener, settings: Settings, alone: Path, faults: Faults
) -> None:
    pending = Alter("PENDING", in_state("STATE_PENDING"))
    faults.script = lambda kind, _count: pending if kind == "document" else None
    async with opened(settle_seconds=30) as app:
        report = await upload(app)
    assert (report.indexed, report.failed) == (0, 1)
    assert report.failures[0].error == "the store did not finish it within 30 s; try again later"
    assert report.failures[0].retryable
    faults.script = lambda _kind, _count: None
    async with opened() as app:
        assert (await upload(app, retry_failed=True)).indexed == 1
    assert_exactly_once(settings)
