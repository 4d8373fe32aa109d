"""The way to a service: proxies, exceptions from them, certificates, and the five reasons for no connection."""

import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
import trio

from objlib.core.errors import UsageError
from objlib.gemini import Endpoint, ErrorKind, GeminiError, Timeouts, open_client
from objlib.gemini.route import Route, find_route
from tests.support.gemini import KEY
from tests.support.sockets import port, reply, request, unused

PROXY = "http://proxy.test:3128"
BRIEF = Timeouts(connect=0.2, read=0.5)


@pytest.fixture(autouse=True)
def environ(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """No variable about the network but those that a test sets."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    return monkeypatch


def route(url: str, **variables: str) -> Route:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        return find_route(Endpoint(url, KEY), variables)


@pytest.mark.parametrize(
    ("host", "entries", "straight"),
    [
        ("box.test", "localhost,::1,fd00::/8,[fe80::1]:80,[fd07::]/64", False),
        ("box.test", "fe80::1%eth0,300.1.2.3/99,[],:::,/,,", False),
        ("box.test", "*", True),
        ("box.test", "a.test, BOX.test", True),
        ("eu.box.test", "box.test", True),
        ("eu.box.test", ".box.test", True),
        ("box.test", "*.test", True),
        ("mailbox.test", "box.test", False),
        ("box.test", "https://box.test:443", True),
        ("box.test:8443", "box.test:443", False),
        ("10.1.2.3", "10.0.0.0/8", True),
        ("11.1.2.3", "10.0.0.0/8 10.1.2.3", False),
        ("[fd07:b51a::9]", "fd07:b51a::/32", True),
        ("[fd07:b51a::9]", "[fd07:b51a::9]", True),
        ("[fd07:b51a::9]:8443", "[fd07:b51a::9]:8443", True),
        ("[fd07:b51a::9]", "10.0.0.0/8", False),
    ],
)
def test_an_entry_of_no_proxy_covers_names_addresses_and_networks(
    host: str, entries: str, straight: bool
) -> None:
    way = route(f"https://{host}", HTTPS_PROXY=PROXY, NO_PROXY=entries)
    assert way.proxy == (None if straight else PROXY)


def test_the_proxy_is_that_of_the_scheme_with_the_variable_it_stands_in() -> None:
    way = route("https://box.test", ALL_PROXY="http://a.test", https_proxy="user:s3cr3t@proxy.test:8")
    assert (way.proxy, way.variable) == ("http://user:s3cr3t@proxy.test:8", "https_proxy")
    assert "s3cr3t" not in repr(way)
    assert route("http://box.test", ALL_PROXY=PROXY).variable == "ALL_PROXY"
    assert route("http://box.test", HTTPS_PROXY=PROXY).proxy is None
    assert route("https://localhost:1", ALL_PROXY=PROXY).proxy is None


@pytest.mark.parametrize(
    ("variable", "address"),
    [("ALL_PROXY", "gopher://user:s3cr3t@proxy.test"), ("HTTPS_PROXY", "http://user:s3cr3t@proxy.test:port")],
)
async def test_a_proxy_that_cannot_be_used_is_a_usage_error(
    environ: pytest.MonkeyPatch, variable: str, address: str
) -> None:
    environ.setenv(variable, address)
    with pytest.raises(UsageError, match=f"proxy in {variable} cannot be used") as caught:
        async with open_client(Endpoint("https://box.test", KEY)):
            raise AssertionError
    assert "s3cr3t" not in str(caught.value)


def test_certificates_that_cannot_be_read_are_a_usage_error(tmp_path: Path) -> None:
    bad = tmp_path / "bad.pem"
    bad.write_text("nothing")
    for path in (bad, tmp_path / "none.pem"):
        with pytest.raises(UsageError, match=r"SSL_CERT_FILE"):
            route("https://box.test", SSL_CERT_FILE=str(path))
        assert route("http://127.0.0.1", SSL_CERT_FILE=str(path)).verify is True


async def refusal(url: str, timeouts: Timeouts = BRIEF) -> str:
    """Why there is no connection to ``url``."""
    async with open_client(Endpoint(url, KEY), timeouts=timeouts) as client:
        with pytest.raises(GeminiError) as caught:
            await client.stores.find("a")
    assert (caught.value.kind, caught.value.connect) == (ErrorKind.TRANSIENT, True)
    return str(caught.value).partition(": ")[2]


async def test_an_unknown_name_a_closed_port_and_silence_have_a_sentence_each() -> None:
    async def silent(stream: trio.SocketStream, _: int) -> None:
        await trio.sleep_forever()

    assert "DNS" in await refusal("https://nowhere.invalid", Timeouts(connect=10))
    closed = await unused()
    assert "refuses connections" in await refusal(closed)
    async with port(silent) as base:
        late = await refusal(base.replace("http:", "https:"))
    assert "in time" in late
    for sentence in (late, await refusal(closed)):
        assert "OBJLIB_BASE_URL" in sentence


async def test_a_proxy_that_fails_is_named_by_its_variable(environ: pytest.MonkeyPatch) -> None:
    async def no(stream: trio.SocketStream, _: int) -> None:
        await request(stream)
        await stream.send_all(reply("407 Proxy Authentication Required"))

    environ.setenv("HTTPS_PROXY", await unused())
    assert "through the proxy" in await refusal("https://box.test")
    assert "check HTTPS_PROXY" in await refusal("https://box.test")
    async with port(no) as base:
        environ.setenv("HTTPS_PROXY", base)
        assert "407" in (sentence := await refusal("https://box.test"))
    assert "check HTTPS_PROXY" in sentence


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate of this machine that no authority signed, and its key."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl to make a certificate with")
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    names = "subjectAltName=DNS:localhost,IP:127.0.0.1"
    make = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=localhost",
    ]
    subprocess.run(
        [*make, "-addext", names, "-keyout", str(key), "-out", str(cert)], check=True, capture_output=True
    )
    return cert, key


@asynccontextmanager
async def secure_port(cert: Path, key: Path) -> AsyncIterator[str]:
    """An https service on this machine that answers every request with ``{}``."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(cert, key)

    async def serve(stream: trio.SSLStream[trio.SocketStream]) -> None:
        try:
            while b"\r\n\r\n" not in await stream.receive_some():
                pass
            await stream.send_all(reply("200 OK", b"{}", "Connection: close"))
        except trio.BrokenResourceError:
            pass

    async with trio.open_nursery() as nursery:
        start = partial(trio.serve_ssl_over_tcp, serve, 0, context, host="127.0.0.1", https_compatible=True)
        listeners = await nursery.start(start)
        yield f"https://localhost:{listeners[0].transport_listener.socket.getsockname()[1]}"
        nursery.cancel_scope.cancel()


async def test_a_certificate_of_ones_own_is_trusted_by_its_variable_on_loopback_too(
    environ: pytest.MonkeyPatch, certificate: tuple[Path, Path]
) -> None:
    async with secure_port(*certificate) as base:
        sentence = await refusal(base, Timeouts())
        environ.setenv("SSL_CERT_FILE", str(certificate[0]))
        async with open_client(Endpoint(base, KEY)) as client:
            assert await client.stores.find("a") == []
    assert "certificate of localhost" in sentence
    assert "SSL_CERT_FILE" in sentence
    assert "SSL_CERT_DIR" in sentence
