"""Passages and answers as text."""

import re
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from objlib.cli.render.answer import (
    WEAK_NOTE,
    ask_lines,
    ask_notes,
    cited_files,
    file_notes,
    search_lines,
    search_notes,
)
from objlib.core.reports.answers import AnswerReport, Citation, CitationState, Support, with_markers
from tests.cli.render.kit import ASCII, COLOR, EVIL, PLAIN, text

PASSAGE = (
    "Opening words. " * 20
    + "The liberty of thought and discussion is what matters here. "
    + "Closing words. " * 20
)


def answer(**more: Any) -> AnswerReport:
    base = AnswerReport(
        question="liberty of thought",
        backend="embedded",
        store="s",
        model="m",
        text="",
        citations=(
            Citation("mill/on liberty.txt", PASSAGE, line_start=3, line_stop=9, heading="Chapter\nII"),
            Citation("a.pdf", "short", page=4, known=False, state=CitationState.UNKNOWN),
            Citation(EVIL, EVIL, line_start=2, line_stop=2),
        ),
    )
    return replace(base, **more)


class TestSearch:
    def test_a_passage_has_its_place_and_its_best_part(self) -> None:
        report = answer(notice="by words only: no model")
        output = text(search_lines(report, PLAIN))
        assert output.startswith("1. mill/on liberty.txt:3-9 · Chapter II\n")
        assert "…" in output
        assert "liberty of thought" in output
        assert "2. a.pdf · page 4 · not in this library\n" in output
        assert ":2\n" in output
        assert "passages" not in output
        assert search_notes(report) == ["3 passages", "by words only: no model"]

    def test_passages_that_hardly_fit_say_so(self) -> None:
        good, *others = answer().citations
        report = answer(citations=(good, *(replace(each, weak=True) for each in others)))
        output = text(search_lines(report, PLAIN))
        assert "2. a.pdf · page 4 · weak · not in this library\n" in output
        assert output.count("weak") == 2
        assert search_notes(report) == ["3 passages"]
        assert search_notes(replace(report, weak=True)) == ["3 passages", WEAK_NOTE]

    def test_words_of_the_query_stand_out(self) -> None:
        assert "\x1b[1mliberty\x1b[0m" in "\n".join(search_lines(answer(), COLOR))

    def test_nothing_found(self) -> None:
        report = answer(citations=())
        assert search_lines(report, PLAIN) == []
        assert search_notes(report) == ['nothing found for "liberty of thought"']
        assert len(search_notes(replace(report, question="thought " * 1000))[0]) < 120

    def test_files_are_named_once_and_only_those_that_open(self) -> None:
        cited = [
            Citation("b", "x", file="/lib/b"),
            Citation("a", "x", file="/lib/a", state=CitationState.CHANGED),
            Citation("b", "y", file="/lib/b"),
            Citation("c", "x", file="/lib/c", state=CitationState.GONE),
            Citation("title", "x", state=CitationState.UNKNOWN),
        ]
        report = answer(citations=tuple(cited))
        assert cited_files(report) == ["/lib/b", "/lib/a"]
        assert file_notes(report) == ["2 passages of files that cannot be opened now", "5 passages"]

    def test_ascii(self) -> None:
        assert text(search_lines(answer(citations=answer().citations[:2]), ASCII)).isascii()


class TestAsk:
    def test_a_marker_stands_behind_the_span_that_a_source_supports(self) -> None:
        report = answer(
            text="First claim. Second claim.\n- a point\n",
            supports=(Support(0, 12, (0,)), Support(13, 27, (1, 0)), Support(20, 26, (2,))),
        )
        lines = ask_lines(report, PLAIN)
        assert lines[0] == "First claim. [1] Second claim. [1][2][3]"
        assert lines[1] == "- a point"
        assert "Sources" in lines
        assert any(line.startswith("[1] mill/on liberty.txt:3-9") for line in lines)

    def test_line_breaks_of_the_source_are_no_line_breaks_of_the_answer(self) -> None:
        output = "One\nsentence.\n\n# Title\nNext.\n- first\nitem\n- second\n\n| a | b |\n| c | d |"
        assert ask_lines(answer(text=output, citations=()), PLAIN) == [
            "One sentence.",
            "",
            "# Title",
            "Next.",
            "- first item",
            "- second",
            "",
            "| a | b |",
            "| c | d |",
        ]

    def test_without_sources_none_are_announced(self) -> None:
        assert ask_lines(answer(text="Claim.", citations=()), PLAIN) == ["Claim."]

    def test_a_source_says_what_its_file_is_by_now(self) -> None:
        states = {
            CitationState.CHANGED: "a.md · changed since it was indexed",
            CitationState.GONE: "a.md · gone from disk",
            CitationState.UNREADABLE: "a.md · cannot be read on disk",
            CitationState.CURRENT: "a.md",
        }
        for state, line in states.items():
            report = answer(text="Claim.", citations=(Citation("a.md", "text", state=state),))
            assert f"[1] {line}" in ask_lines(report, PLAIN)
            assert f"1. {line}" in search_lines(report, PLAIN)

    def test_no_answer(self) -> None:
        report = answer(text=" ", citations=(), notice="by words only")
        assert ask_lines(report, PLAIN) == []
        assert ask_notes(report) == ["no answer was found in this library", "by words only"]
        assert ask_notes(answer(text="Claim.")) == []

    def test_an_index_without_a_citation_is_left_out(self) -> None:
        text(ask_lines(answer(text="Claim.", supports=(Support(0, 6, (7,)),)), PLAIN))


@given(
    st.text(max_size=60),
    st.lists(
        st.tuples(st.integers(-5, 80), st.integers(-5, 80), st.sets(st.integers(0, 5), max_size=3)),
        max_size=5,
    ),
)
def test_markers_leave_the_words_of_an_answer_as_they_are(
    words: str, spans: list[tuple[int, int, set[int]]]
) -> None:
    supports = [Support(start, stop, tuple(sources)) for start, stop, sources in spans]
    marked = with_markers(words, supports)
    stripped = re.sub(r" ?(\[[1-6]\])+", "", marked)
    assert stripped.split() == re.sub(r" ?(\[[1-6]\])+", "", words).split()
