"""An answer as it is written, as server-sent events: its text in pieces, then the whole of it as a part of the page."""

import json
import math

import trio
from jinja2 import Environment
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from objlib.api import Library
from objlib.core.errors import ObjlibError
from objlib.core.reports.answers import AnswerListener


class _Pieces(AnswerListener):
    """The events so far, for the task that sends them."""

    def __init__(self, events: trio.MemorySendChannel[str]) -> None:
        self._events = events

    def text(self, piece: str) -> None:
        self._events.send_nowait(_event("piece", json.dumps(piece)))

    def again(self) -> None:
        self._events.send_nowait(_event("again", ""))


class AnswerEvents(Response):
    """The events ``piece`` (JSON), ``again`` (forget the pieces so far) and ``whole`` (HTML), or ``failed`` (JSON).

    A client that goes away cancels the question. A class that sends by itself, as :class:`objlib.web.live.LiveEvents`.

    Args:
        library: answers.
        templates: those of the pages.
        query: the question.
        where: the filter, or empty.
    """

    def __init__(self, library: Library, templates: Environment, query: str, where: str) -> None:
        super().__init__(media_type="text/event-stream")
        del self.headers["content-length"]
        self._library = library
        self._template = templates.get_template("_answer.html")
        self._query = query
        self._where = where

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send events until the answer is whole."""
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        ours, theirs = trio.open_memory_channel[str](math.inf)
        async with theirs, trio.open_nursery() as nursery:
            nursery.start_soon(self._answer, ours)
            async for event in theirs:
                await send({"type": "http.response.body", "body": event.encode(), "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _answer(self, events: trio.MemorySendChannel[str]) -> None:
        async with events:
            try:
                report = await self._library.ask(
                    self._query, where=self._where or None, listener=_Pieces(events)
                )
            except ObjlibError as problem:
                events.send_nowait(_event("failed", json.dumps(str(problem))))
            else:
                page = self._template.render(report=report, query=self._query)
                events.send_nowait(_event("whole", page))


def _event(name: str, data: str) -> str:
    return f"event: {name}\n" + "".join(f"data: {line}\n" for line in data.split("\n")) + "\n"
