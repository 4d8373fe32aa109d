"""The pages, asked as a browser asks: what they show, and what they refuse."""

import re
from collections.abc import AsyncIterator
from html import unescape
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from objlib.api import Library, open_library
from objlib.core.events import Observer
from objlib.web.app import make_pages
from objlib.web.guard import HEADERS, Sessions
from objlib.web.serve import open_pages_beside
from tests.support.library import LECTURES, Files, small_library

COOKIE = "session"
FILES: Files = LECTURES | {
    "evil.md": "<script>alert(1)</script> \x1b[31mred\x1b[0m \u202ereversed stranger",
    "photo.png": b"\x89PNG\r\n\x1a\n" + bytes(range(256)),
}


@pytest.fixture
async def library(tmp_path: Path) -> AsyncIterator[Library]:
    async with small_library(tmp_path, FILES, uploaded=True) as library:
        yield library


@pytest.fixture
async def browser(library: Library) -> AsyncIterator[httpx.AsyncClient]:
    sessions = Sessions()
    pages = make_pages(library, sessions=sessions, cookie=COOKIE)
    transport = httpx.ASGITransport(pages, raise_app_exceptions=True)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        answer = await client.get("/", params={"token": sessions.token})
        assert answer.status_code == 303
        yield client


async def shown(browser: httpx.AsyncClient, address: str) -> str:
    answer = await browser.get(address)
    assert answer.status_code == 200, answer.text
    return answer.text


async def test_every_page_is_shown(browser: httpx.AsyncClient) -> None:
    for address in (
        "/",
        "/?q=stranger",
        "/ask",
        "/ask?q=stranger",
        "/library",
        "/runs",
        "/problems",
        "/settings",
    ):
        page = await shown(browser, address)
        assert page.count("<h1") == 1, address
        assert "<title>" in page


async def test_a_hit_leads_to_the_cited_lines(browser: httpx.AsyncClient) -> None:
    page = await shown(browser, "/?q=how+far+may+a+stranger+count")
    assert "<mark>stranger</mark>" in page
    link = re.search(r'href="(/doc/[^"]+)"', page)
    assert link is not None
    document = await shown(browser, unescape(link[1]))
    cited = re.search(r'<li id="L8" value="8" dir="auto" class="cited">(.*)</li>', document)
    assert cited is not None
    assert '<span id="cited"' in cited[1]
    assert "<mark>stranger</mark>" in cited[1]
    assert "The next upload" not in document


async def test_hits_that_hardly_fit_say_so(browser: httpx.AsyncClient) -> None:
    page = await shown(browser, "/?q=which+enzyme+repairs+the+cell+membrane+of+a+stranger")
    assert '<span class="badge">weak</span>' in page
    assert "Weak: nothing here answers this well" in page
    assert "Weak: nothing" not in await shown(browser, "/?q=how+far+may+a+stranger+count")


async def test_a_facet_filters(browser: httpx.AsyncClient) -> None:
    page = await shown(browser, "/?q=stranger")
    link = re.search(
        r'href="(/\?q=stranger&amp;filter=[^"]+)"><span><bdi>Okonjo</bdi></span> <small>2<', page
    )
    assert link is not None
    filtered = await shown(browser, unescape(link[1]))
    assert "pond.md" in filtered
    assert "evil.md" not in filtered


async def test_a_facet_counts_the_documents_of_the_last_upload(
    library: Library, browser: httpx.AsyncClient
) -> None:
    assert "<bdi>Okonjo</bdi></span> <small>2<" in await shown(browser, "/?q=stranger")
    (library.settings.library / "more.md").write_text("---\nauthor: Okonjo\n---\nMore.\n", encoding="utf-8")
    await library.upload()
    assert "<bdi>Okonjo</bdi></span> <small>3<" in await shown(browser, "/?q=stranger")


async def test_a_filter_that_cannot_be_read_is_an_error_on_the_page(browser: httpx.AsyncClient) -> None:
    page = await shown(browser, "/?q=bat&filter=" + quote("author = ("))
    assert 'role="alert"' in page
    assert "filter" in page


async def test_no_text_of_a_document_becomes_markup(browser: httpx.AsyncClient) -> None:
    for address in ("/?q=reversed+stranger", "/ask?q=reversed+stranger", "/library?path="):
        page = await shown(browser, address)
        assert "<script>alert" not in page
    search = await shown(browser, "/?q=%3Cscript%3Ealert(1)%3C/script%3E")
    assert "<script>alert" not in search
    assert "&lt;script&gt;" in search


async def test_the_library_is_shown_by_folder_and_by_state(browser: httpx.AsyncClient) -> None:
    page = await shown(browser, "/library")
    assert '<a href="/library?path=Ethics"><bdi>Ethics/</bdi></a>' in page
    assert "2 of 2 indexed" in page
    assert "evil.md" in page
    assert "pond.md" not in page
    assert "pond.md" in await shown(browser, "/library?path=Ethics")
    assert "Ethics/pond.md" in await shown(browser, "/library?state=indexed")
    assert "pond.md" not in await shown(browser, "/library?state=failed")
    assert "skipped <b>1</b>" in page


async def test_what_is_not_there_is_said(browser: httpx.AsyncClient) -> None:
    for address in ("/nothing", "/doc/nothing", "/library?state=odd", "/static/nothing"):
        answer = await browser.get(address)
        assert answer.status_code == 404, address
        assert "<h1>" in answer.text


async def test_problems_are_grouped_by_reason(library: Library, browser: httpx.AsyncClient) -> None:
    (library.settings.library / "Mind/bat.md").unlink()
    await library.scan()
    page = await shown(browser, "/problems")
    assert "photo.png" in page
    assert "1 gone from disk" in page


