"""Listings by the page: how tokens are followed, and where that ends."""

import pytest

from objlib.gemini import ErrorKind, GeminiError
from tests.support.gemini import STORE, Reply, scripted


async def test_pages_in_a_circle_are_an_error_and_no_end() -> None:
    page = Reply(content={"nextPageToken": "t"})
    async with scripted(page, page) as (client, _):
        with pytest.raises(GeminiError, match="circle") as caught:
            await client.stores.find("a")
    assert caught.value.kind is ErrorKind.TRANSIENT
    async with scripted(page, page) as (client, _):
        with pytest.raises(GeminiError, match="circle"):
            [page async for page in client.documents.pages(STORE)]


async def test_the_pages_of_the_documents_follow_until_one_has_no_token() -> None:
    def page(token: str, *ids: str) -> Reply:
        return Reply(
            content={"documents": [{"name": f"{STORE}/documents/{i}"} for i in ids], "nextPageToken": token}
        )

    async with scripted(page("1", "a", "b"), page("2"), page("", "d")) as (client, service):
        pages = [page async for page in client.documents.pages(STORE)]
    assert [[document.name[-1] for document in page.documents] for page in pages] == [["a", "b"], [], ["d"]]
    assert [request.query.partition("&")[2] for request in service.seen] == ["", "pageToken=1", "pageToken=2"]


async def test_a_listing_goes_on_from_a_token() -> None:
    async with scripted(Reply(content={})) as (client, service):
        assert len([page async for page in client.documents.pages(STORE, token="t")]) == 1
    assert service.seen[0].query == "pageSize=20&pageToken=t"
