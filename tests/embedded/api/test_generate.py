"""Asking: requests in both spellings, grounding in UTF-8 bytes, streams."""

import json
from pathlib import Path
from typing import Any

import pytest
import trio

from objlib.embedded import Options, worker
from objlib.embedded.api.generate import QUIET_SECONDS, in_events
from objlib.embedded.text.extracted import Extracted
from tests.support.embedded import Box, V, ok, open_box, refused

LIGHTHOUSE = "# Ölhafen\n\nDer Wärter des Leuchtturms von Ölhafen heißt Jörg. Er mag Flöten.\n"


async def filled(box: Box) -> None:
    await box.active(
        LIGHTHOUSE.encode(),
        "a.md",
        mime_type="text/markdown",
        customMetadata=[{"key": "author", "stringValue": "Ada"}],
    )
    await box.active(
        b"The blacksmith of the village keeps bees.",
        "b.txt",
        customMetadata=[{"key": "author", "stringValue": "Bob"}, {"key": "year", "numericValue": 1843}],
    )


async def test_grounding_points_at_bytes_of_the_answer(tmp_path: Path) -> None:
    async with open_box(tmp_path / "s.db") as box:
        await filled(box)
        candidate = await box.ask("Wie heißt der Wärter des Leuchtturms Ölhafen?")
        assert candidate["finishReason"] == "STOP"
        assert candidate["content"]["role"] == "model"
        text = candidate["content"]["parts"][0]["text"].encode()
        grounding = candidate["groundingMetadata"]
        chunk = grounding["groundingChunks"][0]["retrievedContext"]
        assert chunk["title"] == "a.md"
        assert chunk["fileSearchStore"] == box.store
        assert chunk["customMetadata"] == [{"key": "author", "stringValue": "Ada"}]
        assert "Jörg" in chunk["text"]
        assert "pageNumber" not in chunk
        assert grounding["groundingSupports"]
        for support in grounding["groundingSupports"]:
            segment = support["segment"]
            assert segment.get("startIndex") != 0  # zero is left out
            start, stop = segment.get("startIndex", 0), segment["endIndex"]
            assert text[start:stop].decode() == segment["text"]
            assert all(0 <= n < len(grounding["groundingChunks"]) for n in support["groundingChunkIndices"])


async def test_filter_and_top_k_limit_the_passages(tmp_path: Path) -> None:
    async with open_box(tmp_path / "s.db") as box:
        await filled(box)
        question = "village blacksmith Ölhafen Leuchtturm"
        assert sorted(await box.titles(question)) == ["a.md", "b.txt"]
        assert await box.titles(question, metadataFilter='author = "Ada"') == ["a.md"]
        assert await box.titles(question, metadata_filter="year > 1800") == ["b.txt"]
        assert len(await box.titles(question, topK=1)) == 1
        assert len(await box.titles(question, top_k="1")) == 1
        assert len(await box.titles(question, topK=1.0)) == 1
        assert await box.titles(question, metadataFilter='author = "Nobody"') == []


async def test_nothing_found_has_no_supports(tmp_path: Path) -> None:
    async with open_box(tmp_path / "s.db") as box:
        candidate = await box.ask("quantum chromodynamics")
        assert candidate["groundingMetadata"] == {}
        assert candidate["content"]["parts"][0]["text"]


