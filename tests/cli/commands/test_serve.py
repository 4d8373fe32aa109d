"""The command serve, over an engine that gives reports."""

import json
from typing import Any

import trio

from objlib.cli.app import run
from objlib.core.config.settings import Settings
from objlib.core.errors import Exit
from objlib.core.events import EventKind, Observer
from objlib.engine.serve import ServeOptions
from tests.cli.commands.kit import Engine, Read


def test_serve_prints_its_address_first(engine: Engine, read: Read) -> None:
    async def serve(settings: Settings, options: ServeOptions, *, observer: Observer, ready: Any) -> None:
        await trio.lowlevel.checkpoint()
        assert settings.backend == "embedded"
        assert options.quota is None
        ready(f"http://{options.host}:{options.port or 4711}")

    engine.patch.setattr("objlib.engine.serve.serve", serve)
    engine.patch.setenv("GEMINI_API_KEY", "AIzaSomething")
    assert run(["serve", "--port", "0"]) == Exit.OK
    out, err = read()
    assert out == "http://127.0.0.1:4711\n"
    assert "--base-url http://127.0.0.1:4711" in err
    assert run(["serve", "--host", "localhost", "--json", "--quiet"]) == Exit.OK
    assert json.loads(read()[0]) == {"schema": "objlib/serve/1", "url": "http://localhost:8765"}


def test_serve_reports_each_request_that_meets_the_quota(engine: Engine, read: Read) -> None:
    async def serve(settings: Settings, options: ServeOptions, *, observer: Observer, ready: Any) -> None:
        await trio.lowlevel.checkpoint()
        ready("http://127.0.0.1:4711")
        observer.event(EventKind.REQUEST, method="GET", path="/v1beta/files", admitted=False, wait=0.5)

    engine.patch.setattr("objlib.engine.serve.serve", serve)
    assert run(["serve", "--quota", "2/s", "--json", "--quiet"]) == Exit.OK
    first, second = map(json.loads, read()[0].splitlines())
    assert first["url"] == "http://127.0.0.1:4711"
    assert second.pop("time") > 0
    assert second == {
        "event": "request",
        "method": "GET",
        "path": "/v1beta/files",
        "admitted": False,
        "wait": 0.5,
    }


def test_serve_requires_the_key_of_the_flag_or_the_environment(engine: Engine, read: Read) -> None:
    keys: list[str | None] = []

    async def serve(settings: Settings, options: ServeOptions, *, observer: Observer, ready: Any) -> None:
        await trio.lowlevel.checkpoint()
        keys.append(options.require_key)
        ready("http://127.0.0.1:1")

    engine.patch.setattr("objlib.engine.serve.serve", serve)
    assert run(["serve", "--require-key", "sesame"]) == Exit.OK
    engine.patch.setenv("OBJLIB_SERVE_KEY", "open")
    assert run(["serve"]) == Exit.OK
    assert keys == ["sesame", "open"]
    assert "the required API key" in read()[1]
    assert run(["serve", "--require-key", "två ord"]) == Exit.USAGE


def test_serve_has_the_pages_of_a_library_with_a_ledger(engine: Engine, read: Read) -> None:
    around: list[bool] = []

    async def serve(settings: Settings, options: ServeOptions, *, observer: Observer, ready: Any) -> None:
        await trio.lowlevel.checkpoint()
        around.append(options.around is not None)
        ready("http://127.0.0.1:4711")

    engine.patch.setattr("objlib.engine.serve.serve", serve)
    engine.patch.setattr("objlib.ledger.ledger_exists", lambda _: True)
    assert run(["serve"]) == Exit.OK
    out, err = read()
    assert out == "http://127.0.0.1:4711\n"
    assert "pages for your browser: http://127.0.0.1:4711/?token=" in err
    assert run(["serve", "--json", "--quiet"]) == Exit.OK
    assert json.loads(read()[0])["pages"].startswith("http://127.0.0.1:4711/?token=")
    assert run(["serve", "--host", "0.0.0.0", "--allow-remote"]) == Exit.OK
    assert "pages" not in read()[1], "the token would go through the network in the clear"
    engine.patch.setattr("objlib.ledger.ledger_exists", lambda _: False)
    assert run(["serve"]) == Exit.OK
    assert around == [True, True, False, False]
