"""A model of the user behind chat completions: what is sent, and what each wrong answer becomes."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from objlib.core.config.settings import Backend, Settings
from objlib.core.errors import UsageError
from objlib.core.reports.answers import AnswerListener, Turn
from objlib.writer import AnswerWriter, Message, WriterError, complete
from tests.support.library import LECTURES, small_library

QUESTION = [Message("user", "Why?")]
MODELS = {"data": [{"id": "tiny:1b"}, {"id": "large:70b"}]}


def said(text: str | None) -> dict[str, Any]:
    return {"choices": [{"message": {"role": "assistant", "content": text}}]}


def events(*pieces: str, end: bytes = b"data: [DONE]\n\n") -> bytes:
    """An answer in pieces, as servers send it."""
    additions = ({"choices": [{"delta": {"content": piece}, "finish_reason": None}]} for piece in pieces)
    first = b'data: {"choices": [{"delta": {"role": "assistant"}}]}\n\n'
    return first + b"".join(b"data: %s\n\n" % json.dumps(each).encode() for each in additions) + end


class ModelServer:
    """A server whose answers a test sets.

    Attributes:
        seen: (path, bearer token or other authorisation, body) of each request.
        models, completion: (status, body) of the answers.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.seen: list[tuple[str, str | None, Any]] = []
        self.models: tuple[int, object] = (200, MODELS)
        self.completion: tuple[int, object] = (200, said("Because."))

    def answer(self, path: str, authorisation: str | None, body: bytes) -> tuple[int, bytes]:
        self.seen.append((path, authorisation, json.loads(body) if body else None))
        status, value = self.models if path.endswith("/models") else self.completion
        return status, value if isinstance(value, bytes) else json.dumps(value).encode()


@pytest.fixture
def server() -> Iterator[ModelServer]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            status, answer = model_server.answer(self.path, self.headers.get("authorization"), body)
            self.send_response(status)
            if status == 302:
                self.send_header("location", "/elsewhere")
            if answer.startswith(b"data:"):
                self.send_header("content-type", "text/event-stream; charset=utf-8")
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_POST = do_GET

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        model_server = ModelServer(f"http://127.0.0.1:{http.server_address[1]}/v1")
        thread = threading.Thread(target=http.serve_forever)
        thread.start()
        yield model_server
        http.shutdown()
        thread.join()


async def test_a_question_goes_to_the_named_model_with_its_key(server: ModelServer) -> None:
    assert await complete(AnswerWriter(server.url, "large:70b", "sesame"), QUESTION) == (
        "Because.",
        "large:70b",
    )
    ((path, authorisation, body),) = server.seen
    assert (path, authorisation) == ("/v1/chat/completions", "Bearer sesame")
    assert body["messages"] == [{"role": "user", "content": "Why?"}]
    assert (body["model"], body["stream"]) == ("large:70b", False)


async def test_without_a_name_the_first_model_answers_and_no_key_is_sent(server: ModelServer) -> None:
    assert await complete(AnswerWriter(server.url + "/"), QUESTION) == ("Because.", "tiny:1b")
    assert [each[:2] for each in server.seen] == [("/v1/models", None), ("/v1/chat/completions", None)]


@pytest.mark.parametrize(
    ("completion", "message"),
    [
        ((500, b"out of\nmemory"), "answers with status 500: out of memory"),
        ((401, b""), "answers with status 401$"),
        ((302, b""), "answers with status 302"),
        ((200, b"<html>"), "does not answer as chat completions do"),
        ((200, {"choices": [{"text": "old protocol"}]}), "does not answer as chat completions do"),
        ((200, {"choices": []}), "gave an empty answer"),
        ((200, said(None)), "gave an empty answer"),
        ((200, b" " * (5 * 1024 * 1024)), "more than 4 MiB"),
    ],
    ids=["error", "refused", "redirect", "page", "protocol", "none", "empty", "large"],
)
async def test_a_wrong_answer_is_one_line(
    server: ModelServer, completion: tuple[int, object], message: str
) -> None:
    server.completion = completion
    with pytest.raises(WriterError, match=message) as error:
        await complete(AnswerWriter(server.url, "tiny:1b", "sesame"), QUESTION)
    assert "\n" not in str(error.value)
    assert "sesame" not in str(error.value)


async def test_a_model_that_is_not_there_is_named_with_those_that_are(server: ModelServer) -> None:
    server.completion = (404, b"no such model")
    with pytest.raises(UsageError, match=r"--answer-model other: .* it has tiny:1b, large:70b"):
        await complete(AnswerWriter(server.url, "other"), QUESTION)