async def test_a_request_in_the_spelling_of_the_sdk_is_understood(tmp_path: Path) -> None:
    async with open_box(tmp_path / "s.db") as box:
        await filled(box)
        body = {
            "contents": [
                {"parts": [{"text": "ignored"}], "role": "user"},
                {"parts": [{"text": "as is this"}], "role": "model"},
                {"parts": [{"text": "who keeps"}, {"text": "bees?"}], "role": "user"},
            ],
            "systemInstruction": {"parts": [{"text": "answer from files"}], "role": "user"},
            "tools": [
                {"functionDeclarations": []},
                {
                    "fileSearch": {
                        "file_search_store_names": [box.store],
                        "top_k": 7,
                        "metadata_filter": 'author = "Bob"',
                    }
                },
            ],
            "generationConfig": {"temperature": 0.0},
        }
        answer = await box.post("models/gemini-2.5-flash:generateContent", body)
        assert answer["modelVersion"] == "objlib-extractive"
        assert answer["responseId"]
        usage = answer["usageMetadata"]
        assert usage["totalTokenCount"] == sum(usage.values()) - usage["totalTokenCount"]
        (candidate,) = answer["candidates"]
        chunks = candidate["groundingMetadata"]["groundingChunks"]
        assert [chunk["retrievedContext"]["title"] for chunk in chunks] == ["b.txt"]
        assert "bees" in candidate["content"]["parts"][0]["text"]


@pytest.mark.parametrize(
    ("last", "best"), [("And why?", "b.txt"), ("", "b.txt"), ("Who plays a flute in Ölhafen?", "a.md")]
)
async def test_a_question_without_words_of_its_own_leans_on_the_one_before(
    tmp_path: Path, last: str, best: str
) -> None:
    async with open_box(tmp_path / "s.db") as box:
        await filled(box)
        texts = [text for text in ("Who keeps bees in the village?", "The blacksmith.", last) if text]
        roles = ("user", "model", "user")
        body = {
            "contents": [
                {"role": role, "parts": [{"text": text}]} for role, text in zip(roles, texts, strict=False)
            ],
            "tools": [{"fileSearch": {"fileSearchStoreNames": [box.store]}}],
        }
        answer = await box.post("models/gemini-3.5-flash:generateContent", body)
        chunks = answer["candidates"][0]["groundingMetadata"]["groundingChunks"]
        assert chunks[0]["retrievedContext"]["title"] == best


async def test_several_stores_and_two_tools(tmp_path: Path) -> None:
    async with open_box(tmp_path / "s.db") as box:
        first = box.store
        await box.active(b"bees in the garden", "one.txt")
        second = await box.new_store()
        await box.active(b"bees in the forest", "two.txt")
        both = {"fileSearchStoreNames": [first, second, first]}
        candidate = await box.ask("bees", **both)
        where = {
            chunk["retrievedContext"]["title"]: chunk["retrievedContext"]["fileSearchStore"]
            for chunk in candidate["groundingMetadata"]["groundingChunks"]
        }
        assert where == {"one.txt": first, "two.txt": second}
        tools = [
            {"fileSearch": {"fileSearchStoreNames": [name], "metadataFilter": "NOT a = 1"}}
            for name in (first, second)
        ]
        body = {"contents": [{"parts": [{"text": "bees"}]}], "tools": tools}
        (candidate,) = (await box.post("models/gemini-m:generateContent", body))["candidates"]
        assert len(candidate["groundingMetadata"]["groundingChunks"]) == 2


def asked(**search: Any) -> dict[str, Any]:
    return {"contents": [{"parts": [{"text": "q"}]}], "tools": [{"fileSearch": search}]}


NOWHERE = {"fileSearchStoreNames": ["fileSearchStores/nope"]}


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        ({}, 400, "contents is not specified"),
        ({"contents": [{"parts": []}]}, 400, "contents is not specified"),
        ({"contents": ["text"]}, 400, "object"),
        ({"contents": {"parts": []}}, 400, "list"),
        ({"contents": [{"role": "model", "parts": [{"text": "t"}]}]}, 400, "contents is not specified"),
        (asked(), 400, "at least 1 and at most 5 stores"),
        (asked(fileSearchStoreNames=[f"fileSearchStores/s{n}" for n in range(6)]), 400, "at most 5 stores"),
        (asked(**NOWHERE, topK=-1), 400, "top_k"),
        (asked(**NOWHERE, topK="few"), 400, "TYPE_INT32"),
        (asked(**NOWHERE, topK=True), 400, "TYPE_INT32"),
        (asked(**NOWHERE), 404, "was not found"),
    ],
)
async def test_a_malformed_question_is_refused(tmp_path: Path, body: Any, code: int, message: str) -> None:
    async with open_box(tmp_path / "s.db") as box:
        answer = await box.client.post(f"{V}/models/gemini-m:generateContent", json=body)
        refused(answer, code, "NOT_FOUND" if code == 404 else "INVALID_ARGUMENT", message)


