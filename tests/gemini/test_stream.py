"""Answers that arrive as the model writes them."""

import json
from typing import Any

import pytest
import trio

from objlib.gemini import Answer, Endpoint, ErrorKind, GeminiError, open_client
from objlib.gemini.stream import AnswerStream
from tests.support.gemini import KEY, STORE, Reply, scripted

PARTS = ("Göttli", "ches 🌱 Maß. ", "Zweiter Satz.")
TEXT = "".join(PARTS)
GROUNDING = {
    "groundingChunks": [{"retrievedContext": {"title": "a.txt", "text": "Maß"}}],
    "groundingSupports": [
        {"segment": {"startIndex": 0, "endIndex": len("Göttliches 🌱 Maß.".encode())}, "groundingChunkIndices": [0]}
    ],
}  # fmt: skip


def event(text: str, **candidate: Any) -> dict[str, Any]:
    content = {"parts": [{"text": text}], "role": "model"}
    return {"candidates": [{"content": content, **candidate}], "modelVersion": "gemini-x"}


EVENTS = [
    event(PARTS[0]),
    event("I think", content={"parts": [{"text": "I think", "thought": True}]}),
    event(PARTS[1]),
    event(PARTS[2], finishReason="STOP", groundingMetadata=GROUNDING),
]


def wire(events: list[dict[str, Any]], end: str = "\r\n") -> bytes:
    return "".join(f"data: {json.dumps(each)}{end}{end}" for each in events).encode()


async def asked(answer: Reply, heard: list[str]) -> tuple[Answer, str]:
    async with scripted(answer) as (client, service):
        given = await client.models.ask(model="m", question="?", store=STORE, heard=heard.append)
        return given, f"{service.seen[0].path}?{service.seen[0].query}"


async def test_a_stream_is_heard_in_pieces_and_adds_up_to_the_answer() -> None:
    heard: list[str] = []
    answer, path = await asked(Reply(content=wire(EVENTS)), heard)
    assert path == "/v1beta/models/m:streamGenerateContent?alt=sse"
    assert heard == list(PARTS)
    assert answer.text == TEXT
    assert [passage.title for passage in answer.passages] == ["a.txt"]
    assert answer.supports == [(0, len("Göttliches 🌱 Maß."), (0,))]
    assert answer.model_version == "gemini-x"


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_the_cuts_of_the_network_do_not_matter(end: str, size: int) -> None:
    heard: list[str] = []
    stream = AnswerStream(heard.append)
    data = b": hello" + end.encode() * 2 + b"event: x" + end.encode() + wire(EVENTS, end)
    for at in range(0, len(data), size):
        stream.feed(data[at : at + size])
    assert heard == list(PARTS)
    assert stream.whole() is not None


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (wire(EVENTS[:2]), ErrorKind.TRANSIENT),
        (b"<html>", ErrorKind.TRANSIENT),
        (b"data: [1\n\n", ErrorKind.TRANSIENT),
        (wire([EVENTS[0], {"error": {"code": 429, "status": "RESOURCE_EXHAUSTED"}}]), ErrorKind.RATE_LIMIT),
    ],
)
async def test_a_stream_without_its_end_is_no_answer(content: bytes, kind: ErrorKind) -> None:
    with pytest.raises(GeminiError) as caught:
        await asked(Reply(content=content), [])
    assert caught.value.kind is kind


async def test_a_question_that_is_blocked_has_no_text() -> None:
    answer, _ = await asked(Reply(content=wire([{"promptFeedback": {"blockReason": "SAFETY"}}])), [])
    assert (answer.text, answer.blocked) == ("", "SAFETY")


async def test_a_piece_is_heard_before_the_next_one_is_sent() -> None:
    """Over a port, where the server waits with the rest until the first piece was heard."""
    go_on, heard = trio.Event(), []

    def hear(piece: str) -> None:
        heard.append(piece)
        go_on.set()

    async def serve(stream: trio.SocketStream) -> None:
        async with stream:
            while b"contents" not in await stream.receive_some():
                pass
            await stream.send_all(
                b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
            )
            for number, part in enumerate([wire(EVENTS[:1]), wire(EVENTS[1:])]):
                if number:
                    await go_on.wait()
                await stream.send_all(b"%x\r\n%s\r\n" % (len(part), part))
            await stream.send_all(b"0\r\n\r\n")

    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(trio.serve_tcp, serve, 0)
        port = listeners[0].socket.getsockname()[1]
        with trio.fail_after(10):
            async with open_client(Endpoint(f"http://localhost:{port}", KEY)) as client:
                answer = await client.models.ask(model="m", question="?", store=STORE, heard=hear)
        nursery.cancel_scope.cancel()
    assert heard == list(PARTS)
    assert answer.text == TEXT