async def test_a_file_that_changed_says_so(library: Library, browser: httpx.AsyncClient) -> None:
    (library.settings.library / "Ethics/debt.md").write_text(
        "A debt to a friend is paid last.", encoding="utf-8"
    )
    page = await shown(browser, "/?q=debt+friend")
    assert "changed since it was indexed" in page


async def test_a_supervisor_and_a_monitor_are_answered_and_no_other(library: Library) -> None:
    sessions = Sessions(metrics_token="sesame")
    transport = httpx.ASGITransport(make_pages(library, sessions=sessions, cookie=COOKIE))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as stranger:
        for address in ("/healthz", "/readyz"):
            assert (await stranger.get(address)).text == "ok\n"
        for guess in ("", "Bearer guess", "Bearer ", "sesame"):
            refused = await stranger.get("/metrics", headers={"authorization": guess})
            assert refused.status_code == 403
        own = {"authorization": "Bearer sesame"}
        metrics = await stranger.get("/metrics", headers=own)
        assert 'state="indexed"} 4.0' in metrics.text
        assert metrics.headers["content-type"].startswith("text/plain; version=")
        assert (await stranger.get("/library", headers=own)).status_code == 403
        library.settings.ledger_file.write_bytes(b"no ledger")
        for path in library.settings.ledger_file.parent.glob("ledger.db-*"):
            path.unlink()
    async with open_library(library.settings) as damaged:
        transport = httpx.ASGITransport(make_pages(damaged, sessions=Sessions(), cookie=COOKIE))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as stranger:
            assert (await stranger.get("/healthz")).status_code == 200
            assert (await stranger.get("/readyz")).status_code == 503


async def test_without_a_token_no_monitor_reads_the_metrics(library: Library) -> None:
    transport = httpx.ASGITransport(make_pages(library, sessions=Sessions(), cookie=COOKIE))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as stranger:
        for guess in ("Bearer ", "Bearer", ""):
            assert (await stranger.get("/metrics", headers={"authorization": guess})).status_code == 403


@pytest.mark.parametrize(
    ("method", "address", "status"),
    [
        ("GET", "/events", 403),
        ("GET", "/metrics", 403),
        ("POST", "/healthz", 405),
        ("GET", "/", 403),
        ("GET", "/library", 403),
        ("GET", "/static/style.css", 403),
        ("GET", "/?token=wrong", 403),
        ("GET", "/?token=", 403),
        ("POST", "/", 405),
        ("DELETE", "/doc/1", 405),
        ("OPTIONS", "/", 405),
    ],
)
async def test_another_browser_sees_and_changes_nothing(
    library: Library, method: str, address: str, status: int
) -> None:
    pages = make_pages(library, sessions=Sessions(), cookie=COOKIE)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(pages), base_url="http://127.0.0.1", cookies={COOKIE: "guess"}
    ) as client:
        answer = await client.request(method, address)
    assert answer.status_code == status
    assert "pond" not in answer.text
    assert "set-cookie" not in answer.headers


async def test_the_token_is_good_for_one_visit(library: Library) -> None:
    sessions = Sessions()
    token = sessions.token
    transport = httpx.ASGITransport(make_pages(library, sessions=sessions, cookie=COOKIE))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as first:
        answer = await first.get("/runs", params={"token": token})
        assert answer.headers["location"] == "/runs"
        cookie = answer.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        assert (await first.get("/runs")).status_code == 200
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as second:
        assert (await second.get("/", params={"token": token})).status_code == 403


async def test_every_answer_keeps_other_sites_out(browser: httpx.AsyncClient) -> None:
    for address in ("/", "/static/style.css", "/nothing", "/?q=stranger"):
        answer = await browser.get(address)
        for name, value in HEADERS.items():
            assert answer.headers[name] == value or name == "cache-control", address
        assert "http://" not in answer.text.replace("http://127.0.0.1", "")
        assert "https://" not in answer.text


async def test_a_page_runs_no_script_but_its_own_and_is_framed_by_none(browser: httpx.AsyncClient) -> None:
    for address in ("/", "/doc/none", "/?q=stranger"):
        text = (await browser.get(address)).headers["content-security-policy"]
        policy = {name: sources for name, *sources in (part.split() for part in text.split(";"))}
        assert policy["default-src"] == policy["base-uri"] == policy["frame-ancestors"] == ["'none'"]
        rest = {source for sources in policy.values() for source in sources} - {"'none'"}
        assert rest == {"'self'"}, "neither unsafe-inline nor another site"


async def test_pages_and_the_api_share_a_port(library: Library) -> None:
    sessions, to_api = Sessions(), list[str]()

    async def api(scope: Scope, receive: Receive, send: Send) -> None:
        to_api.append(f"{scope['method']} {scope['path']}")
        await PlainTextResponse("the API")(scope, receive, send)

    opening = open_pages_beside(api, 80, settings=library.settings, sessions=sessions, observer=Observer())
    async with opening as app:
        transport = httpx.ASGITransport(app, raise_app_exceptions=True)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            assert (await client.get("/library")).status_code == 403
            assert (await client.get("/", params={"token": sessions.token})).status_code == 303
            assert "pond.md" in await shown(client, "/?q=stranger")
            for request in (
                "GET /v1beta/fileSearchStores",
                "POST /upload/v1beta/files",
                "GET /no/such",
                "GET /askew",
            ):
                method, path = request.split()
                assert (await client.request(method, path)).text == "the API"
                assert to_api.pop() == request
    assert to_api == []
