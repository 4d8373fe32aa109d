"""A page of another origin in a real browser: it can neither read the served store nor write into it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page

from objlib.testing.pytest import Twin, serve_twin
from tests.support.browser import chromium, needs_chromium

pytestmark = needs_chromium

EVIL = "evil.example"
"""The browser is told that it is 127.0.0.1, which is what rebinding of a name does."""
SECRET = "a private store"
STORES = "/v1beta/fileSearchStores"
BODY = '{"displayName": "written by a page"}'
FETCHES: list[dict[str, Any]] = [
    {},
    {"mode": "no-cors"},
    {"method": "HEAD"},
    {"method": "POST", "body": BODY, "headers": {"content-type": "application/json"}},
    {"method": "POST", "body": BODY, "headers": {"content-type": "text/plain"}},
    {"method": "POST", "body": BODY, "mode": "no-cors"},
    {"method": "POST", "body": BODY, "mode": "no-cors", "keepalive": True, "credentials": "include"},
    {"method": "PUT", "body": BODY},
    {"method": "DELETE"},
]
ASK = """async ([address, init]) => {
    try {
        const answer = await fetch(address, init);
        return {type: answer.type, status: answer.status, text: await answer.text()};
    } catch (error) { return {type: "refused", status: 0, text: String(error)}; }
}"""


class _Blank(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>a page of another site</title>")

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def another_site() -> Iterator[int]:
    """A web site on a port of its own."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Blank) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    # Newer browsers keep pages of other machines from this one by themselves; the server must not lean on that.
    own_guards = "--disable-features=LocalNetworkAccessChecks,BlockInsecurePrivateNetworkRequests"
    with chromium(f"--host-resolver-rules=MAP {EVIL} 127.0.0.1", own_guards) as browser:
        yield browser


@pytest.fixture(scope="module")
def twin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Twin]:
    with serve_twin(tmp_path_factory.mktemp("twin") / "store.db") as twin:
        assert httpx.post(twin.url + STORES, json={"displayName": SECRET}).status_code == 200
        yield twin


@pytest.fixture(params=[EVIL, "127.0.0.1", "localhost"])
def page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page of another host, and of another port of this machine."""
    with another_site() as port, browser.new_context() as context:
        page = context.new_page()
        page.goto(f"http://{request.param}:{port}/")
        yield page


def stores(twin: Twin) -> list[str]:
    return [store["displayName"] for store in httpx.get(twin.url + STORES).json()["fileSearchStores"]]


def addresses(twin: Twin) -> list[str]:
    """The server by each name that a browser takes for it."""
    return [twin.url, twin.url.replace("127.0.0.1", "localhost"), twin.url.replace("127.0.0.1", EVIL)]


def test_fetch_neither_reads_nor_writes(page: Page, twin: Twin) -> None:
    before = len(twin.requests)
    for init in FETCHES:
        for address in addresses(twin):
            answer = page.evaluate(ASK, [address + STORES, init])
            assert answer["type"] in {"refused", "opaque"}, init
            assert SECRET not in answer["text"]
    assert len(twin.requests) == before, "no request of the page reaches the service"
    assert stores(twin) == [SECRET]


def test_a_form_writes_nothing(page: Page, twin: Twin) -> None:
    site = page.url
    for address in addresses(twin):
        for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
            page.goto(site)
            page.evaluate(
                """([address, kind, body]) => {
                    const form = document.createElement("form");
                    Object.assign(form, {method: "post", action: address, enctype: kind});
                    const field = document.createElement("input");
                    Object.assign(field, {name: body.slice(0, -1) + ', "x": "', value: '"}'});
                    form.append(field); document.body.append(form);
                }""",
                [address + STORES, kind, BODY],
            )
            with page.expect_navigation():
                page.evaluate("document.forms[0].submit()")
            assert "PERMISSION_DENIED" in page.content()
    assert stores(twin) == [SECRET]


def test_a_script_a_frame_and_a_beacon_read_nothing(page: Page, twin: Twin) -> None:
    for address in addresses(twin):
        seen = page.evaluate(
            """async (address) => {
                const loaded = (name) => new Promise((done) => {
                    const element = document.createElement(name);
                    element.onload = () => done(name + " loaded");
                    element.onerror = () => done("");
                    element.src = address;
                    document.body.append(element);
                });
                navigator.sendBeacon(address, "{}");
                const results = [await loaded("script"), await loaded("img")];
                const frame = document.createElement("iframe");
                const shown = new Promise((done) => { frame.onload = done; });
                frame.src = address;
                document.body.append(frame);
                await shown;
                try { results.push(frame.contentWindow.document.body.innerText); } catch (error) { }
                return results.join("");
            }""",
            address + STORES,
        )
        assert seen == ""
    assert stores(twin) == [SECRET]


def test_a_name_that_was_made_to_point_here_is_refused(browser: Browser, twin: Twin) -> None:
    rebound = twin.url.replace("127.0.0.1", EVIL)
    with browser.new_context() as context:
        page = context.new_page()
        answer = page.goto(rebound + STORES)
        assert answer is not None
        assert answer.status == 403
        # The page came from an attacker's server on the same port, before the name was made to point here: its browser
        # takes the answers for those of its own origin, so that the server must refuse.
        page.route(rebound + "/", lambda route: route.fulfill(content_type="text/html", body="<p>a game"))
        page.goto(rebound + "/")
        for init in FETCHES:
            answer = page.evaluate(ASK, [rebound + STORES, init])
            assert answer["status"] in {403, 0} if init.get("mode") else answer["status"] == 403, (
                init,
                answer,
            )
            assert SECRET not in answer["text"]
    assert stores(twin) == [SECRET]