@pytest.mark.parametrize("where", ["author =", 'author = "Ada', "((", "= 3"])
async def test_a_malformed_filter_is_refused(tmp_path: Path, where: str) -> None:
    async with open_box(tmp_path / "s.db") as box:
        body = asked(fileSearchStoreNames=[box.store], metadataFilter=where)
        answer = await box.client.post(f"{V}/models/gemini-m:generateContent", json=body)
        refused(answer, 400, "INVALID_ARGUMENT", "metadata")


async def test_without_the_tool_nothing_is_searched(tmp_path: Path) -> None:
    async with open_box(tmp_path / "s.db") as box:
        body = {"contents": [{"parts": [{"text": "hello"}]}]}
        (candidate,) = (await box.post("models/gemma-3:generateContent", body))["candidates"]
        assert "groundingMetadata" not in candidate
        assert "fileSearch" in candidate["content"]["parts"][0]["text"]


async def test_a_passage_of_a_pdf_has_its_page_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages = Extracted(text="bees on page one\n\nwasps on page two", page_starts=(0, 18))
    monkeypatch.setattr(worker, "extract", lambda _data, **_rest: pages)
    async with open_box(tmp_path / "s.db") as box:
        await box.active(b"%PDF", "c.pdf", mime_type="application/pdf")
        chunks = (await box.ask("wasps"))["groundingMetadata"]["groundingChunks"]
        assert chunks[0]["retrievedContext"]["pageNumber"] in {1, 2}


async def test_a_document_is_searchable_some_time_after_active(tmp_path: Path) -> None:
    async with open_box(tmp_path / "s.db", options=Options(searchable_seconds=10)) as box:
        for number in range(4):
            await box.active(b"bees and honey", f"{number}.txt")
            await trio.sleep(6)
        assert sorted(await box.titles("bees", topK=1)) == ["0.txt"]
        assert sorted(await box.titles("bees", topK=9)) == ["0.txt", "1.txt", "2.txt"]
        await box.active(b"bees and wasps", "best.txt")
        assert await box.titles("bees and wasps", topK=1) != ["best.txt"]  # it is not there yet
        await trio.sleep(10)
        assert len(await box.titles("bees")) == 5
        assert await box.titles("bees and wasps", topK=1) == ["best.txt"]


async def test_a_search_makes_missing_vectors_and_keeps_them(tmp_path: Path) -> None:
    async with open_box(tmp_path / "s.db") as box:
        for number in range(3):
            await box.active(f"bees and honey {number}".encode(), f"{number}.txt")
        assert (await box.service.vectors()).done == 0
        await box.titles("honey of bees")
        assert (await box.service.vectors()).done == 0  # more documents may come: the search does not wait
        await trio.sleep(QUIET_SECONDS)
        await box.titles("honey of bees")
        assert (await box.service.vectors()).done == 3


async def stream(box: Box, query: str) -> Any:
    return await box.client.post(
        f"{V}/models/gemini-m:streamGenerateContent{query}",
        json={
            "contents": [{"parts": [{"text": "bees honey flowers"}]}],
            "tools": [{"file_search": {"file_search_store_names": [box.store]}}],
        },
    )


