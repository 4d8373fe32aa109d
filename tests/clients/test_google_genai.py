"""google-genai over its whole File Search surface, sync and async."""

import asyncio
import io
import time
from pathlib import Path
from typing import Any

import pytest

from objlib.testing.pytest import Twin
from tests.clients.conftest import HONEY, QUESTION, client_package
from tests.support.formats.pictures import png

pytestmark = pytest.mark.filterwarnings("ignore")
genai = client_package("google.genai")

CHUNKING = {"white_space_config": {"max_tokens_per_chunk": 30, "max_overlap_tokens": 5}}
METADATA = [
    {"key": "author", "string_value": "Ada"},
    {"key": "year", "numeric_value": 1843},
    {"key": "tags", "string_list_value": {"values": ["a", "b"]}},
]

LINES = "Bees bring honey. The keeper of the lighthouse of Ölhafen is called Jörg.\n"


def client(twin: Twin) -> Any:
    return genai.Client(api_key="any", http_options=genai.types.HttpOptions(base_url=twin.url))


def asking(store: str, **more: Any) -> Any:
    search = genai.types.FileSearch(file_search_store_names=[store], **more)
    return genai.types.GenerateContentConfig(tools=[genai.types.Tool(file_search=search)])


def finished(ask: Any, operation: Any) -> Any:
    while not operation.done:
        time.sleep(0.01)  # real time: the client has no other way to wait
        operation = ask.operations.get(operation)
    return operation


def test_stores_files_documents_and_operations(twin: Twin, document: Path) -> None:
    with client(twin) as ask:
        stores = ask.file_search_stores
        store = stores.create(config={"display_name": "bees", "embedding_model": "models/gemini-embedding-2"})
        assert stores.get(name=store.name).embedding_model == "models/gemini-embedding-2"
        assert [each.name for each in stores.list(config={"page_size": 1})] == [store.name]
        sent = stores.upload_to_file_search_store(
            file=str(document),
            file_search_store_name=store.name,
            config={"display_name": "Bees", "custom_metadata": METADATA, "chunking_config": CHUNKING},
        )
        uploaded = stores.documents.get(name=finished(ask, sent).response.document_name)
        assert (uploaded.display_name, uploaded.state.value) == ("Bees", "STATE_ACTIVE")
        assert {each.key for each in uploaded.custom_metadata} == {"author", "year", "tags"}
        file = ask.files.upload(file=str(document), config={"display_name": "a file"})
        assert ask.files.get(name=file.name).display_name == "a file"
        assert [each.name for each in ask.files.list()] == [file.name]
        config = {"custom_metadata": METADATA[:1], "chunking_config": CHUNKING}
        imported = stores.import_file(file_search_store_name=store.name, file_name=file.name, config=config)
        finished(ask, imported)
        names = [each.name for each in stores.documents.list(parent=store.name, config={"page_size": 1})]
        assert len(names) == 2
        with pytest.raises(genai.errors.ClientError) as refused:
            stores.delete(name=store.name)
        assert refused.value.status == "FAILED_PRECONDITION"
        stores.documents.delete(name=names[0], config={"force": True})
        stores.delete(name=store.name, config={"force": True})
        with pytest.raises(genai.errors.ClientError) as missing:
            stores.get(name=store.name)
        assert missing.value.code == 404
        with pytest.raises(genai.errors.ClientError):  # as in the service: only generated files can be
            ask.files.download(file=file.name)
        ask.files.delete(name=file.name)


def test_questions_streams_interactions_and_embeddings(twin: Twin, document: Path) -> None:
    with client(twin) as ask:
        store = ask.file_search_stores.create()
        sent = ask.file_search_stores.upload_to_file_search_store(
            file=str(document), file_search_store_name=store.name, config={"custom_metadata": METADATA}
        )
        finished(ask, sent)
        model = "gemini-3.5-flash"
        config = asking(store.name, top_k=3, metadata_filter='author = "Ada" AND year < 1900')
        answer = ask.models.generate_content(model=model, contents=QUESTION, config=config)
        assert "honey" in answer.text
        context = answer.candidates[0].grounding_metadata.grounding_chunks[0].retrieved_context
        assert (context.file_search_store, context.text[:10]) == (store.name, HONEY[:10])
        assert {each.key for each in context.custom_metadata} == {"author", "year", "tags"}
        events = ask.models.generate_content_stream(model=model, contents=QUESTION, config=asking(store.name))
        assert "".join(event.text or "" for event in events) == answer.text
        none = asking(store.name, metadata_filter='author = "Eve"')
        assert (
            not ask.models.generate_content(model=model, contents=QUESTION, config=none)
            .candidates[0]
            .grounding_metadata.grounding_chunks
        )
        tool = {"type": "file_search", "file_search_store_names": [store.name]}
        made = ask.interactions.create(model=model, input=QUESTION, tools=[tool])
        assert made.output_text == answer.text
        assert ask.interactions.get(made.id).status == "completed"
        kinds = [
            e.event_type
            for e in ask.interactions.create(model=model, input="bees", tools=[tool], stream=True)
        ]
        assert (kinds[0], kinds[-1]) == ("interaction.created", "interaction.completed")
        ask.interactions.delete(made.id)
        vectors = ask.models.embed_content(
            model="gemini-embedding-001", contents=["bees", "hives"], config={"output_dimensionality": 768}
        )
        assert [len(each.values) for each in vectors.embeddings] == [768, 768]
        assert ask.models.count_tokens(model=model, contents="bees").total_tokens >= 1
        assert next(iter(ask.models.list())).name.startswith("models/")


