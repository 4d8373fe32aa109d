"""From UTF-8 byte offsets to character offsets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objlib.gemini.offsets import Spans
from objlib.gemini.wire import SegmentShape

# Emoji with modifiers and joiners, combining marks, right-to-left, astral letters and plain ASCII.
pieces = st.sampled_from(["a", "é", "e\u0301", "👩🏽\u200d🚀", "\U0001d518", "שלום", " ", "\n", "日本"])
strings = st.lists(pieces | st.text(st.characters(exclude_categories=["Cs"]), max_size=3), max_size=8).map(
    "".join
)


@st.composite
def cuts(draw: st.DrawFn) -> tuple[list[str | None], int, int, int]:
    """Parts of an answer, the index of one that is text, and a non-empty span of characters in it."""
    parts: list[str | None] = draw(st.lists(strings | st.none(), max_size=3))
    text = draw(strings.filter(bool))
    index = draw(st.integers(0, len(parts)))
    parts.insert(index, text)
    start = draw(st.integers(0, len(text) - 1))
    return parts, index, start, draw(st.integers(start + 1, len(text)))


@given(cuts(), st.booleans())
def test_a_span_of_a_part_is_found_in_the_whole_text(
    cut: tuple[list[str | None], int, int, int], with_text: bool
) -> None:
    parts, index, start, stop = cut
    text = parts[index] or ""
    segment = SegmentShape(
        part_index=index,
        start_index=len(text[:start].encode()),
        end_index=len(text[:stop].encode()),
        text=text[start:stop] if with_text else "",
    )
    before = sum(len(part or "") for part in parts[:index])
    spans = Spans(parts)
    assert spans.text == "".join(part or "" for part in parts)
    assert spans.find(segment) == (before + start, before + stop)


@given(strings, st.integers(-5, 60), st.integers(-5, 60), st.integers(-1, 3), strings)
def test_any_offsets_give_a_span_of_the_text_or_none(
    text: str, start: int, stop: int, part: int, quote: str
) -> None:
    segment = SegmentShape(part_index=part, start_index=start, end_index=stop, text=quote)
    span = Spans([text, None]).find(segment)
    if span is not None:
        assert 0 <= span[0] < span[1] <= len(text)
        assert not quote or text[span[0] : span[1]] == quote


@pytest.mark.parametrize(
    ("start", "stop", "span"),
    [
        (0, 1, (0, 1)),
        (1, 5, (1, 2)),
        (2, 3, (1, 2)),
        (1, 2, (1, 2)),
        (4, 6, (1, 3)),
        (0, 99, (0, 3)),
        (6, 6, None),
    ],
)
def test_a_cut_inside_a_character_is_widened(start: int, stop: int, span: tuple[int, int] | None) -> None:
    assert Spans(["a😀b"]).find(SegmentShape(start_index=start, end_index=stop)) == span


def test_offsets_into_the_whole_text_are_accepted_when_the_words_agree() -> None:
    segment = SegmentShape(part_index=1, start_index=4, end_index=7, text="two")
    assert Spans(["one ", "two"]).find(segment) == (4, 7)


def test_the_words_win_over_wrong_offsets() -> None:
    spans = Spans(["äöü one"])
    assert spans.find(SegmentShape(start_index=0, end_index=3, text="one")) == (4, 7)
    assert spans.find(SegmentShape(start_index=0, end_index=3, text="nowhere")) is None
    assert spans.find(SegmentShape()) is None
