"""A language model of the user that writes answers: the chat completions protocol that local servers speak.

Ollama, llama.cpp, vLLM, LM Studio and others serve it, at an address such as ``http://127.0.0.1:11434/v1``
(https://platform.openai.com/docs/api-reference/chat). Only what all of them have is used: messages in, one text out,
in one piece or as server-sent events.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import httpx
import msgspec
import trio

from objlib.core.config.parsers import is_loopback
from objlib.core.errors import ObjlibError, UsageError

T = TypeVar("T")

ANSWER_SECONDS: Final = 300.0
"""Seconds for the whole answer: a model on a processor writes a few words a second."""
_CONNECT_SECONDS: Final = 10.0
_MOST_BYTES: Final = 4 * 1024 * 1024
_LISTED: Final = 8


class WriterError(ObjlibError):
    """The model did not answer, or its answer cannot be read."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation; ``role`` is ``system``, ``user`` or ``assistant``."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class AnswerWriter:
    """A served model.

    Attributes:
        url: root of the protocol, without ``/chat/completions``.
        model: its name there; empty for the first that the server lists.
        key: sent as a bearer token to this address alone; never shown.
    """

    url: str
    model: str = ""
    key: str = field(default="", repr=False)


class _Content(msgspec.Struct):
    content: str | None = None


class _Choice(msgspec.Struct):
    message: _Content


class _Completion(msgspec.Struct):
    choices: list[_Choice]


class _Addition(msgspec.Struct):
    delta: _Content = msgspec.field(default_factory=_Content)
    finish_reason: str | None = None


class _Event(msgspec.Struct):
    choices: list[_Addition]


class _Named(msgspec.Struct):
    id: str


class _Models(msgspec.Struct):
    data: list[_Named]


Heard = Callable[[str], None]
"""Gets each piece of the text as the model writes it; it returns at once and does not raise."""


class _Stream:
    """An answer that comes as events: its pieces so far, and whether it is whole."""

    def __init__(self, heard: Heard) -> None:
        self.pieces: list[str] = []
        self.whole = False
        self._heard = heard
        self._rest = b""

    def feed(self, part: bytes) -> None:
        """Take the next bytes, cut wherever the network did. An event that cannot be read leaves the answer open."""
        *lines, self._rest = (self._rest + part).split(b"\n")
        for line in (each.strip() for each in lines if each.startswith(b"data:")):
            data = line[5:].strip()
            if data == b"[DONE]":
                self.whole = True
                continue
            try:
                choices = msgspec.json.decode(data, type=_Event).choices
            except (msgspec.DecodeError, msgspec.ValidationError):
                continue
            for choice in choices[:1]:
                self.whole = self.whole or bool(choice.finish_reason)
                if choice.delta.content:
                    self.pieces.append(choice.delta.content)
                    self._heard(choice.delta.content)


async def complete(
    writer: AnswerWriter, messages: Sequence[Message], heard: Heard | None = None
) -> tuple[str, str]:
    """The text that the model goes on with after ``messages``, and the name of the model.

    With ``heard`` the model is asked to say it piece by piece; a server that cannot still answers in one.

    Raises:
        UsageError: the server has no model of this name.
        WriterError: it did not answer, or not in this protocol.
    """
    headers = {"authorization": f"Bearer {writer.key}"} if writer.key else {}
    timeout = httpx.Timeout(ANSWER_SECONDS, connect=_CONNECT_SECONDS)
    async with httpx.AsyncClient(
        headers=headers, timeout=timeout, trust_env=not is_loopback(writer.url), follow_redirects=False
    ) as http:
        model = writer.model or (await _models(http, writer))[0]
        body = {
            "model": model,
            "messages": [{"role": each.role, "content": each.content} for each in messages],
            "temperature": 0,
            "stream": heard is not None,
        }
        stream = _Stream(heard or (lambda _: None))
        answer = await _request(http, writer, "chat/completions", body, stream)
        if answer.status_code == httpx.codes.NOT_FOUND and writer.model:
            there = await _models(http, writer)
            if model not in there:
                raise UsageError(
                    f"--answer-model {model}: {writer.url} has no such model; it has {', '.join(there[:_LISTED])}"
                )
        text = _streamed(writer, stream) if _is_stream(answer) else _in_one_piece(writer, answer)
    if not text:
        raise WriterError(f"the model {model} at {writer.url} gave an empty answer; ask again")
    return text, model


def _is_stream(answer: httpx.Response) -> bool:
    return answer.status_code == httpx.codes.OK and answer.headers.get("content-type", "").startswith(
        "text/event-stream"
    )


def _streamed(writer: AnswerWriter, stream: _Stream) -> str:
    if not stream.whole:
        raise WriterError(f"{writer.url} broke its answer off; ask again")
    return "".join(stream.pieces)


def _in_one_piece(writer: AnswerWriter, answer: httpx.Response) -> str:
    texts = (choice.message.content for choice in _read(writer, answer, _Completion).choices)
    return next(filter(None, texts), "")


async def _models(http: httpx.AsyncClient, writer: AnswerWriter) -> list[str]:
    models = _read(writer, await _request(http, writer, "models"), _Models).data
    if not models:
        raise WriterError(f"{writer.url} has no model; load one there")
    return [model.id for model in models]


async def _request(
    http: httpx.AsyncClient,
    writer: AnswerWriter,
    path: str,
    body: dict[str, Any] | None = None,
    stream: _Stream | None = None,
) -> httpx.Response:
    url = f"{writer.url.rstrip('/')}/{path}"
    content = bytearray()
    try:
        # Cancelling ends the generators inside httpx where they stand; leaving the loop would leave them open.
        with trio.move_on_after(ANSWER_SECONDS) as scope:
            async with http.stream("GET" if body is None else "POST", url, json=body) as answer:
                async for piece in answer.aiter_bytes():
                    content += piece
                    if stream is not None and _is_stream(answer):
                        stream.feed(piece)
                    if len(content) > _MOST_BYTES:
                        scope.cancel(reason="the answer is too large")
            content_type = {"content-type": answer.headers.get("content-type", "")}
            return httpx.Response(answer.status_code, headers=content_type, content=bytes(content))
    except httpx.TimeoutException:
        raise _late(writer) from None
    except httpx.ConnectError:
        raise WriterError(
            f"{writer.url} cannot be reached; start the model's server, or leave --answer-url out"
        ) from None
    except httpx.HTTPError as error:
        raise WriterError(f"{writer.url}: {type(error).__name__}: {error}") from None
    if len(content) > _MOST_BYTES:
        raise WriterError(f"{writer.url} answers with more than 4 MiB; nothing of it was used")
    raise _late(writer)


def _late(writer: AnswerWriter) -> WriterError:
    return WriterError(f"{writer.url} did not answer in time; is the model loaded there?")


def _read(writer: AnswerWriter, answer: httpx.Response, kind: type[T]) -> T:
    if answer.status_code != httpx.codes.OK:
        said = " ".join(answer.text.split())[:300]
        raise WriterError(
            f"{writer.url} answers with status {answer.status_code}{f': {said}' if said else ''}"
        )
    try:
        return msgspec.json.decode(answer.content, type=kind)
    except (msgspec.DecodeError, msgspec.ValidationError):
        raise WriterError(
            f"{writer.url} does not answer as chat completions do; its address often ends with /v1"
        ) from None
