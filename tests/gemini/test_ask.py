"""Questions and the citations in their answers."""

from typing import Any

import pytest

from objlib.gemini import Answer, ErrorKind, GeminiError, Passage
from tests.support.gemini import STORE, Reply, refusal, scripted

TEXT = "Göttliches 🌱 Maß. Zweiter Satz."


def generated(**candidate: Any) -> Reply:
    return Reply(
        content={"candidates": [candidate], "modelVersion": "gemini-3.5-flash-001", "usageMetadata": {}}
    )


async def ask(answer: Reply) -> Answer:
    async with scripted(answer) as (client, _):
        return await client.models.ask(model="gemini-3.5-flash", question="?", store=STORE)


async def test_the_question_goes_with_store_filter_and_instruction() -> None:
    async with scripted(Reply(content={}), Reply(content={})) as (client, service):
        await client.models.ask(
            model="models/gemini-3.5-flash",
            question="Was ist gut?",
            store=STORE,
            metadata_filter='author = "Ada"',
            top_k=7,
            system="Answer from the files.",
        )
        await client.models.ask(model="gemini-3.5-flash", question="?", store=STORE)
    full, bare = service.seen
    assert full.path == bare.path == "/v1beta/models/gemini-3.5-flash:generateContent"
    assert full.json == {
        "contents": [{"role": "user", "parts": [{"text": "Was ist gut?"}]}],
        "tools": [
            {"fileSearch": {"fileSearchStoreNames": [STORE], "topK": 7, "metadataFilter": 'author = "Ada"'}}
        ],
        "systemInstruction": {"parts": [{"text": "Answer from the files."}]},
    }
    assert bare.json["tools"] == [{"fileSearch": {"fileSearchStoreNames": [STORE]}}]
    assert "systemInstruction" not in bare.json


async def test_the_turns_before_go_with_a_question() -> None:
    async with scripted(Reply(content={})) as (client, service):
        await client.models.ask(
            model="m", question="And?", store=STORE, history=[("Who?", "Ada."), ("Why?", "So.")]
        )
    contents = service.seen[0].json["contents"]
    assert [(each["role"], each["parts"][0]["text"]) for each in contents] == [
        ("user", "Who?"), ("model", "Ada."), ("user", "Why?"), ("model", "So."), ("user", "And?"),
    ]  # fmt: skip


async def test_supports_are_characters_of_the_text_and_lead_to_passages() -> None:
    stop = len("Göttliches 🌱 Maß.".encode())
    answer = await ask(
        generated(
            content={"role": "model", "parts": [{"text": "hm", "thought": True}, {"text": TEXT}]},
            finishReason="STOP",
            groundingMetadata={
                "groundingChunks": [
                    {"web": {"uri": "https://example.org"}},
                    {
                        "retrievedContext": {
                            "title": "Ethics",
                            "text": "chunk",
                            "fileSearchStore": STORE,
                            "pageNumber": 2,
                            "customMetadata": [{"key": "objlib_id", "stringValue": "f1"}],
                        }
                    },
                    {"retrievedContext": {"title": "Other", "text": "more", "uri": "https://example.org/d"}},
                ],
                "groundingSupports": [
                    {"segment": {"partIndex": 1, "endIndex": stop}, "groundingChunkIndices": [1, 2, 2, 0, 9]},
                    {
                        "segment": {
                            "partIndex": 1,
                            "startIndex": stop + 1,
                            "endIndex": stop + 15,
                            "text": "Zweiter Satz.",
                        },
                        "groundingChunkIndices": [2],
                    },
                    {"segment": {"partIndex": 1, "endIndex": 4}, "groundingChunkIndices": [0]},
                    {"groundingChunkIndices": [1]},
                ],
            },
        )
    )
    assert answer.text == TEXT
    assert answer.passages == [
        Passage("Ethics", "chunk", store=STORE, page=2, metadata={"objlib_id": "f1"}),
        Passage("Other", "more"),
    ]
    assert [(TEXT[start:end], cited) for start, end, cited in answer.supports] == [
        ("Göttliches 🌱 Maß.", (0, 1)),
        ("Zweiter Satz.", (1,)),
    ]
    assert (answer.model_version, answer.blocked) == ("gemini-3.5-flash-001", None)


async def test_an_answer_without_grounding_has_no_passages() -> None:
    answer = await ask(generated(content={"parts": [{"text": "I "}, {"text": "know."}]}, finishReason="STOP"))
    assert answer == Answer("I know.", [], [], model_version="gemini-3.5-flash-001")


async def test_grounding_without_a_passage_gives_none() -> None:
    answer = await ask(generated(content={"parts": [{"text": "No."}]}, groundingMetadata={}))
    assert (answer.text, answer.passages) == ("No.", [])


@pytest.mark.parametrize(
    ("answer", "blocked"),
    [
        (Reply(content={"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}}), "PROHIBITED_CONTENT"),
        (generated(finishReason="SAFETY"), "SAFETY"),
        (generated(finishReason="RECITATION", content={"parts": [{"text": "half"}]}), None),
        (generated(finishReason="MAX_TOKENS"), None),
        (Reply(content={}), None),
        (Reply(), None),
    ],
)
async def test_a_blocked_question_says_why(answer: Reply, blocked: str | None) -> None:
    assert (await ask(answer)).blocked == blocked


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (refusal(400, "Invalid metadata filter", "INVALID_ARGUMENT"), ErrorKind.PERMANENT),
        (refusal(404, "models/x is not found"), ErrorKind.NOT_FOUND),
        (refusal(503, "The model is overloaded."), ErrorKind.TRANSIENT),
        (ConnectionResetError(), ErrorKind.TRANSIENT),
        (Reply(content=b"[1"), ErrorKind.TRANSIENT),
        (Reply(content={"candidates": "none"}), ErrorKind.TRANSIENT),
    ],
)
async def test_a_question_without_an_answer_may_be_asked_again(answer: Reply, kind: ErrorKind) -> None:
    with pytest.raises(GeminiError) as caught:
        await ask(answer)
    assert caught.value.kind is kind
