"""The commands search and ask, over an engine that gives reports."""

import json

from objlib.cli.app import run
from objlib.core.errors import Exit
from objlib.engine.bootstrap.open_app import StoreNeed
from tests.cli.commands.kit import ANSWER, Engine, Read


def test_search_and_ask(engine: Engine, read: Read) -> None:
    engine.gives("search.ask.search", ANSWER)
    engine.gives("search.ask.ask", ANSWER)
    assert run(["search", "two", "words", "--filter", "year = 1", "--top-k", "3"]) == Exit.OK
    assert read()[0].startswith("1. a.txt\n   a passage")
    assert engine.asked[-1] == (
        "search.ask.search",
        {"args": ("two words",), "where": "year = 1", "top_k": 3},
    )
    assert run(["ask", "why", "--model", "models/other", "--json"]) == Exit.OK
    assert json.loads(read()[0])["schema"] == "objlib/ask/1"
    assert engine.opened[-1][0].model == "other"
    assert run(["ask", "why"]) == Exit.OK
    assert read()[0].startswith("Claim.\n")
    assert engine.opened[-1][1].store is StoreNeed.EXISTING
