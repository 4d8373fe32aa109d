"""The quota in front of the service, as the client understands it."""

from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from objlib.core.pacing.quota import parse_quota
from objlib.embedded import Options, open_service
from objlib.embedded.api.quota import Decision, quota_middleware
from objlib.gemini import Client, Endpoint, ErrorKind, GeminiError, open_client
from objlib.threads import inline_runner

pytestmark = pytest.mark.usefixtures("autojump_clock")


async def refused(client: Client) -> GeminiError:
    """The first refusal that the client meets."""
    for _ in range(10):
        try:
            await client.stores.find("any")
        except GeminiError as error:
            return error
    raise AssertionError("never refused")


@pytest.mark.parametrize(
    ("quota", "kind", "hint"),
    [
        ("2/s", ErrorKind.RATE_LIMIT, 0.5),
        ("2/s,silent", ErrorKind.RATE_LIMIT, None),
        ("3/min,window", ErrorKind.RATE_LIMIT, 60.0),
        ("3/day", ErrorKind.DAILY_QUOTA, 86_400.0),
    ],
)
async def test_a_refusal_names_the_quota_and_the_wait(
    tmp_path: Path, quota: str, kind: ErrorKind, hint: float | None
) -> None:
    options = Options(middleware=(quota_middleware(parse_quota(quota)),))
    async with (
        open_service(tmp_path / "store.db", runner=inline_runner, options=options) as service,
        open_client(Endpoint("http://quota.test", ""), asgi=service.app) as client,
    ):
        error = await refused(client)
        assert (error.kind, error.status) == (kind, 429)
        assert error.retry_after == (None if hint is None else pytest.approx(hint, abs=1e-3))
        if hint is not None:
            await trio.sleep(hint + 0.001)
            await client.stores.find("any")


async def test_requests_outside_the_api_do_not_count(tmp_path: Path) -> None:
    options = Options(middleware=(quota_middleware(parse_quota("1/day")),))
    async with (
        open_service(tmp_path / "store.db", runner=inline_runner, options=options) as service,
        open_client(Endpoint("http://quota.test", ""), asgi=service.app) as client,
    ):
        got = []

        async def send(message: MutableMapping[str, Any]) -> None:
            got.append(message.get("status"))

        scope: dict[str, Any] = {
            "type": "http",
            "path": "/",
            "method": "GET",
            "headers": [],
            "query_string": b"",
        }
        for _ in range(3):
            await service.app(scope, trio.sleep_forever, send)
        assert 429 not in got
        await client.stores.find("any")


async def test_answers_and_refusals_take_the_latency(tmp_path: Path) -> None:
    options = Options(middleware=(quota_middleware(parse_quota("2/min,window,latency 4s")),))
    async with (
        open_service(tmp_path / "store.db", runner=inline_runner, options=options) as service,
        open_client(Endpoint("http://quota.test", ""), asgi=service.app) as client,
    ):
        for refusal in (False, False, True):
            began = trio.current_time()
            if refusal:
                await refused(client)
            else:
                await client.stores.find("any")
            assert trio.current_time() - began == pytest.approx(4)


async def test_a_quota_changes_while_the_service_is_open(tmp_path: Path) -> None:
    options = Options(middleware=(quota_middleware(parse_quota("2/s for 10s, then 3/day")),))
    async with (
        open_service(tmp_path / "store.db", runner=inline_runner, options=options) as service,
        open_client(Endpoint("http://quota.test", ""), asgi=service.app) as client,
    ):
        assert (await refused(client)).kind is ErrorKind.RATE_LIMIT
        await trio.sleep(10)
        assert (await refused(client)).kind is ErrorKind.DAILY_QUOTA


async def test_each_decision_is_reported_without_the_query(tmp_path: Path) -> None:
    decisions: list[Decision] = []
    options = Options(middleware=(quota_middleware(parse_quota("2/s"), decisions.append),))
    async with (
        open_service(tmp_path / "store.db", runner=inline_runner, options=options) as service,
        open_client(Endpoint("http://quota.test", ""), asgi=service.app) as client,
    ):
        await refused(client)
    assert [(on.method, on.path) for on in decisions] == [("GET", "/v1beta/fileSearchStores")] * 3
    assert [on.admitted for on in decisions] == [True, True, False]
    assert [on.wait for on in decisions] == [None, None, pytest.approx(0.5)]
