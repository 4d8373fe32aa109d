"""``--strict``: requests and answers against the discovery document, field by field."""

from pathlib import Path
from typing import Any

import pytest

from objlib.embedded import Options
from objlib.embedded.api.strict import strict
from objlib.embedded.wire.api_table import find_method, problems
from tests.embedded.server.kit import error
from tests.support.embedded import V, open_box, start_headers

QUESTION = {"contents": [{"role": "user", "parts": [{"text": "Who keeps bees?"}]}]}
MODEL = f"{V}/models/gemini-3.5-flash"


async def test_every_answer_of_a_usual_session_fits(tmp_path: Path) -> None:
    async with open_box(tmp_path / "s.db", options=Options(strict=True)) as box:
        await box.new_store("bees")
        name = await box.active(
            b"The blacksmith keeps bees.",
            customMetadata=[{"key": "year", "numericValue": 1843}, {"key": "a", "stringValue": "b"}],
        )
        assert (await box.get(name))["displayName"] == "note.txt"
        assert await box.all_pages(f"{box.store}/documents", "documents")
        assert (await box.ask("Who keeps bees?"))["groundingMetadata"]["groundingChunks"]
        body = QUESTION | {"tools": [{"fileSearch": {"fileSearchStoreNames": [box.store]}}]}
        for form in ("", "?alt=sse"):
            streamed = await box.client.post(f"{MODEL}:streamGenerateContent{form}", json=body)
            assert streamed.status_code == 200, streamed.text
            assert "bees" in streamed.text
        for path in ("models", "files", "fileSearchStores", box.store):
            await box.get(path)
        refused = await box.client.get(f"{V}/{box.store}/documents/none-1")
        assert refused.status_code == 404, "an error has its own shape"
        await box.delete(name, force="true")
        await box.delete(box.store, force="true")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (QUESTION | {"labels": {"a": "b"}}, "labels"),
        (QUESTION | {"generation_config": {"audioTimestamp": True}}, "audioTimestamp"),
        ({"contents": [{"parts": [{"text": "x", "media_processing": {}}]}]}, "mediaProcessing"),
        (QUESTION | {"safetySettings": [{"category": "HARM_CATEGORY_OF_OURS"}]}, "category"),
    ],
    ids=["top", "inner", "in a list", "a value"],
)
async def test_what_clients_know_beyond_the_document_is_refused_where_asked(
    tmp_path: Path, body: dict[str, Any], field: str
) -> None:
    for asked in (False, True):
        async with open_box(tmp_path / f"{asked}.db", options=Options(strict=asked)) as box:
            answer = await box.client.post(f"{MODEL}:generateContent", json=body)
        if asked:
            assert answer.status_code == 400
            assert field in error(answer.content)["message"]
        else:
            assert field not in answer.text


async def test_an_unknown_name_in_a_query_is_refused(tmp_path: Path) -> None:
    async with open_box(tmp_path / "s.db", options=Options(strict=True)) as box:
        answer = await box.client.get(f"{V}/fileSearchStores?page_size=3&$alt=json")
        assert (answer.status_code, "page_size" in error(answer.content)["message"]) == (400, True)
        assert (await box.client.get(f"{V}/fileSearchStores?pageSize=3&$alt=json")).status_code == 200


async def test_a_document_that_is_json_is_not_read_as_a_request(tmp_path: Path) -> None:
    async with open_box(tmp_path / "s.db", options=Options(strict=True)) as box:
        await box.new_store()
        path = f"/upload{V}/{box.store}:uploadToFileSearchStore"
        headers = {"X-Goog-Upload-Protocol": "raw", "Content-Type": "application/json"}
        answer = await box.client.post(path, content=b'{"no field": "of ours"}', headers=headers)
        assert answer.status_code == 200, answer.text
        wrong = await box.client.post(path, json={"display": "x"}, headers=start_headers(3))
        assert wrong.status_code == 400


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (b'{"name": "fileSearchStores/a", "colour": "red"}', "colour"),
        (b'{"activeDocumentsCount": 3}', "activeDocumentsCount: 3 is no int64"),
        (b'{"createTime": "yesterday"}', "createTime"),
        (b"[]", "no object"),
    ],
)
async def test_an_answer_that_does_not_fit_is_an_error_of_ours(answer: bytes, problem: str) -> None:
    sent: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "GET",
        "path": f"{V}/fileSearchStores/a",
        "query_string": b"",
        "headers": [],
    }
    await strict(app)(scope, receive, send)
    assert sent[0]["status"] == 500
    assert problem in error(sent[1]["body"])["message"]


def test_a_path_leads_to_its_method() -> None:
    method = find_method("POST", "upload/fileSearchStores/a:uploadToFileSearchStore")
    assert method is not None
    assert (method.id, method.request) == ("media.uploadToFileSearchStore", "UploadToFileSearchStoreRequest")
    assert find_method("GET", "interactions/a") is None
    assert list(problems({"anything": 1}, "NoSuchMessage", answer=True)) == []
