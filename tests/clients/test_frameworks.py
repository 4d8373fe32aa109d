"""LiteLLM and agno, which speak File Search for their users."""

import asyncio
import time
from pathlib import Path

import pytest

from objlib.testing.pytest import Twin
from tests.clients.conftest import HONEY, QUESTION, client_package

pytestmark = pytest.mark.filterwarnings("ignore")


def test_litellm_ingests_and_searches(twin: Twin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # else it asks the network for prices
    litellm = client_package("litellm")
    ingestion = client_package("litellm.rag.ingestion.gemini_ingestion")
    litellm.telemetry = False
    place = {"api_key": "any", "api_base": twin.url}
    made = litellm.vector_stores.create(name="bees", custom_llm_provider="gemini", **place)
    assert made["id"].startswith("fileSearchStores/bees-")

    def ingest(**chunks: int) -> tuple[str | None, str | None]:
        options = {
            "vector_store": {"custom_llm_provider": "gemini", "vector_store_id": made["id"], **place},
            "chunking_strategy": {"white_space_config": chunks},
        }
        stored: tuple[str | None, str | None] = asyncio.run(
            ingestion.GeminiRAGIngestion(options).store(HONEY.encode(), "bees.txt", "text/plain", [], None)
        )
        return stored

    # Its own defaults, 800 words and 400 shared, are beyond the 512 words of the service.
    with pytest.raises(Exception, match="400 Bad Request"):
        ingest(max_overlap_tokens=10)
    store, document = ingest(max_tokens_per_chunk=100, max_overlap_tokens=10)
    assert store == made["id"]
    assert document is not None
    deadline = time.monotonic() + 30
    found = None
    while not found and time.monotonic() < deadline:
        found = litellm.vector_stores.search(
            vector_store_id=store, query=QUESTION, custom_llm_provider="gemini", **place
        )["data"]
    assert found
    assert "honey" in found[0]["content"][0]["text"]


def test_agno_makes_a_store_and_asks_it(twin: Twin, document: Path) -> None:
    google = client_package("agno.models.google")
    agents = client_package("agno.agent")
    model = google.Gemini(
        id="gemini-3.5-flash", api_key="any", client_params={"http_options": {"base_url": twin.url}}
    )
    store = model.create_file_search_store("bees")
    operation = model.upload_to_file_search_store(document, store.name)
    model.wait_for_operation(operation, poll_interval=0)
    assert [each.display_name for each in model.list_documents(store.name)]
    model.file_search_store_names = [store.name]
    agent = agents.Agent(model=model, telemetry=False)
    answer = agent.run(QUESTION)
    assert "honey" in answer.content
    assert answer.citations is not None
    model.delete_file_search_store(store.name, force=True)
    assert model.list_file_search_stores() == []
