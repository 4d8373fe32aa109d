"""Questions to several libraries at once, through the real commands and stores."""

import json
from pathlib import Path

import pytest

from objlib.cli.app import run
from objlib.core.config.registry import SETTINGS
from objlib.core.errors import Exit
from objlib.core.reports.answers import AnswerReport, Citation, LibraryAnswer, merge_passages
from tests.cli.commands.kit import Read


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read: Read) -> Path:
    """Two libraries that are uploaded, and one that is not."""
    for variable in [setting.variable for setting in SETTINGS] + ["GEMINI_API_KEY", "GOOGLE_API_KEY"]:
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("OBJLIB_EMBED_SECONDS", "0")
    texts = {
        "sky": "The moon is far away.",
        "stones": "The moon has many craters.",
        "new": "The moon is new.",
    }
    for name, text in texts.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "moon.md").write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    for name in ("sky", "stones"):
        assert run(["upload", name, "-q"]) == Exit.OK
    read()
    return tmp_path


def test_a_search_of_all_names_the_library_of_each_passage(home: Path, read: Read) -> None:
    assert run(["search", "moon", "--all", "--json"]) == Exit.OK
    cited = json.loads(read()[0])["citations"]
    assert [each["library"] for each in cited] == [str(home / "sky"), str(home / "stones")]
    assert [Path(each["file"]).parent for each in cited] == [home / "sky", home / "stones"]
    assert run(["search", "moon", "--library", "stones", "--library", "sky", "-k", "1"]) == Exit.OK
    out = read()[0]
    assert out.startswith("1. stones · moon.md:1")
    assert "sky" not in out
    assert run(["search", "moon", "--all", "--files", "-q"]) == Exit.OK
    assert read()[0] == f"{home / 'sky/moon.md'}\n{home / 'stones/moon.md'}\n"


def test_each_answer_stands_below_its_library(home: Path, read: Read) -> None:
    assert run(["ask", "what is the moon like", "--library", "sky", "--library", "stones"]) == Exit.OK
    out = read()[0]
    assert out.index(str(home / "sky")) < out.index("far away") < out.index(str(home / "stones"))
    assert run(["ask", "what is the moon like", "--all", "--json"]) == Exit.OK
    answer = json.loads(read()[0])
    assert answer["library"] == [str(home / "sky"), str(home / "stones")]
    assert all(each["report"]["citations"] for each in answer["answers"])


def test_a_library_that_cannot_be_asked_is_named_and_the_others_answer(home: Path, read: Read) -> None:
    assert run(["search", "moon", "--library", "new", "--library", "sky", "-q"]) == Exit.OK
    out, err = read()
    assert "far away" in out
    assert err.startswith(f"objlib: {home / 'new'}: ")
    assert run(["search", "moon", "--library", "new", "--library", "gone", "-q"]) != Exit.OK
    assert read()[0] == ""


@pytest.mark.parametrize(
    "words",
    [
        ("search", "moon", "--all", "--library", "sky"),
        ("search", "moon", "--all", "--store", "x"),
        ("ask", "moon", "--library", "sky", "--library", "stones", "--ledger", "x"),
        ("search", "moon", "--all", "--filter", "a = ("),
        ("status", "--library", "sky", "--library", "stones"),
    ],
    ids=" ".join,
)
def test_what_contradicts_itself_is_refused_once(home: Path, words: tuple[str, ...], read: Read) -> None:
    assert run([*words, "-q"]) == Exit.USAGE
    out, err = read()
    assert (out, err.count("\n")) == ("", 1)


def test_the_passages_of_each_library_take_turns() -> None:
    def answer(name: str, number: int) -> LibraryAnswer:
        cited = tuple(Citation(f"{name}{n}", "text") for n in range(number))
        return LibraryAnswer(
            name, AnswerReport("q", "embedded", name, None, "", cited, notice=name if number == 1 else "")
        )

    merged = merge_passages([answer("a", 3), answer("b", 1), answer("c", 0)], top_k=3)
    assert [each.path for each in merged.citations] == ["a0", "b0", "a1"]
    assert [each.library for each in merged.citations] == ["a", "b", "a"]
    assert merged.notice == "b: b"
