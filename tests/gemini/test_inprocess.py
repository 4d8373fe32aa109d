"""A service in this process fails the way a network does; timeouts run in virtual time."""

import logging

import pytest
import trio
from trio.testing import MockClock

from objlib.gemini import Endpoint, ErrorKind, GeminiError, open_client
from tests.support.gemini import HANG, HOST, KEY, SESSION, STORE, Reply, Service, refusal, scripted

DOC = f"{STORE}/documents/d-1"


@pytest.mark.parametrize(
    ("fault", "get", "send", "connect"),
    [
        (HANG, ErrorKind.TRANSIENT, ErrorKind.UNKNOWN, False),
        (ConnectionResetError(), ErrorKind.TRANSIENT, ErrorKind.UNKNOWN, False),
        (BrokenPipeError(), ErrorKind.TRANSIENT, ErrorKind.UNKNOWN, False),
        (ConnectionRefusedError(), ErrorKind.TRANSIENT, ErrorKind.TRANSIENT, True),
    ],
)
def test_the_two_ways_to_a_service_fail_alike(
    fault: object, get: ErrorKind, send: ErrorKind, connect: bool
) -> None:
    async def main() -> None:
        async with scripted(fault, fault) as (client, _):
            with pytest.raises(GeminiError) as caught:
                await client.documents.get(DOC)
            assert (caught.value.kind, caught.value.connect) == (get, connect)
            with pytest.raises(GeminiError) as caught:
                await client.uploads.send(SESSION, b"x", offset=0, final=True)
            assert (caught.value.kind, caught.value.connect) == (send, connect)

    trio.run(main, clock=MockClock(autojump_threshold=0))


def test_a_model_may_think_longer_than_a_document_may_take() -> None:
    async def main() -> None:
        async with scripted(HANG, HANG) as (client, _):
            began = trio.current_time()
            with pytest.raises(GeminiError):
                await client.documents.get(DOC)
            assert trio.current_time() - began == pytest.approx(60)
            began = trio.current_time()
            with pytest.raises(GeminiError):
                await client.models.ask(model="m", question="?", store=STORE)
            assert trio.current_time() - began == pytest.approx(300)

    trio.run(main, clock=MockClock(autojump_threshold=0))


async def test_a_fault_of_the_service_is_a_500_and_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    async with scripted(RuntimeError(f"broke on {SESSION} with {KEY}")) as (client, _):
        with pytest.raises(GeminiError, match="500") as caught:
            await client.documents.get(DOC)
    assert (caught.value.kind, caught.value.status) == (ErrorKind.TRANSIENT, 500)
    (record,) = [record for record in caplog.records if record.name == "objlib.gemini.network"]
    assert record.levelno == logging.ERROR
    assert "RuntimeError: broke on" in record.getMessage()
    assert "s3cr3t" not in caplog.text
    assert KEY not in caplog.text


async def test_an_application_that_never_answers_is_a_500() -> None:
    async def silent(scope: object, receive: object, send: object) -> None:
        await trio.lowlevel.checkpoint()

    async with open_client(Endpoint(HOST, KEY), asgi=silent) as client:
        with pytest.raises(GeminiError) as caught:
            await client.documents.get(DOC)
    assert caught.value.status == 500


async def test_a_cancelled_question_is_cancelled() -> None:
    service = Service([HANG])
    async with open_client(Endpoint(HOST, KEY), asgi=service) as client:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(client.documents.get, DOC)
            await trio.testing.wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
    assert len(service.seen) == 1


async def test_every_request_is_counted_by_operation() -> None:
    async with scripted(refusal(500), Reply(content={}), Reply(content={}), refusal(404), refusal(500)) as (
        client,
        _,
    ):
        with pytest.raises(GeminiError):
            await client.documents.get(DOC)
        await client.documents.list(STORE)
        await client.models.ask(model="m", question="?", store=STORE)
        await client.documents.delete(DOC)
        with pytest.raises(GeminiError) as caught:
            await client.stores.import_file(STORE, "files/a", metadata={})
    assert caught.value.op == "import"
    assert client.sent == {"document": 1, "list": 1, "ask": 1, "delete": 1, "import": 1}
    assert client.requests == 5


async def test_without_a_key_none_is_sent() -> None:
    async with scripted(Reply(content={}), key="") as (client, service):
        await client.documents.get(DOC)
    assert "x-goog-api-key" not in service.seen[0].headers
