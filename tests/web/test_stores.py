"""The page of the stores: what it shows, and what has to be typed before a store goes."""

import re
from collections.abc import AsyncIterator
from html import unescape
from pathlib import Path

import pytest

from objlib.api import Library
from objlib.core.remote import DocumentState
from objlib.embedded import open_service
from objlib.gemini import Endpoint, open_client
from tests.support.library import LECTURES, small_library
from tests.support.web import Desk, open_desk


@pytest.fixture
async def library(tmp_path: Path) -> AsyncIterator[Library]:
    async with small_library(tmp_path, LECTURES, uploaded=True) as library:
        yield library


@pytest.fixture
async def desk(library: Library) -> AsyncIterator[Desk]:
    async with open_desk(library, write=True) as desk:
        yield desk


async def plant(library: Library, name: str, text: str, store: str = "tests") -> None:
    """A document of another tool in a store."""
    async with open_service(library.settings.embedded) as service:
        async with open_client(Endpoint("http://other.test", "k"), asgi=service.app) as client:
            (found,) = await client.stores.find(store)
            size = len(text.encode())
            session = await client.uploads.start(
                found.name, display_name=name, mime_type="text/plain", size=size, metadata={}
            )
            result = (await client.uploads.send(session, text.encode(), offset=0, final=True)).result
            assert result is not None
            assert result.document is not None
            while (await client.documents.get(result.document)).state is DocumentState.PENDING:
                pass


async def fields(desk: Desk, address: str) -> dict[str, str | list[str]]:
    """The hidden fields of the forms of a page, but for the token."""
    page = await desk.get(address)
    pairs = re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page)
    return {name: unescape(value) for name, value in pairs if name != "form_token"}


async def test_a_store_goes_when_its_name_was_typed(desk: Desk) -> None:
    await desk.post("create-store", like="/stores", name="old <b> lectures")
    assert (await desk.run_ended()).error == ""
    page = await desk.get("/stores")
    assert "old &lt;b&gt; lectures" in page
    assert page.count('good">this library') == 1
    link = re.findall(r'href="(/stores\?delete=[^"]+)"', page)[1]
    shown = await fields(desk, unescape(link))
    for typed in ("", "old", "tests", str(shown["store"])):
        assert (
            await desk.post("delete-store", like="/stores", **{**shown, "typed": typed})
        ).status_code == 422
    await desk.post("delete-store", like="/stores", **{**shown, "typed": "old <b> lectures"})
    assert (await desk.run_ended()).error == ""
    assert "old &lt;b&gt; lectures is gone, with 0 documents" in await desk.get("/runs")
    assert [each.display_name for each in (await desk.library.stores.all()).stores] == ["tests"]


async def test_documents_of_others_go_only_with_their_number(desk: Desk) -> None:
    await plant(desk.library, "theirs.txt", "By another tool.")
    address = "/stores?delete=tests"
    page = await desk.get(address)
    assert "1 of <bdi>another tool</bdi>" in page
    shown = await fields(desk, address)
    refused = await desk.post("delete-store", like="/stores", **{**shown, "typed": "tests"})
    assert refused.status_code == 422
    await plant(desk.library, "more.txt", "One that the page did not show.")
    await desk.post("delete-store", like="/stores", **{**shown, "typed": "tests", "typed_others": "1"})
    assert "holds 2 documents that are not" in (await desk.run_ended()).error
    forged = {**shown, "others": "0", "typed": "tests"}
    await desk.post("delete-store", like="/stores", **forged)
    assert "--others says 0" in (await desk.run_ended()).error
    assert (await desk.library.verify(sample=None)).drift == {}


async def test_after_the_own_store_is_gone_the_pages_offer_to_start_anew(desk: Desk) -> None:
    shown = await fields(desk, "/stores?delete=tests")
    await desk.post("delete-store", like="/stores", **{**shown, "typed": "tests"})
    assert (await desk.run_ended()).error == ""
    answer = await desk.client.get("/library")
    assert answer.status_code == 503
    assert "Upload now" in answer.text
    token = {"form_token": desk.sessions.form_token}
    await desk.client.post("/do/upload", data=token, headers={"origin": "http://127.0.0.1"})
    assert (await desk.run_ended()).error == ""
    assert "indexed <b>3</b>" in await desk.get("/library")


async def test_documents_of_another_tool_are_taken_over_after_a_look(desk: Desk) -> None:
    (desk.library.settings.library / "theirs.txt").write_text("hi", encoding="utf-8")
    await plant(desk.library, "theirs.txt", "hi")
    page = await desk.get("/stores?adopt=1")
    assert "name and size alone" in page
    shown = await fields(desk, "/stores?adopt=1")
    assert (await desk.post("adopt", like="/stores", **{**shown, "typed": "2"})).status_code == 422
    await desk.post("adopt", like="/stores", **{**shown, "typed": "1"})
    assert (await desk.run_ended()).error == ""
    assert "1 file took over" in await desk.get("/runs")


async def test_pages_that_only_show_offer_the_command(library: Library) -> None:
    async with open_desk(library, write=False) as desk:
        page = await desk.get("/stores?delete=tests")
        assert "<form" not in page
        assert "objlib stores delete" in page
        missing = await desk.get("/stores?delete=none")
        assert "there is no store none" in missing