async def test_a_stream_adds_up_to_the_whole(tmp_path: Path) -> None:
    async with open_box(tmp_path / "s.db") as box:
        for number in range(5):
            tale = "as every keeper of bees in this wide and sunny valley between the old mountains knows"
            text = f"Bees bring honey number {number} from the flowers of garden {number * 7}, {tale}."
            await box.active(text.encode(), f"{number}.txt")
        answer = await stream(box, "?alt=sse")
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = answer.text.split("\r\n\r\n")
        assert lines.pop() == ""
        assert all(line.startswith("data: ") for line in lines)
        events = [json.loads(line.removeprefix("data: ")) for line in lines]
        assert len(events) > 1
        array = ok(await stream(box, ""))
        assert len(array) == len(events)
        for shown in (events, array):
            candidates = [event["candidates"][0] for event in shown]
            text = "".join(candidate["content"]["parts"][0]["text"] for candidate in candidates)
            assert [("finishReason" in c, "groundingMetadata" in c) for c in candidates[:-1]] == [
                (False, False)
            ] * (len(candidates) - 1)
            assert candidates[-1]["finishReason"] == "STOP"
            for support in candidates[-1]["groundingMetadata"]["groundingSupports"]:
                segment = support["segment"]
                piece = text.encode()[segment.get("startIndex", 0) : segment["endIndex"]]
                assert piece.decode() == segment["text"]
            assert len({event["responseId"] for event in shown}) == 1


async def test_an_error_in_a_stream_is_an_error(tmp_path: Path) -> None:
    async with open_box(tmp_path / "s.db") as box:
        box.store = "fileSearchStores/nope"
        refused(await stream(box, "?alt=sse"), 404, "NOT_FOUND")


@pytest.mark.parametrize("text", ["", "x", "word " * 100, "x" * 1000])
def test_events_hold_the_whole_text(text: str) -> None:
    whole = {
        "candidates": [{"content": {"parts": [{"text": text}]}, "finishReason": "STOP"}],
        "usageMetadata": {},
        "modelVersion": "m",
        "responseId": "r",
    }
    events = in_events(whole)
    assert "".join(event["candidates"][0]["content"]["parts"][0]["text"] for event in events) == text
    assert [("usageMetadata" in event) for event in events] == [False] * (len(events) - 1) + [True]


async def test_tokens_are_estimated(tmp_path: Path) -> None:
    async with open_box(tmp_path / "s.db") as box:
        body = {"contents": [{"parts": [{"text": "twelve chars"}]}]}
        assert await box.post("models/gemini-m:countTokens", body) == {"totalTokens": 3}


async def test_models_have_descriptions_and_methods(tmp_path: Path) -> None:
    async with open_box(tmp_path / "s.db") as box:
        models = (await box.get("models"))["models"]
        for model in models:
            assert await box.get(model["name"]) == model
        assert "generateContent" in (await box.get("models/gemini-3.5-flash"))["supportedGenerationMethods"]
        assert "embedContent" in (await box.get("models/gemini-embedding-001"))["supportedGenerationMethods"]


async def test_a_request_for_one_token_gets_the_passages_without_an_answer(tmp_path: Path) -> None:
    async with open_box(tmp_path / "s.db") as box:
        await filled(box)
        body: dict[str, Any] = {
            "contents": [{"parts": [{"text": "What does the blacksmith of the village keep?"}]}],
            "tools": [{"fileSearch": {"fileSearchStoreNames": [box.store]}}],
        }
        bare_body = body | {"generationConfig": {"maxOutputTokens": 1}}
        full, bare = [
            ok(await box.client.post("/v1/models/gemini-3.5-flash:generateContent", json=each))["candidates"][
                0
            ]
            for each in (body, bare_body)
        ]
    assert full["content"]["parts"][0]["text"]
    assert bare["content"]["parts"] == [{"text": ""}]
    assert bare["groundingMetadata"]["groundingChunks"] == full["groundingMetadata"]["groundingChunks"]
    supports = bare["groundingMetadata"]["groundingSupports"]
    assert all(set(each) == {"groundingChunkIndices", "confidenceScores"} for each in supports)  # of no text
