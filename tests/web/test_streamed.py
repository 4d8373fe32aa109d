"""Answers on a page while they are written."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trio

from objlib.api import Library
from objlib.core.errors import ServiceError
from objlib.core.reports.answers import AnswerListener, AnswerReport
from tests.support.library import LECTURES, small_library
from tests.support.web import open_desk

Answer = Callable[..., Any]


def events(text: str) -> list[tuple[str, str]]:
    blocks = [block.split("\n") for block in text.split("\n\n") if block]
    return [
        (
            block[0].removeprefix("event: "),
            "\n".join(line.removeprefix("data: ").removeprefix("data:") for line in block[1:]),
        )
        for block in blocks
    ]


async def test_a_streamed_answer_ends_as_the_page_shows_it(tmp_path: Path) -> None:
    async with small_library(tmp_path, LECTURES, uploaded=True) as library:
        async with open_desk(library, write=False) as desk:
            query = "q=how+far+may+a+stranger+count"
            streamed = events(await desk.get(f"/ask/stream?{query}"))
            page = await desk.get(f"/ask?{query}")
    written = "".join(json.loads(data) for name, data in streamed if name == "piece")
    assert written
    assert [name for name, _ in streamed[-2:]] == ["piece", "whole"]
    whole = re.sub(r"[\d.]+ s\b", "", streamed[-1][1])
    assert "answer-text" in whole
    assert whole.strip() in re.sub(r"[\d.]+ s\b", "", page)


async def test_what_is_not_answered_says_why_in_one_event(tmp_path: Path) -> None:
    async with small_library(tmp_path, LECTURES, uploaded=True) as library:
        async with open_desk(library, write=False) as desk:
            refused = events(await desk.get("/ask/stream?q=stranger&filter=year+%3D"))
            assert [name for name, _ in refused] == ["failed"]
            assert "--filter" in json.loads(refused[0][1])
            assert (await desk.client.get("/ask/stream?q=+")).status_code == 422
            stranger = await desk.stranger().get("/ask/stream?q=stranger")
            assert stranger.status_code == 403


async def test_a_lost_answer_begins_anew_and_an_escape_stays_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def ask(_: Library, query: str, *, listener: AnswerListener, **more: object) -> AnswerReport:
        await trio.lowlevel.checkpoint()
        listener.text("lost\n\nevent: whole\ndata: <script>")
        listener.again()
        raise ServiceError("it is\ngone")

    monkeypatch.setattr(Library, "ask", ask)
    async with small_library(tmp_path, LECTURES, uploaded=True) as library:
        async with open_desk(library, write=False) as desk:
            streamed = events(await desk.get("/ask/stream?q=stranger"))
    assert [name for name, _ in streamed] == ["piece", "again", "failed"]
    assert json.loads(streamed[0][1]).endswith("<script>")


async def test_a_page_that_goes_away_ends_its_question(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, ended = trio.Event(), trio.Event()

    async def ask(_: Library, query: str, **more: object) -> AnswerReport:
        asked.set()
        try:
            await trio.sleep_forever()
        finally:
            ended.set()

    monkeypatch.setattr(Library, "ask", ask)
    async with small_library(tmp_path, LECTURES, uploaded=True) as library:
        async with open_desk(library, write=False) as desk, trio.open_nursery() as nursery:
            nursery.start_soon(desk.client.get, "/ask/stream?q=stranger")
            await asked.wait()
            nursery.cancel_scope.cancel()
    assert ended.is_set()
