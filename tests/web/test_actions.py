"""The forms of the pages: who may send them, and what comes of them."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio

from objlib.core.lifecycle.table import State
from objlib.embedded import Options
from objlib.engine.app import Overrides
from objlib.testing.databases import damage_database
from tests.support.library import LECTURES, small_library
from tests.support.web import HOME, Desk, Gate, open_desk


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """Pages that may write, over a library that is not uploaded yet."""
    async with small_library(tmp_path, LECTURES, prune_grace=0.0) as library:
        async with open_desk(library, write=True) as desk:
            yield desk


async def indexed(desk: Desk) -> int:
    return (await desk.library.status()).states[State.INDEXED]


async def ended(desk: Desk) -> None:
    """Wait until the run of a page is done, and has met no error."""
    assert (await desk.run_ended()).error == ""


ATTEMPTS = {
    "no session": ("POST", "/do/upload", {"cookie": ""}, True, 403),
    "a guessed session": ("POST", "/do/upload", {"cookie": "session=guess"}, True, 403),
    "no origin": ("POST", "/do/upload", {"origin": ""}, True, 403),
    "a foreign origin": ("POST", "/do/upload", {"origin": "http://evil.example"}, True, 403),
    "another port": ("POST", "/do/upload", {"origin": "http://127.0.0.1:9"}, True, 403),
    "the origin null": ("POST", "/do/upload", {"origin": "null"}, True, 403),
    "a foreign host": ("POST", "/do/upload", {"host": "evil.example", "origin": "http://evil.example"}, True, 403),
    "another site": ("POST", "/do/upload", {"sec-fetch-site": "cross-site"}, True, 403),
    "no form token": ("POST", "/do/upload", {}, False, 403),
    "no form": ("POST", "/do/upload", {"content-type": "application/json"}, True, 415),
    "GET": ("GET", "/do/upload", {}, True, 405),
    "HEAD": ("HEAD", "/do/upload", {}, True, 405),
    "PUT": ("PUT", "/do/upload", {}, True, 405),
    "DELETE": ("DELETE", "/do/upload", {}, True, 405),
    "OPTIONS": ("OPTIONS", "/do/upload", {}, True, 405),
    "a page": ("POST", "/library", {}, True, 405),
    "an unknown form": ("POST", "/do/format", {}, True, 404),
}  # fmt: skip


@pytest.mark.parametrize("attempt", ATTEMPTS)
async def test_an_attempt_that_is_not_ours_writes_and_shows_nothing(desk: Desk, attempt: str) -> None:
    method, address, headers, signed, status = ATTEMPTS[attempt]
    data = {"form_token": desk.sessions.form_token if signed else "guess"}
    sent = {"origin": HOME, "content-type": "application/x-www-form-urlencoded"} | headers
    request = desk.client.build_request(method, address, data=data)
    for name, value in sent.items():
        if value:
            request.headers[name] = value
        else:
            request.headers.pop(name, None)
    answer = await desk.client.send(request)
    assert answer.status_code == status
    assert "pond" not in answer.text
    assert desk.runs.last is None
    assert not desk.library.settings.ledger_file.exists()


async def test_pages_that_only_show_take_no_form_and_offer_none(tmp_path: Path) -> None:
    async with small_library(tmp_path, LECTURES, uploaded=True) as library:
        async with open_desk(library, write=False) as desk:
            for page in ("/runs", "/problems", "/plan", "/differences?compare=1"):
                shown = await desk.get(page)
                assert "form_token" not in shown
                assert "<form method=post" not in shown
            data = {"form_token": desk.sessions.form_token}
            answer = await desk.client.post("/do/upload", data=data, headers={"origin": HOME})
            assert answer.status_code == 405
            assert len(await library.runs()) == 1


async def test_an_upload_of_a_page_is_a_run_like_any_other(desk: Desk) -> None:
    await desk.library.scan()  # pages need a ledger to look into
    answer = await desk.post("upload")
    assert (answer.status_code, answer.headers["location"]) == (303, "/runs")
    await desk.run_ended()
    assert await indexed(desk) == 3
    newest = (await desk.library.runs())[0]
    assert newest.command == "upload"
    assert newest.progress is not None
    assert newest.progress.done["upload"] == 3
    page = await desk.get("/runs")
    assert "is done: 3 sent, 0 removed" in page
    one = await desk.get(f"/runs/{newest.run_id}")
    assert "3 files" in one
    assert (await desk.library.verify(sample=None)).drift == {}


async def test_a_second_run_is_refused_and_a_stop_interrupts_the_first(tmp_path: Path) -> None:
    gate = Gate()
    overrides = Overrides(signals=False, options=Options(middleware=(gate.middleware(),)))
    async with small_library(tmp_path, LECTURES, overrides=overrides) as library:
        async with open_desk(library, write=True) as desk:
            await library.scan()
            await desk.post("upload")
            again = await desk.post("upload")
            assert again.status_code == 409
            assert "a run that was started here goes on" in again.text
            assert "Finish what is in flight, and stop" in await desk.get("/runs")
            for _ in range(2):  # nothing is in flight that could finish
                assert (await desk.post("stop")).status_code == 303
            await desk.run_ended()
            assert "interrupted" in await desk.get("/runs")
            gate.opened.set()
            await library.upload()
            assert (await library.verify(sample=None)).drift == {}
            assert await indexed(desk) == 3


async def test_a_run_of_another_process_is_stopped_by_its_page(tmp_path: Path) -> None:
    gate = Gate()
    overrides = Overrides(signals=False, options=Options(middleware=(gate.middleware(),)))
    async with (
        small_library(tmp_path, LECTURES, overrides=overrides) as other,
        small_library(tmp_path, LECTURES) as library,
        open_desk(library, write=True) as desk,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(other.upload)
        await gate.reached.wait()
        (run,) = await library.runs()
        page = f"/runs/{run.run_id}"
        assert "Finish what is in flight, and stop" in await desk.get(page)
        assert (await desk.post("stop-run", like=page, run_id="unknown")).status_code == 409
        assert "asked to stop" not in await desk.get(page)
        answer = await desk.post("stop-run", like=page, run_id=run.run_id)
        assert (answer.status_code, answer.headers["location"]) == (303, page)
        shown = await desk.get(page)
        assert "It was asked to stop at" in shown
        assert "form_token" not in shown
        gate.opened.set()


async def test_a_failed_file_is_tried_again_by_the_button(desk: Desk) -> None:
    await desk.library.upload()
    with damage_database(
        desk.library.settings.ledger_file
    ) as db:  # as a run leaves it that met a passing fault
        failure = '{"kind": "transient", "message": "no answer", "retryable": true}'
        change = "UPDATE files SET gemini_state = 'failed', failure_info = ?, last_error = 'no answer'"
        db.execute(f"{change} WHERE file_path = 'Ethics/debt.md'", (failure,))
    assert await indexed(desk) == 2
    assert "Try again" in await desk.get("/problems")
    await desk.post("upload", like="/problems", retry_failed="yes")
    await desk.run_ended()
    assert await indexed(desk) == 3


async def test_a_plan_is_applied_by_typing_its_number(desk: Desk) -> None:
    await desk.library.upload()
    (desk.library.settings.library / "Mind/bat.md").unlink()
    page = await desk.get("/plan")
    assert "Mind/bat.md" in page
    shown = re.search(r'name="deletions" value="(\d+)"', page)
    assert shown is not None
    assert shown[1] == "1"
    wrong = await desk.post("sync", like="/plan", deletions="1", typed="2")
    assert wrong.status_code == 422
    assert await indexed(desk) == 3
    await desk.post("sync", like="/plan", deletions="1", typed="1")
    await ended(desk)
    assert await indexed(desk) == 2


async def test_a_plan_that_would_remove_more_by_now_is_refused(desk: Desk) -> None:
    await desk.library.upload()
    (desk.library.settings.library / "Mind/bat.md").unlink()
    await desk.get("/plan")
    (desk.library.settings.library / "Ethics/debt.md").unlink()
    await desk.post("sync", like="/plan", deletions="1", typed="1")
    await desk.run_ended()
    assert "would delete 2" in await desk.get("/runs")
    assert (await desk.library.status()).missing == 2
    assert (await desk.library.search("what is it like to be a bat")).citations


async def test_a_comparison_is_mended_by_ticks_and_a_number(desk: Desk) -> None:
    await desk.library.upload()
    with damage_database(desk.library.settings.embedded) as db:
        db.execute(
            "UPDATE documents SET state = 'FAILED' WHERE metadata LIKE '%debt%' OR display_name LIKE '%debt%'"
        )
    page = await desk.get("/differences?compare=1")
    assert "broken" in page
    made = re.search(r'name="made" value="([^"]+)"', page)
    assert made is not None
    for fields, status in (
        ({"made": "1.0", "step": "0", "typed": "1"}, 409),
        ({"made": made[1], "typed": "0"}, 422),
        ({"made": made[1], "step": "0", "typed": "2"}, 422),
        ({"made": made[1], "step": "7", "typed": "1"}, 422),
    ):
        answer = await desk.post("repair", like="/runs", **fields)
        assert answer.status_code == status, fields
    assert len(await desk.library.runs()) == 1
    await desk.post("repair", like="/runs", made=made[1], step="0", typed="1")
    await ended(desk)
    await desk.library.upload()
    assert (await desk.library.verify(sample=None)).drift == {}
