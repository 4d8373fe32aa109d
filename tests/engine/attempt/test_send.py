"""Sending the bytes of one file: chunks without an answer, sessions that end early, and the two-step path."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from objlib.core.config.settings import Settings
from objlib.core.events import EventKind
from objlib.core.ids import content_hash
from objlib.engine.attempt.send import MAX_RESUMES
from objlib.engine.upload.run import upload
from objlib.gemini import CHUNK
from objlib.testing import (
    DOWN,
    LOST,
    Action,
    Alter,
    Faults,
    RecordingObserver,
    Respond,
    Response,
    in_state,
    refusal,
)
from tests.support.engine import Opener, assert_exactly_once, follow

BLANK = b"\n" * CHUNK
"""A first chunk, in which there is nothing to index."""
BROKEN = refusal(400, "INVALID_ARGUMENT", "Failed to count tokens.")
"""The direct upload is refused like this where only the two-step path works."""
CANCELLED = Respond(200, b"", ((b"x-goog-upload-status", b"cancelled"),))
"""An upload session that someone has cancelled."""
FORGOTTEN = refusal(404, "NOT_FOUND", "There is no such upload.")
"""An upload session that the service does not know."""


def naming(**body: Any) -> Alter:
    """A response with another body."""
    return Alter("other names", lambda response: replace(response, body=json.dumps(body).encode()))


def receiving(size: int) -> Alter:
    """A response of a session that says that it has received ``size`` bytes."""

    def change(response: Response) -> Response:
        name = b"x-goog-upload-size-received"
        others = tuple(pair for pair in response.headers if pair[0] != name)
        return replace(response, headers=(*others, (name, str(size).encode())))

    return Alter(f"received {size}", change)


@pytest.mark.parametrize(("answer", "failures"), [(None, 0), (DOWN, 1)], ids=["closed", "unanswered"])
async def test_a_file_cut_short_while_its_chunks_are_sent_is_a_newer_version(
    opened: Opener, settings: Settings, alone: Path, faults: Faults, answer: Action | None, failures: int
) -> None:
    """Its session is closed; where that gets no answer, it still makes no document."""
    alone.write_bytes(BLANK + BLANK + b"The end.\n")

    def cut(kind: str) -> None:
        if kind == "start":
            alone.write_bytes(BLANK + b"Cut.\n")

    faults.before = cut
    follow(faults, cancel=[answer])
    observer = RecordingObserver()
    async with opened(observer=observer) as app:
        report = await upload(app)
        (row,) = await app.ledger.files.page()
    assert (report.indexed, report.failed, faults.count["start"]) == (1, 0, 2)
    assert row.indexed_hash == content_hash(alone.read_bytes())
    assert len(observer.fields_of(EventKind.CANCEL_FAILED)) == failures
    assert_exactly_once(settings)


@pytest.mark.parametrize(("answer", "sent"), [(LOST, 2), (DOWN, 3)], ids=["arrived", "lost"])
async def test_a_chunk_without_an_answer_is_sent_again_only_if_it_did_not_arrive(
    opened: Opener, settings: Settings, alone: Path, faults: Faults, answer: Action, sent: int
) -> None:
    alone.write_bytes(BLANK + b"The end.\n")
    follow(faults, send=[answer])
    async with opened() as app:
        report = await upload(app)
    assert (report.indexed, report.failed) == (1, 0)
    assert (faults.count["start"], faults.count["send"], faults.count["query"]) == (1, sent, 1)
    assert_exactly_once(settings)


@pytest.mark.parametrize(
    "state", [CANCELLED, FORGOTTEN, receiving(10**9)], ids=["cancelled", "forgotten", "too many bytes"]
)
async def test_a_session_that_cannot_be_resumed_leaves_the_outcome_unknown(
    opened: Opener, settings: Settings, alone: Path, faults: Faults, state: Action
) -> None:
    """The attempt is probed, and only then the file is sent again, in a session of its own."""
    follow(faults, send=[DOWN], query=[state])
    async with opened() as app:
        report = await upload(app)
    assert (report.indexed, report.failed) == (1, 0)
    assert (faults.count["start"], faults.count["send"]) == (2, 2)
    # The second query finds the session open, and it is closed before anything is sent again.
    assert (faults.count["query"], faults.count["cancel"]) == (2, 1)
    assert_exactly_once(settings)


async def test_a_chunk_is_resumed_a_few_times_and_then_probed(
    opened: Opener, settings: Settings, alone: Path, faults: Faults
) -> None:
    follow(faults, send=[DOWN] * (MAX_RESUMES + 1))
    async with opened() as app:
        report = await upload(app)
    assert (report.indexed, report.failed) == (1, 0)
    assert (faults.count["start"], faults.count["send"]) == (2, MAX_RESUMES + 2)
    assert faults.count["cancel"] == 1
    assert_exactly_once(settings)


async def test_bytes_that_the_direct_way_refuses_go_through_a_temporary_file(
    opened: Opener, settings: Settings, alone: Path, faults: Faults
) -> None:
    follow(faults, send=[BROKEN])
    observer = RecordingObserver()
    async with opened(observer=observer) as app:
        report = await upload(app)
    assert (report.indexed, report.failed) == (1, 0)
    assert (faults.count["start"], faults.count["send"], faults.count["import"]) == (2, 2, 1)
    assert faults.count["query"] == 0, "the answer is certain"
    assert [fields["path"] for fields in observer.fields_of(EventKind.TWO_STEP)] == ["only.txt"]
    assert_exactly_once(settings)


@pytest.mark.parametrize(
    "script",
    [{"send": [naming(file={"name": "files/elsewhere"})]}, {"send": [LOST], "query": [naming()]}],
    ids=["of the last chunk", "of the query"],
)
async def test_an_answer_that_names_no_document_is_probed_and_the_document_adopted(
    opened: Opener, settings: Settings, alone: Path, faults: Faults, script: dict[str, list[Action]]
) -> None:
    follow(faults, **script)
    async with opened() as app:
        report = await upload(app)
    assert (report.indexed, report.failed) == (1, 0)
    assert (faults.count["start"], faults.count["send"]) == (1, 1)
    assert_exactly_once(settings)


def only_two_steps(file: Callable[[int], Action | None], imported: Action | None = None) -> Any:
    """A script in which the direct way is broken.

    Args:
        file: the action for the n-th question about a temporary file.
        imported: the action for each import.
    """

    def script(kind: str, count: int) -> Action | None:
        match kind:
            case "start":
                return BROKEN if count % 2 == 0 else None
            case "file":
                return file(count)
            case "import":
                return imported
            case _:
                return None

    return script


async def test_a_temporary_file_is_imported_once_the_service_has_read_it(
    opened: Opener, settings: Settings, alone: Path, faults: Faults
) -> None:
    processing = Alter("PROCESSING", in_state("PROCESSING"))
    faults.script = only_two_steps(lambda count: processing if count < 3 else None)
    async with opened() as app:
        report = await upload(app)
    assert (report.indexed, report.failed) == (1, 0)
    assert (faults.count["file"], faults.count["import"]) == (4, 1)
    assert_exactly_once(settings)


@pytest.mark.parametrize(
    ("state", "reason", "retryable"),
    [
        ("FAILED", "the service could not read the uploaded bytes", False),
        ("PROCESSING", "the uploaded bytes were not ready in time", True),
    ],
)
async def test_a_temporary_file_that_never_becomes_ready_fails_with_the_reason(
    opened: Opener, alone: Path, faults: Faults, state: str, reason: str, retryable: bool
) -> None:
    faults.script = only_two_steps(lambda _count: Alter(state, in_state(state)))
    async with opened() as app:
        report = await upload(app)
    assert (report.indexed, report.failed, faults.count["import"]) == (0, 1, 0)
    assert reason in report.failures[0].error
    assert report.failures[0].retryable is retryable


async def test_an_import_that_the_service_refuses_fails_the_file_with_the_reason(
    opened: Opener, alone: Path, faults: Faults
) -> None:
    no = refusal(400, "INVALID_ARGUMENT", "this file cannot be imported")
    faults.script = only_two_steps(lambda _count: None, imported=no)
    async with opened() as app:
        report = await upload(app)
    assert (report.indexed, report.failed, faults.count["import"]) == (0, 1, 1)
    assert "this file cannot be imported" in report.failures[0].error
    assert faults.count["discard"] == 0, "nothing was made of it, and it expires by itself"
