"""Each action of a script: its effect on the client, and its line in the history."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio
import trio.testing
from starlette.types import Message, Receive, Scope, Send

from objlib.core.remote import SessionState
from objlib.embedded import open_service
from objlib.gemini import Client, Endpoint, ErrorKind, GeminiError, open_client
from objlib.testing import (
    CAPTIVE_PORTAL,
    DAILY_QUOTA,
    DOWN,
    EMPTY,
    INTERNAL_ACTED,
    LOST,
    REPEATED,
    STORE_FULL,
    TRUNCATED,
    Action,
    ActLate,
    Alter,
    Delay,
    Drop,
    Faults,
    Nemesis,
    Refuse,
    in_state,
    never_done,
    refusal,
    throttled,
    wall_clock,
)
from objlib.threads import inline_runner

pytestmark = pytest.mark.usefixtures("autojump_clock")


@asynccontextmanager
async def served(folder: Path, faults: Faults) -> AsyncIterator[tuple[Client, str]]:
    """A client, and a store in which there is one document."""
    async with open_service(folder / "store.db", runner=inline_runner, now=wall_clock) as service:
        app = faults.around(service.app, "someone")
        async with open_client(Endpoint("http://service.localhost", "key"), asgi=app) as client:
            store = (await client.stores.create("here")).name
            await send(client, store)
            yield client, store


async def send(client: Client, store: str) -> tuple[str, str]:
    session = await client.uploads.start(
        store, display_name="a", mime_type="text/plain", size=3, metadata={"objlib_id": "f"}
    )
    progress = await client.uploads.send(session, b"abc", offset=0, final=True)
    assert progress.result is not None
    assert progress.result.document is not None
    return session, progress.result.document


@pytest.mark.parametrize(
    ("action", "kind", "landed"),
    [
        (Refuse(), ErrorKind.TRANSIENT, False),
        (Drop(act=False), ErrorKind.UNKNOWN, False),
        (Drop(act=True), ErrorKind.UNKNOWN, True),
        (LOST, ErrorKind.UNKNOWN, True),
        (DOWN, ErrorKind.UNKNOWN, False),
        (EMPTY, ErrorKind.UNKNOWN, False),
        (INTERNAL_ACTED, ErrorKind.UNKNOWN, True),
        (CAPTIVE_PORTAL, ErrorKind.UNKNOWN, False),
        (TRUNCATED, ErrorKind.UNKNOWN, True),
        (throttled(3), ErrorKind.RATE_LIMIT, False),
        (DAILY_QUOTA, ErrorKind.DAILY_QUOTA, False),
        (STORE_FULL, ErrorKind.STORE_FULL, False),
        (refusal(400, "INVALID_ARGUMENT", "no"), ErrorKind.UNKNOWN, False),
    ],
    ids=[
        "refuse",
        "drop",
        "drop after acting",
        "lost answer",
        "down",
        "empty",
        "internal error after acting",
        "captive portal",
        "truncated",
        "throttled",
        "daily quota",
        "store full",
        "bad request",
    ],
)
async def test_what_the_client_is_told_and_whether_the_service_acted(
    tmp_path: Path, action: Action, kind: ErrorKind, landed: bool
) -> None:
    faults = Faults()
    async with served(tmp_path, faults) as (client, store):
        faults.script = lambda what, _count: action if what == "send" else None
        with pytest.raises(GeminiError) as caught:
            await send(client, store)
        assert caught.value.kind is kind
        page = (await client.documents.list(store)).documents
    assert len(page) == 1 + landed
    request = [one for one in faults.history if one.kind == "send"][-1]
    assert (request.acted is not None, request.document is not None) == (landed, landed)
    assert request.client == "someone"
    assert request.action
    assert request.action in request.line()


async def test_the_service_acts_after_the_client_gave_up(tmp_path: Path) -> None:
    faults = Faults()
    async with faults.acting_late(), served(tmp_path, faults) as (client, store):
        faults.script = lambda what, _count: ActLate(30) if what == "send" else None
        with pytest.raises(GeminiError):
            await send(client, store)
        began = trio.current_time()
        await faults.settled()
        assert trio.current_time() == began + 30
        assert len((await client.documents.list(store)).documents) == 2
        await faults.settled()
    assert "acted at" in faults.history[-2].line()


async def test_a_late_action_without_acting_late_is_an_error(tmp_path: Path) -> None:
    faults = Faults(script=lambda _kind, _count: ActLate(1))

    async def app(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise AssertionError("never reached")

    async def send(_message: Message) -> None:
        raise AssertionError("nothing to say")

    scope = {"type": "http", "method": "GET", "path": "/", "headers": []}

    async def receive() -> Message:
        await trio.lowlevel.checkpoint()
        return {"type": "http.request"}

    with pytest.raises(RuntimeError, match="acting_late"):
        await faults.around(app)(scope, receive, send)


async def test_answers_that_are_slow_or_not_true(tmp_path: Path) -> None:
    faults = Faults()
    async with served(tmp_path, faults) as (client, store):
        session, name = await send(client, store)
        faults.script = lambda _kind, _count: Alter("FAILED", in_state("STATE_FAILED"))
        assert (await client.documents.get(name)).state.name == "FAILED"
        faults.script = lambda _kind, _count: REPEATED
        page = await client.documents.list(store)
        assert len(page.documents) == 4
        faults.script = lambda _kind, _count: Alter("never", never_done)
        operation = name.replace("/documents/", "/upload/operations/")
        assert not (await client.operations.get(operation)).done
        faults.script = lambda _kind, _count: Delay(7)
        began = trio.current_time()
        assert (await client.uploads.query(session)).status is SessionState.FINAL
        assert trio.current_time() == began + 7


def test_a_nemesis_follows_its_seed_and_leaves_no_fault_out() -> None:
    def draw(seed: int) -> list[str]:
        nemesis = Nemesis(seed, 0.5, lambda: 0.0)
        kinds = ["start", "send", "document", "operation", "list", "delete", "cancel", "query", "store"]
        return [re.sub("<.*", "", str(nemesis(kind, number))) for kind in kinds for number in range(400)]

    assert draw(1) == draw(1) != draw(2)
    actions = " ".join(draw(1))
    for word in "Refuse Drop ActLate Delay 429 503 500 truncated repeated lags FAILED".split():
        assert word in actions
    assert {*draw(1)} > {"None"}
    assert not any(Nemesis(1, 0.0, lambda: 0.0)("send", number) for number in range(100))
