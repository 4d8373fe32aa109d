"""The quota in front of the service, as the client understands it."""

from pathlib import Path

import pytest
import trio
import trio.testing

from objlib.core.quota import parse_quota
from objlib.embedded import Options, open_service
from objlib.embedded.quota import quota_middleware
from objlib.gemini import Client, Endpoint, GeminiError, Kind, open_client
from objlib.threads import inline_runner


@pytest.fixture
def autojump_clock() -> trio.testing.MockClock:
    return trio.testing.MockClock(autojump_threshold=0)


async def refused(client: Client) -> GeminiError:
    """The first refusal that the client meets."""
    for _ in range(10):
        try:
            await client.find_stores("any")
        except GeminiError as error:
            return error
    raise AssertionError("never refused")


@pytest.mark.parametrize(
    ("quota", "kind", "hint"),
    [
        ("2/s", Kind.RATE_LIMIT, 0.5),
        ("2/s,silent", Kind.RATE_LIMIT, None),
        ("3/min,window", Kind.RATE_LIMIT, 60.0),
        ("3/day", Kind.DAILY_QUOTA, 86_400.0),
    ],
)
async def test_a_refusal_says_what_the_quota_is_and_when_it_ends(
    tmp_path: Path, autojump_clock: trio.testing.MockClock, quota: str, kind: Kind, hint: float | None
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
            await client.find_stores("any")


async def test_what_is_not_the_api_does_not_count(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    options = Options(middleware=(quota_middleware(parse_quota("1/day")),))
    async with (
        open_service(tmp_path / "store.db", runner=inline_runner, options=options) as service,
        open_client(Endpoint("http://quota.test", ""), asgi=service.app) as client,
    ):
        got = []

        async def send(message: dict[str, object]) -> None:
            got.append(message.get("status"))

        scope = {"type": "http", "path": "/", "method": "GET", "headers": [], "query_string": b""}
        for _ in range(3):
            await service.app(scope, trio.sleep_forever, send)  # type: ignore[arg-type]
        assert 429 not in got
        await client.find_stores("any")
