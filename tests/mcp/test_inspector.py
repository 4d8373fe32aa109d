"""The MCP Inspector's command line lists and calls every tool, over both transports: ``just inspector``."""

import json
import os
import shutil
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import pytest
import trio

from objlib.api import Library
from tests.house.tree import ROOT
from tests.mcp.test_tools import FILES, READING, WRITING, arguments_of, served
from tests.support.library import small_library

PLACES: Final = f"{ROOT / '.venv/inspector/node_modules/.bin'}{os.pathsep}{os.environ.get('PATH', '')}"
INSPECTOR: Final = shutil.which("mcp-inspector", path=PLACES)
CALLS: Final = {
    "upload": (),
    "search": ("query=bat",),
    "ask": ("question=what is it like to be a bat",),
    "get_document": ("path=Mind/bat.md",),
    "list_documents": ("folder=Mind",),
    "status": (),
    "sync": (),
}
"""Each tool with its arguments, beginning with an empty store."""

pytestmark = pytest.mark.skipif(INSPECTOR is None, reason="the inspector is not installed: just inspector")


@pytest.fixture
async def library(tmp_path: Path) -> AsyncIterator[Library]:
    async with small_library(tmp_path, FILES) as library:
        yield library


async def ask(target: list[str], *method: str) -> dict[str, Any]:
    command = [str(INSPECTOR), "--cli", *target, "--method", *method]
    with trio.fail_after(60):
        done = await trio.run_process(command, capture_stdout=True, capture_stderr=True, check=False)
    if b"Arguments cannot be passed to a URL" in done.stderr:
        pytest.skip(
            "this version of the inspector sends no header, and the port wants a token: use a newer Node.js"
        )
    assert done.returncode == 0, done.stderr.decode()
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


async def use_every_tool(target: list[str]) -> None:
    tools = await ask(target, "tools/list")
    assert {tool["name"] for tool in tools["tools"]} == set(CALLS) == READING | WRITING
    answers = {}
    for tool, arguments in CALLS.items():
        given = [word for argument in arguments for word in ("--tool-arg", argument)]
        answers[tool] = await ask(target, "tools/call", "--tool-name", tool, *given)
        assert not answers[tool].get("isError"), answers[tool]
    assert answers["upload"]["structuredContent"]["indexed"] == 2
    assert answers["search"]["structuredContent"]["passages"][0]["path"] == "Mind/bat.md"
    assert answers["sync"]["structuredContent"]["unchanged"] == 2


async def test_the_inspector_calls_every_tool_over_pipes(library: Library, tmp_path: Path) -> None:
    variables = ["-e", f"XDG_DATA_HOME={tmp_path / 'data'}"]
    await use_every_tool([*variables, sys.executable, *arguments_of(library), "--write"])


async def test_the_inspector_calls_every_tool_over_a_port(library: Library, tmp_path: Path) -> None:
    async with served(library, tmp_path) as url:
        await use_every_tool([url, "--transport", "http", "--header", "Authorization: Bearer sesame"])
