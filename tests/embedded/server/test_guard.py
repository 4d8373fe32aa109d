"""Host and Origin: only programs, and pages of this very server, reach the app."""

import httpx
import pytest

from objlib.embedded.server import AllowedHosts, guarded
from tests.embedded.server.kit import Echo, error

BASE = "http://127.0.0.1:8765"


def client(app: Echo, *names: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(guarded(app, AllowedHosts.of(names))), base_url=BASE
    )


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.0.0.1:1",
        "localhost:8765",
        "LOCALHOST",
        "[::1]:80",
        "127.8.9.1",
        "box.lan",
        "box.lan.",
    ],
)
async def test_a_host_of_this_server_is_served(host: str) -> None:
    async with client(Echo(), "Box.Lan") as http:
        assert (await http.get("/a", headers={"Host": host})).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "evil.localhost",
        "203.0.113.7",
        "evilbox.lan",
        "127.0.0.1@evil.example",
        "2130706433",
        "",
        " ",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "OPTIONS"])
async def test_another_host_never_reaches_the_app(host: str, method: str) -> None:
    app = Echo()
    async with client(app, "box.lan") as http:
        answer = await http.request(method, "/a", headers={"Host": host})
    assert (answer.status_code, error(answer.content)["status"]) == (403, "PERMISSION_DENIED")
    assert app.scopes == []


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD"])
@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://127.0.0.1:9999", "http://localhost", "file://", ""]
)
async def test_a_page_of_another_origin_never_reaches_the_app(method: str, origin: str) -> None:
    app = Echo()
    async with client(app) as http:
        answer = await http.request(method, "/a", headers={"Origin": origin})
    assert answer.status_code == 403
    assert app.scopes == []


async def test_a_page_of_this_server_is_served() -> None:
    async with client(Echo()) as http:
        headers = {"Origin": BASE, "Sec-Fetch-Site": "same-origin"}
        assert (await http.post("/a", headers=headers)).status_code == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
async def test_a_browser_may_open_an_address_but_not_embed_it(site: str) -> None:
    async with client(Echo()) as http:
        headers = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "no-cors"}
        assert (await http.get("/a", headers=headers)).status_code == 403
        headers["Sec-Fetch-Mode"] = "navigate"
        assert (await http.get("/a", headers=headers)).status_code == 200
        assert (await http.post("/a", headers=headers)).status_code == 403


async def test_node_sends_a_mode_without_a_site_and_is_served() -> None:
    async with client(Echo()) as http:
        assert (await http.post("/a", headers={"Sec-Fetch-Mode": "cors"})).status_code == 200


@pytest.mark.parametrize("host", ["127.0.0.1", "evil.example"])
async def test_no_answer_can_be_sniffed_framed_or_read_elsewhere(host: str) -> None:
    async with client(Echo()) as http:
        headers = (await http.get("/a", headers={"Host": host})).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert "access-control-allow-origin" not in headers
