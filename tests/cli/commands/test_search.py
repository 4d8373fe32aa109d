"""The commands search and ask, over an engine that gives reports."""

import json
from dataclasses import replace

import pytest

from objlib.cli.app import run
from objlib.core.errors import Exit
from objlib.core.reports.answers import AnswerReport, Citation, CitationState
from objlib.engine.bootstrap.open_app import StoreNeed
from tests.cli.commands.kit import ANSWER, Engine, Read


def test_search_and_ask(engine: Engine, read: Read) -> None:
    engine.gives("search.ask.search", ANSWER)
    engine.gives("search.ask.ask", ANSWER)
    assert run(["search", "two", "words", "--filter", "year = 1", "--top-k", "3"]) == Exit.OK
    assert read()[0].startswith("1. a.txt\n   a passage")
    assert engine.asked[-1] == (
        "search.ask.search",
        {"args": ("two words",), "where": "year = 1", "top_k": 3, "all_passages": False},
    )
    assert run(["ask", "why", "--model", "models/other", "--json"]) == Exit.OK
    assert json.loads(read()[0])["schema"] == "objlib/ask/1"
    assert engine.opened[-1][0].model == "other"
    assert run(["ask", "why"]) == Exit.OK
    assert read()[0].startswith("Claim.\n")
    assert engine.opened[-1][1].store is StoreNeed.EXISTING


def test_the_passages_that_another_one_stands_for_are_counted(engine: Engine, read: Read) -> None:
    engine.gives("search.ask.search", replace(ANSWER, hidden=2))
    assert run(["search", "x", "--library", "lib"]) == Exit.OK
    assert "1 passage, each the best of its file; --all-passages shows 2 more\n" in read()[1]
    assert run(["search", "x", "--all-passages", "--library", "lib"]) == Exit.OK
    assert engine.asked[-1][1]["all_passages"] is True


NOTHING = replace(ANSWER, text="", citations=())
ODD = Citation("caf\\xe9 \n.txt", "x", file="/lib/caf\udce9 \n.txt")
FILES = replace(
    ANSWER,
    citations=(
        Citation("a b.txt", "x", file="/lib/a b.txt"),
        ODD,
        Citation("a b.txt", "y", file="/lib/a b.txt"),
        Citation("gone.txt", "x", file="/lib/gone.txt", state=CitationState.GONE),
    ),
)


@pytest.mark.parametrize("command", ["search", "ask"])
def test_hits_are_alone_on_stdout(command: str, engine: Engine, read: Read) -> None:
    engine.gives(f"search.ask.{command}", replace(ANSWER, notice="by words only"))
    assert run([command, "x", "--library", "lib"]) == Exit.OK
    hits, messages = read()
    assert "a passage" in hits
    assert "by words only" not in hits
    assert messages.startswith("objlib: embedded store, offline")
    assert messages.endswith("objlib: by words only\n")
    assert run([command, "x", "--library", "lib", "-q"]) == Exit.OK
    assert read() == (hits, "")


@pytest.mark.parametrize(
    ("command", "message"),
    [("search", 'objlib: nothing found for "q"\n'), ("ask", "objlib: no answer was found in this library\n")],
)
def test_nothing_found_is_said_and_may_be_a_failure(
    command: str, message: str, engine: Engine, read: Read
) -> None:
    engine.gives(f"search.ask.{command}", NOTHING)
    assert run([command, "q"]) == Exit.OK
    out, err = read()
    assert out == ""
    assert err.endswith(message)
    assert run([command, "q", "--fail-empty"]) == 1
    assert read()[1].endswith(message)
    assert run([command, "q", "--fail-empty", "-j"]) == 1
    assert json.loads(read()[0])["citations"] == []
    engine.gives(f"search.ask.{command}", ANSWER)
    assert run([command, "q", "--fail-empty"]) == Exit.OK


@pytest.mark.parametrize(
    ("option", "out"),
    [
        ("--files", "/lib/a b.txt\n/lib/caf\\xe9 \\x0a.txt\n"),
        ("-0", "/lib/a b.txt\0/lib/caf\udce9 \n.txt\0"),
    ],
)
def test_files_are_a_list_for_other_programs(
    option: str, out: str, engine: Engine, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    engine.gives("search.ask.search", FILES)
    assert run(["search", "x", option, "-q"]) == Exit.OK
    assert capfdbinary.readouterr() == (out.encode(errors="surrogateescape"), b"")
    assert run(["search", "x", option]) == Exit.OK
    assert capfdbinary.readouterr().err.endswith(
        b"objlib: 1 passage of files that cannot be opened now\nobjlib: 4 passages\n"
    )


@pytest.mark.parametrize("report", [NOTHING, replace(ANSWER, citations=FILES.citations[3:])])
def test_an_empty_list_of_files_may_be_a_failure(report: AnswerReport, engine: Engine, read: Read) -> None:
    engine.gives("search.ask.search", report)
    assert run(["search", "x", "--files", "--fail-empty"]) == 1
    assert read()[0] == ""


def test_json_names_the_library_and_the_file_of_each_passage(engine: Engine, read: Read) -> None:
    engine.gives("search.ask.search", FILES)
    assert run(["search", "x", "-j", "--library", "lib"]) == Exit.OK
    answer = json.loads(read()[0])
    assert answer["library"] == str(engine.opened[0][0].library)
    assert [cited["file"] for cited in answer["citations"]][:2] == ["/lib/a b.txt", ODD.file]
    assert run(["search", "x", "-j", "--files"]) == Exit.USAGE
    assert "citations[].file" in read()[1]
