"""The tools of the MCP server, called by the official client: in process, over pipes and over a port."""

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import pytest
import trio
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

from objlib.api import Library
from objlib.embedded import Options
from objlib.engine.app import Overrides
from objlib.mcp.tools import make_server
from tests.support.library import small_library
from tests.support.web import Gate

READING = {"search", "ask", "get_document", "list_documents", "status"}
WRITING = {"upload", "sync"}
FILES = {
    "Ethics/pond.md": "---\nauthor: Okonjo\n---\n# The pond\n\nHow far may a stranger count?\n",
    "Mind/bat.md": "What is it like to be a bat?\n",
}


@pytest.fixture
async def library(tmp_path: Path) -> AsyncIterator[Library]:
    async with small_library(tmp_path, FILES) as library:
        yield library


async def call(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    result: Any = await client.call_tool(tool, arguments)
    assert not result.is_error, result.content
    content: dict[str, Any] = result.structured_content
    return content


def arguments_of(library: Library) -> list[str]:
    settings = library.settings
    places = [
        "--ledger",
        str(settings.ledger),
        "--embedded-store",
        str(settings.embedded),
        "--store",
        "tests",
    ]
    return ["-m", "objlib", "mcp", "--library", str(settings.library), "--backend", "embedded", *places, "-q"]


async def test_a_model_finds_a_passage_and_reads_around_it(library: Library) -> None:
    await library.upload()
    async with Client(make_server(library, write=False)) as client:
        found = await call(
            client, "search", query="how far may a stranger count", metadata_filter='author = "Okonjo"'
        )
        passage = found["passages"][0]
        assert (passage["path"], passage["lines"]) == ("Ethics/pond.md", [4, 6])
        assert passage["read_on"] == "get_document(path='Ethics/pond.md', first_line=1)"
        document = await call(client, "get_document", path=passage["path"], first_line=6, lines=1)
        assert document["lines"] == "6: How far may a stranger count?"
        assert "fit" not in passage
        weak = await call(client, "search", query="which enzyme repairs the cell membrane of a stranger")
        assert {each["fit"] for each in weak["passages"]} == {"weak"}
        assert weak["note"].startswith("weak: nothing here answers this well")
        assert (await call(client, "ask", question="what is it like to be a bat"))["sources"]
        listing = await call(client, "list_documents")
        assert [each["path"] for each in listing["folders"]] == ["Ethics", "Mind"]
        assert (await call(client, "status"))["files"] == {"indexed": 2}


async def test_a_long_document_names_the_next_call(library: Library) -> None:
    (library.settings.library / "long.txt").write_text("\n".join(map(str, range(1, 201))), encoding="utf-8")
    await library.upload()
    async with Client(make_server(library, write=False)) as client:
        part = await call(client, "get_document", path="long.txt")
        assert part["total_lines"] == 200
        assert part["next"] == "get_document(path='long.txt', first_line=81)"
        rest = await call(client, "get_document", path="long.txt", first_line=161)
        assert "next" not in rest


async def test_an_error_is_a_sentence_for_the_model(library: Library) -> None:
    async with Client(make_server(library, write=False)) as client:
        early: Any = await client.call_tool("search", {"query": "bat"})
        assert early.is_error
        assert "objlib" in early.content[0].text
        await library.upload()
        unknown: Any = await client.call_tool("get_document", {"path": "none.md"})
        assert unknown.is_error
        assert "no file none.md" in unknown.content[0].text
        bad: Any = await client.call_tool("search", {"query": "bat", "metadata_filter": "author = ("})
        assert bad.is_error
        assert "refused" in bad.content[0].text


async def test_the_tools_that_write_are_there_on_request_alone(library: Library) -> None:
    async with Client(make_server(library, write=False)) as client:
        assert {tool.name for tool in (await client.list_tools()).tools} == READING
    async with Client(make_server(library, write=True)) as client:
        tools = (await client.list_tools()).tools
        assert {tool.name for tool in tools} == READING | WRITING
        assert all(tool.description and tool.annotations for tool in tools)
        assert (await call(client, "upload"))["uploaded"] == 2
        assert (await call(client, "upload")).get("uploaded") == 0


async def test_an_upload_that_is_cancelled_half_way_is_recovered(tmp_path: Path) -> None:
    gate, many = Gate(), {f"{number}.txt": f"text {number}" for number in range(10)}
    overrides = Overrides(signals=False, options=Options(middleware=(gate.middleware(),)))
    async with small_library(tmp_path, FILES | many, overrides=overrides) as library:
        async with Client(make_server(library, write=True)) as client:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(client.call_tool, "upload", {})
                await gate.reached.wait()
                nursery.cancel_scope.cancel()
            assert (await call(client, "status"))["files"].get("indexed", 0) == 0
            while (await call(client, "status")).get("running"):  # the server hears of it a moment later
                pass
            gate.opened.set()
            assert (await call(client, "upload"))["indexed"] == 12
        assert (await library.recover()).found == 0
        assert (await library.verify(sample=None)).drift == {}


async def test_a_resource_is_the_text_of_a_document(library: Library) -> None:
    await library.upload()
    async with Client(make_server(library, write=False)) as client:
        read: Any = await client.read_resource("objlib://document/Mind%2Fbat.md")
        assert read.contents[0].text == "What is it like to be a bat?"


async def use_every_tool(client: Client) -> None:
    """Call each tool and read a resource over a transport, beginning with an empty store."""
    tools = {tool.name for tool in (await client.list_tools()).tools}
    answers = {
        "upload": await call(client, "upload"),
        "search": await call(client, "search", query="bat"),
        "ask": await call(client, "ask", question="what is it like to be a bat"),
        "get_document": await call(client, "get_document", path="Mind/bat.md"),
        "list_documents": await call(client, "list_documents", folder="Mind"),
        "status": await call(client, "status"),
        "sync": await call(client, "sync"),
    }
    assert tools == set(answers) == READING | WRITING
    assert answers["upload"]["indexed"] == answers["sync"]["unchanged"] == 2
    assert answers["search"]["passages"][0]["path"] == answers["ask"]["sources"][0]["path"] == "Mind/bat.md"
    assert answers["get_document"]["lines"] == "1: What is it like to be a bat?"
    assert answers["list_documents"]["documents"][0]["state"] == "indexed"
    assert answers["status"]["files"] == {"indexed": 2}
    read: Any = await client.read_resource("objlib://document/Mind%2Fbat.md")
    assert read.contents[0].text == "What is it like to be a bat?"


async def test_a_client_starts_it_over_pipes(library: Library, tmp_path: Path) -> None:
    data = {"XDG_DATA_HOME": str(tmp_path / "data")}
    server = StdioServerParameters(command=sys.executable, args=[*arguments_of(library), "--write"], env=data)
    async with Client(server) as client:
        await use_every_tool(client)


@asynccontextmanager
async def served(library: Library, folder: Path) -> AsyncIterator[str]:
    """The address of a port that serves the library with the token ``sesame``."""
    environment = {**os.environ, "OBJLIB_MCP_TOKEN": "sesame", "XDG_DATA_HOME": str(folder / "data")}
    command = [sys.executable, *arguments_of(library), "--http", "--port", "0", "--json", "--write"]
    async with trio.open_nursery() as nursery:
        run = partial(trio.run_process, command, stdout=subprocess.PIPE, env=environment, check=False)
        process = await nursery.start(run)
        line = b""
        while not line.endswith(b"\n"):
            line += await process.stdout.receive_some()
        yield json.loads(line)["url"]
        process.terminate()


async def test_a_client_with_the_token_reaches_the_port(library: Library, tmp_path: Path) -> None:
    async with served(library, tmp_path) as url:
        for headers in ({}, {"authorization": "Bearer guess"}):
            async with httpx2.AsyncClient(headers=headers) as stranger:
                assert (await stranger.post(url, json={})).status_code == 401
        async with httpx2.AsyncClient(headers={"authorization": "Bearer sesame"}) as http:
            async with Client(streamable_http_client(url, http_client=http)) as client:
                await use_every_tool(client)
            foreign = await http.post(url, json={}, headers={"origin": "http://evil.example"})
            assert foreign.status_code == 403


def test_the_configuration_for_a_client_starts_the_server(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("a", encoding="utf-8")
    command = [sys.executable, "-m", "objlib", "mcp", str(tmp_path), "--print-config", "--write"]
    printed = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    server = json.loads(printed)["mcpServers"]["objlib"]
    assert Path(server["command"]).is_absolute()
    assert server["args"][-1] == "--write"
    assert str(tmp_path) in server["args"]
