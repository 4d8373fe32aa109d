"""The Interactions API: answers with citations, streams, and what is kept of them."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.embedded import Box, open_box

TEXT = "Bees bring honey from the heather. The keeper of the lighthouse of Ölhafen is called Jörg."


def question(box: Box, **more: Any) -> dict[str, Any]:
    search = {"type": "file_search", "file_search_store_names": [box.store], "top_k": 3}
    return {
        "model": "gemini-3.5-flash",
        "input": "What is the keeper of Ölhafen called?",
        "tools": [search],
    } | more


async def test_an_answer_cites_its_files_by_bytes(tmp_path: Path) -> None:
    async with open_box(tmp_path / "s.db") as box:
        await box.new_store()
        metadata = [{"key": "place", "stringValue": "Ölhafen"}, {"key": "year", "numericValue": 1899}]
        await box.active(TEXT.encode(), "coast.txt", customMetadata=metadata)
        answer = await box.post("interactions", question(box))
        assert (answer["object"], answer["status"], answer["role"]) == ("interaction", "completed", "model")
        call, result, output = answer["steps"]
        assert [step["type"] for step in answer["steps"]] == [
            "file_search_call",
            "file_search_result",
            "model_output",
        ]
        assert call["id"] == result["call_id"]
        (content,) = output["content"]
        citation = content["annotations"][0]
        cited = content["text"].encode()[citation["start_index"] : citation["end_index"]].decode()
        assert "Jörg" in cited
        assert (citation["type"], citation["file_name"]) == ("file_citation", "coast.txt")
        assert citation["custom_metadata"] == {"place": "Ölhafen", "year": 1899}
        assert cited in citation["source"]
        assert answer["usage"]["total_tokens"] > 0
        assert await box.get(f"interactions/{answer['id']}") == answer
        await box.delete(f"interactions/{answer['id']}")
        gone = await box.client.get(f"/v1/interactions/{answer['id']}")
        assert (gone.status_code, gone.json()["error"]["status"]) == (404, "NOT_FOUND")


async def test_a_stream_carries_the_same_answer(tmp_path: Path) -> None:
    async with open_box(tmp_path / "s.db") as box:
        await box.new_store()
        await box.active(TEXT.encode(), "coast.txt")
        answer = await box.client.post("/v1/interactions", json=question(box, stream=True))
        assert answer.headers["content-type"].startswith("text/event-stream")
        events = []
        for block in answer.text.split("\r\n\r\n")[:-1]:
            name, data = block.split("\r\n")
            event = json.loads(data.removeprefix("data: "))
            assert name == f"event: {event['event_type']}"
            events.append(event)
        assert events[0]["event_type"] == "interaction.created"
        assert events[-1]["event_type"] == "interaction.completed"
        whole = await box.get(f"interactions/{events[0]['interaction']['id']}")
        deltas = [event["delta"] for event in events if event["event_type"] == "step.delta"]
        text = "".join(delta["text"] for delta in deltas if delta["type"] == "text")
        assert text == whole["steps"][-1]["content"][0]["text"]
        assert deltas[-1]["annotations"] == whole["steps"][-1]["content"][0]["annotations"]


async def test_an_interaction_that_is_not_stored_cannot_be_continued(tmp_path: Path) -> None:
    async with open_box(tmp_path / "s.db") as box:
        await box.new_store()
        await box.active(TEXT.encode())
        steps = [
            {"type": "user_input", "content": [{"type": "text", "text": "What do bees bring?"}]},
            {"type": "model_output", "content": [{"type": "text", "text": "Honey."}]},
            {"type": "user_input", "content": [{"type": "text", "text": "Who keeps the lighthouse?"}]},
        ]
        first = await box.post("interactions", question(box, input=steps))
        assert "Jörg" in first["steps"][-1]["content"][0]["text"]
        second = await box.post(
            "interactions", question(box, previous_interaction_id=first["id"], store=False)
        )
        assert second["previous_interaction_id"] == first["id"]
        body = question(box, previous_interaction_id=second["id"])
        assert (await box.client.post("/v1/interactions", json=body)).status_code == 404


async def test_the_newest_interactions_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("objlib.embedded.api.interactions.KEPT", 2)
    async with open_box(tmp_path / "s.db") as box:
        body = {"model": "gemini-x", "input": "Who?"}
        names = [(await box.post("interactions", body))["id"] for _ in range(3)]
        kept = [(await box.client.get(f"/v1/interactions/{name}")).status_code for name in names]
        assert kept == [404, 200, 200]


@pytest.mark.parametrize(
    "change",
    [
        {"model": None},
        {"model": "palm"},
        {"input": ""},
        {"input": 5},
        {"input": [[[]]]},
        {"input": [{"type": "image"}]},
        {"inputs": "x"},
        {"stream": "yes"},
        {"background": True},
        {"agent": "deep-research"},
        {"tools": [5]},
        {"tools": [{"type": "file_search", "top_k": True}]},
        {"tools": [{"type": "file_search", "top_k": 2**40}]},
        {"tools": [{"type": "file_search", "fileSearchStoreNames": []}]},
        {"tools": [{"type": "file_search", "file_search_store_names": [5]}]},
        {"tools": [{"type": "file_search", "file_search_store_names": ["fileSearchStores/none"]}]},
        {"tools": [{"type": "file_search", "file_search_store_names": []}]},
        {"previous_interaction_id": "none"},
    ],
    ids=str,
)
async def test_a_malformed_request_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    async with open_box(tmp_path / "s.db") as box:
        await box.new_store()
        answer = await box.client.post("/v1beta/interactions", json=question(box) | change)
        assert 400 <= answer.status_code < 500
        assert answer.json()["error"]["code"] == answer.status_code
