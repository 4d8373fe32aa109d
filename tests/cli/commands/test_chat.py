"""The command chat, over an engine that gives reports, with a pipe or a terminal as its input."""

import json
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import IO

import pytest

from objlib.cli.app import run
from objlib.core.errors import Exit, ObjlibError, UsageError
from objlib.core.reports.answers import Turn
from tests.cli.commands.kit import ANSWER, Engine, Read

Typed = Callable[[str], None]


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Typed]:
    """Lets the next command read these lines, from a file."""
    files: list[IO[str]] = []

    def give(text: str) -> None:
        (tmp_path / "input.txt").write_text(text, encoding="utf-8")
        files.append((tmp_path / "input.txt").open(encoding="utf-8"))
        monkeypatch.setattr(sys, "stdin", files[-1])

    yield give
    for file in files:
        file.close()


def asked(engine: Engine) -> list[tuple[object, object]]:
    return [(more["args"][0], more["history"]) for _, more in engine.asked]


def test_each_line_is_asked_with_the_turns_before_it(engine: Engine, read: Read, typed: Typed) -> None:
    engine.gives("search.ask.ask", ANSWER)
    typed("why?\r\n\n  and how? \n/new\nagain\n/quit\nnever\n")
    assert run(["chat", "-k", "3", "--filter", "year = 1"]) == Exit.OK
    assert asked(engine) == [("why?", []), ("and how?", [Turn("why?", "Claim.")]), ("again", [])]
    assert {more["top_k"] for _, more in engine.asked} == {3}
    assert {more["where"] for _, more in engine.asked} == {"year = 1"}
    answers, messages = read()
    assert answers.count("Claim.") == 3
    assert "> " not in messages


def test_a_question_without_an_answer_is_forgotten(engine: Engine, read: Read, typed: Typed) -> None:
    engine.gives("search.ask.ask", replace(ANSWER, text="", citations=()))
    typed("a\nb")
    assert run(["chat"]) == Exit.OK
    assert asked(engine) == [("a", []), ("b", [])]
    assert read()[1].count("no answer was found in this library") == 2


def test_a_long_conversation_is_remembered_in_part(engine: Engine, typed: Typed) -> None:
    engine.gives("search.ask.ask", ANSWER)
    typed("".join(f"{number}\n" for number in range(15)))
    assert run(["chat"]) == Exit.OK
    history = engine.asked[-1][1]["history"]
    assert [turn.question for turn in history] == [str(number) for number in range(4, 14)]


def test_json_is_an_object_for_each_answer(engine: Engine, read: Read, typed: Typed) -> None:
    engine.gives("search.ask.ask", ANSWER)
    typed("a\nb\n")
    assert run(["chat", "--json"]) == Exit.OK
    lines = read()[0].splitlines()
    assert [json.loads(line)["schema"] for line in lines] == ["objlib/ask/1"] * 2


def test_the_first_error_ends_a_pipe(engine: Engine, read: Read, typed: Typed) -> None:
    engine.gives("search.ask.ask", UsageError("--filter 'x' was refused"))
    typed("a\nb\n")
    assert run(["chat"]) == Exit.USAGE
    assert len(engine.asked) == 1
    assert read()[1].count("--filter 'x' was refused") == 1


def test_a_terminal_goes_on_after_an_error(
    engine: Engine, read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.gives("search.ask.ask", ObjlibError("the service did not answer"))
    ours, theirs = os.openpty()
    with os.fdopen(theirs, encoding="utf-8") as terminal:
        monkeypatch.setattr(sys, "stdin", terminal)
        os.write(ours, b"a\nb\n\x04")
        assert run(["chat"]) == Exit.OK
    os.close(ours)
    assert len(engine.asked) == 2
    messages = read()[1]
    assert messages.count("objlib: the service did not answer\n") == 2
    assert messages.count("> ") == 3


def test_what_cannot_be_asked_is_refused_before_anything_is_read(engine: Engine, read: Read) -> None:
    assert run(["chat", "--top-k", "0"]) == Exit.USAGE
    assert run(["chat", "--filter", " "]) == Exit.USAGE
    assert engine.opened == []