async def test_a_server_without_a_model_and_one_that_is_not_there(server: ModelServer) -> None:
    server.models = (200, {"data": []})
    with pytest.raises(WriterError, match="has no model"):
        await complete(AnswerWriter(server.url), QUESTION)
    with pytest.raises(WriterError, match="cannot be reached; start the model's server"):
        await complete(AnswerWriter("http://127.0.0.1:9/v1"), QUESTION)


async def test_an_answer_is_written_from_the_passages_and_checked(
    server: ModelServer, tmp_path: Path
) -> None:
    server.completion = (
        200,
        said("I can wade in and pull the child out of the pond [1]. Bees sleep in 1744 [1]. So."),
    )
    async with small_library(tmp_path, LECTURES, uploaded=True, answer_url=server.url) as library:
        report = await library.ask("a child in a pond", history=[Turn("Who?", "A child.")])
        assert report.model == "tiny:1b"
        assert report.text == "I can wade in and pull the child out of the pond. Bees sleep in 1744. So."
        assert [(each.citations, each.holds) for each in report.supports] == [((0,), True), ((0,), False)]
        assert len(report.citations) == 1
        assert "a sentence is not borne out" in report.notice
        messages = server.seen[-1][2]["messages"]
        assert [each["role"] for each in messages] == ["system", "user", "assistant", "user"]
        assert report.citations[0].text in messages[-1]["content"]
        server.completion = (200, said("I do not know."))
        report = await library.ask("a child in a pond")
        assert "the model cites no passage" in report.notice
        asked = len(server.seen)
        nothing = await library.ask("a child in a pond", where='course = "None"')
        assert (nothing.text, nothing.citations) == ("", ())
        assert len(server.seen) == asked, "without a passage the model is not asked"


@pytest.mark.parametrize(
    "end", [b"data: [DONE]\n\n", b'data: {"choices": [{"delta": {}, "finish_reason": "stop"}]}\n\n']
)
async def test_an_answer_is_heard_as_it_is_written(server: ModelServer, end: bytes) -> None:
    server.completion = (200, events("Be", "cause", " it is so.", end=end))
    heard: list[str] = []
    text, _ = await complete(AnswerWriter(server.url), QUESTION, heard.append)
    assert (text, heard) == ("Because it is so.", ["Be", "cause", " it is so."])
    assert server.seen[-1][2]["stream"] is True


async def test_a_server_that_cannot_stream_answers_in_one_piece(server: ModelServer) -> None:
    heard: list[str] = []
    assert (await complete(AnswerWriter(server.url), QUESTION, heard.append))[0] == "Because."
    assert heard == []


@pytest.mark.parametrize(
    "end", [b"", b'data: {"error": {"message": "out of memory"}}\n\n', b"data: {\n\n", b": ping\n\n"]
)
async def test_an_answer_that_breaks_off_is_no_answer(server: ModelServer, end: bytes) -> None:
    server.completion = (200, events("Because it", end=end))
    with pytest.raises(WriterError, match="broke its answer off; ask again"):
        await complete(AnswerWriter(server.url), QUESTION, lambda _: None)


async def test_the_listener_hears_no_numbers_and_forgets_what_was_lost(
    server: ModelServer, tmp_path: Path
) -> None:
    class Listener(AnswerListener):
        shown = ""

        def text(self, piece: str) -> None:
            self.shown += piece

        def again(self) -> None:
            self.shown = ""

    server.completion = (
        200,
        events("A stranger may", " count to seven", " [", "1", ", 2] always [sic]", ". [1"),
    )
    listener = Listener()
    async with small_library(tmp_path, LECTURES, uploaded=True, answer_url=server.url) as library:
        report = await library.ask("how far may a stranger count", listener=listener)
        assert listener.shown == "A stranger may count to seven always [sic]."
        assert report.text.startswith("A stranger may count to seven always [sic].")
        server.completion = (200, events("A stranger", end=b""))
        with pytest.raises(WriterError):
            await library.ask("how far may a stranger count", listener=listener)
        assert listener.shown == ""


def test_the_key_is_not_shown() -> None:
    settings = Settings(Path("/l"), Path("/d"), Path("/e"), "s", Backend.EMBEDDED, answer_key="sesame")
    assert "sesame" not in repr(settings) + repr(AnswerWriter("http://x", key="sesame"))