def test_async(twin: Twin, document: Path) -> None:
    async def main() -> None:
        ask = client(twin).aio
        store = await ask.file_search_stores.create(config={"display_name": "bees"})
        sent = await ask.file_search_stores.upload_to_file_search_store(
            file=str(document), file_search_store_name=store.name, config={"chunking_config": CHUNKING}
        )
        file = await ask.files.upload(file=str(document))
        imported = await ask.file_search_stores.import_file(
            file_search_store_name=store.name, file_name=file.name
        )
        for operation in (sent, imported):
            waited = operation
            while not waited.done:
                await asyncio.sleep(0.01)
                waited = await ask.operations.get(waited)
        pages = await ask.file_search_stores.documents.list(parent=store.name, config={"page_size": 1})
        assert len([each async for each in pages]) == 2
        config = asking(store.name)
        answer = await ask.models.generate_content(model="gemini-3.5-flash", contents=QUESTION, config=config)
        assert "honey" in answer.text
        stream = await ask.models.generate_content_stream(
            model="gemini-3.5-flash", contents=QUESTION, config=config
        )
        assert "".join([event.text or "" async for event in stream]) == answer.text
        await ask.file_search_stores.delete(name=store.name, config={"force": True})
        await ask.aclose()

    asyncio.run(main())


def test_a_citation_of_a_picture_and_its_bytes(twin: Twin, tmp_path: Path) -> None:
    picture = tmp_path / "hive.png"
    picture.write_bytes(png(Title="A hive between the harbour and the hills"))
    with client(twin) as ask:
        stores = ask.file_search_stores
        store = stores.create(config={"embedding_model": "models/gemini-embedding-2"})
        sent = stores.upload_to_file_search_store(file=str(picture), file_search_store_name=store.name)
        finished(ask, sent)
        config = asking(store.name)
        answer = ask.models.generate_content(model="gemini-3.5-flash", contents="a hive", config=config)
        context = answer.candidates[0].grounding_metadata.grounding_chunks[0].retrieved_context
        assert stores.download_media(media_id=context.media_id) == picture.read_bytes()


def test_a_field_that_the_schema_does_not_have_is_refused(twin: Twin) -> None:
    with client(twin) as ask:
        options = {"extra_body": {"colour": "blue"}}
        with pytest.raises(genai.errors.ClientError, match="colour"):
            ask.file_search_stores.create(config={"http_options": options})


def test_from_the_first_store_to_the_last_delete(twin: Twin, tmp_path: Path) -> None:
    ask = client(twin)
    stores = ask.file_search_stores
    store = stores.create(config={"display_name": "probe store"})
    assert store.name.startswith("fileSearchStores/probe-store-")
    assert stores.get(name=store.name).display_name == "probe store"
    path = tmp_path / "hello.txt"
    path.write_text(LINES, encoding="utf-8")
    operation = stores.upload_to_file_search_store(
        file_search_store_name=store.name,
        file=str(path),
        config={
            "display_name": "hello Ω",
            "custom_metadata": [
                {"key": "author", "string_value": "Ada"},
                {"key": "year", "numeric_value": 1843},
                {"key": "tags", "string_list_value": {"values": ["a", "b"]}},
            ],
            "chunking_config": {
                "white_space_config": {"max_tokens_per_chunk": 200, "max_overlap_tokens": 20}
            },
        },
    )
    while not operation.done:
        operation = ask.operations.get(operation)
    assert operation.error is None
    large = io.BytesIO(LINES.encode() * (9 * 1024 * 1024 // len(LINES)))
    uploads = [(large, "large.txt"), (io.BytesIO(b""), "empty.txt")]
    for stream, name in uploads:
        stores.upload_to_file_search_store(
            file_search_store_name=store.name,
            file=stream,
            config={"display_name": name, "mime_type": "text/plain"},
        )
    file = ask.files.upload(file=str(path), config={"name": "probe123", "display_name": "hello"})
    assert ask.files.get(name=file.name).size_bytes == len(LINES.encode())
    assert [each.name for each in ask.files.list()] == ["files/probe123"]
    operation = stores.import_file(file_search_store_name=store.name, file_name=file.name)
    while not operation.done:
        operation = ask.operations.get(operation)
    assert operation.response.document_name.startswith("probe123-")
    documents = {document.display_name: document for document in stores.documents.list(parent=store.name)}
    assert set(documents) == {"hello Ω", "large.txt", "empty.txt", "probe123"}
    assert documents["hello Ω"].custom_metadata[1].numeric_value == 1843
    search = genai.types.FileSearch(
        file_search_store_names=[store.name], metadata_filter='author = "Ada"', top_k=3
    )
    config = genai.types.GenerateContentConfig(tools=[genai.types.Tool(file_search=search)])
    question = "How is the keeper of the lighthouse of Ölhafen called?"
    answer = ask.models.generate_content(model="gemini-2.5-flash", contents=question, config=config)
    grounding = answer.candidates[0].grounding_metadata
    assert {chunk.retrieved_context.title for chunk in grounding.grounding_chunks} == {"hello Ω"}
    segment = grounding.grounding_supports[0].segment
    assert answer.text.encode()[segment.start_index or 0 : segment.end_index].decode() == segment.text
    stream = ask.models.generate_content_stream(model="gemini-2.5-flash", contents=question, config=config)
    assert "".join(event.text or "" for event in stream) == answer.text
    assert ask.models.count_tokens(model="gemini-2.5-flash", contents="hi").total_tokens == 1
    with pytest.raises(genai.errors.ClientError, match="FAILED_PRECONDITION"):
        stores.documents.delete(name=documents["hello Ω"].name)
    stores.documents.delete(name=documents["hello Ω"].name, config={"force": True})
    ask.files.delete(name=file.name)
    stores.delete(name=store.name, config={"force": True})
    with pytest.raises(genai.errors.ClientError, match="404"):
        stores.get(name=store.name)
    assert list(stores.list()) == []
    ask.close()
