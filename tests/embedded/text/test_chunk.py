"""Passages: exact slices that cover the text, cut at the best border there is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objlib.embedded.text.chunk import PASSAGE_WORDS, Chunk, chunks, weight
from objlib.embedded.text.extracted import DocumentPlace, Extracted

PIECES = st.sampled_from(
    [
        "word",
        " ",
        "\n",
        "\n\n",
        ". ",
        "A sentence here. ",
        "; ",
        "哲学は",
        "。",
        "\r\n\r\n",
        "x" * 300,
        "\t",
        "é",
        "\f",
        "# H\n\n",
    ]
)
TEXTS = st.lists(PIECES, max_size=120).map("".join) | st.text(max_size=400)


def spans(text: str, size: int = PASSAGE_WORDS) -> list[str]:
    return [text[c.start : c.stop] for c in chunks(Extracted(text), size)]


@given(TEXTS, st.integers(3, 40), st.integers(0, 30))
def test_passages_cover_the_text_once_and_in_order(text: str, size: int, body_start: int) -> None:
    body_start = min(body_start, len(text))
    got = chunks(Extracted(text, body_start=body_start), size)
    position = body_start
    for chunk in got:
        assert not text[position : chunk.start].strip()
        passage = text[chunk.start : chunk.stop]
        assert passage
        assert passage == passage.strip()
        position = chunk.stop
    assert not text[position:].strip()


@given(TEXTS, st.integers(5, 40))
def test_a_passage_stays_near_the_size(text: str, size: int) -> None:
    assert all(weight(passage) <= size * 1.5 + 2 for passage in spans(text, size))


def words(count: int, first: str = "word") -> str:
    return " ".join([first] + ["word"] * (count - 1))


def test_whole_paragraphs_are_packed() -> None:
    a, b, c = words(90, "a"), words(80, "b"), words(100, "c")
    assert spans(f"{a}\n\n{b}\n \n{c}\n") == [f"{a}\n\n{b}", c]


def test_a_long_paragraph_is_cut_between_sentences() -> None:
    sentences = [words(80, f"S{n}") + "." for n in range(5)]
    assert spans(" ".join(sentences)) == [" ".join(sentences[:2]), " ".join(sentences[2:4]), sentences[4]]


def test_a_passage_is_filled_up_with_sentences_of_the_next_paragraph() -> None:
    first, sentences = words(120, "a"), [words(25, f"S{n}") + "." for n in range(4)]
    assert spans(f"{first}\n\n{' '.join(sentences)}") == [
        f"{first}\n\n{' '.join(sentences[:2])}",
        " ".join(sentences[2:]),
    ]


def test_a_passage_that_is_nearly_full_ends_with_its_paragraph() -> None:
    first, sentences = words(160, "a"), [words(15, f"S{n}") + "." for n in range(8)]
    assert spans(f"{first}\n\n{' '.join(sentences)}") == [first, " ".join(sentences)]


def test_a_row_of_a_table_is_never_cut_to_fill_a_passage() -> None:
    rows = [words(60, f"R{n}") + ". " + words(50, "end") + "." for n in range(3)]
    text = "\n".join(rows)
    places = tuple(DocumentPlace(text.index(row), "row", str(n)) for n, row in enumerate(rows))
    got = chunks(Extracted(text, places=places))
    assert [text[c.start : c.stop] for c in got] == rows


def test_a_quotation_mark_stays_with_its_sentence() -> None:
    first = f"“{words(120)}.”"
    assert spans(f"{first} {words(100)}.")[0] == first


def test_code_is_cut_between_lines() -> None:
    line = "value = compute(" + ", ".join(["argument"] * 9) + ")"
    assert all(passage.endswith(")") for passage in spans("\n".join([line] * 60)))


def test_a_small_rest_joins_its_neighbour() -> None:
    assert len(spans(f"{words(170)}\n\n{words(20)}")) == 1
    assert len(spans(f"{words(170)}\n\n{words(90)}")) == 2


def test_a_text_without_spaces_is_cut_too() -> None:
    chinese = "道可道非常道" * 200
    assert len(spans(chinese)) >= 4
    assert len(spans("x" * 10_000)) >= 5


def test_a_heading_begins_a_passage_and_names_it() -> None:
    text = f"# One\n\n{words(100)}\n\n# Two\n\n{words(60)}\n\n# Three\n\n{words(5)}"
    headings = tuple((text.index(f"# {name}"), name) for name in ("One", "Two", "Three"))
    got = chunks(Extracted(text, headings=headings))
    assert [c.heading for c in got] == ["One", "Two"]
    assert text[got[1].start :].startswith("# Two")


def printed(*pages: str) -> tuple[str, list[Chunk]]:
    """A text of these pages, and its passages."""
    starts = [sum(len(page) + 2 for page in pages[:n]) for n in range(len(pages))]
    text = "\n\n".join(pages)
    return text, chunks(Extracted(text, page_starts=tuple(starts)))


def test_a_passage_is_on_one_page() -> None:
    pages = [words(60, "a"), words(100, "b"), "", words(5, "c"), words(40, "d")]
    text, got = printed(*pages)
    assert [(text[c.start : c.stop], c.page) for c in got] == [
        (pages[0], 1),
        (pages[1], 2),
        (pages[3], 4),
        (pages[4], 5),
    ]


@pytest.mark.parametrize(("count", "passages"), [(150, 1), (210, 1), (230, 2), (400, 2), (450, 3)])
def test_a_page_is_parted_evenly(count: int, passages: int) -> None:
    sentences = " ".join(words(10, f"S{n}") + "." for n in range(count // 10))
    text, got = printed(sentences, sentences)
    assert [c.page for c in got] == [1] * passages + [2] * passages
    lengths = [len(text[c.start : c.stop].split()) for c in got]
    assert max(lengths) - min(lengths) <= 10 * passages


@pytest.mark.parametrize(("place", "page"), [(0, 1), (400, 1), (500, 2), (1000, 3)])
def test_the_page_of_a_passage_is_that_of_its_first_character(place: int, page: int) -> None:
    text = " " * place + "x" + " " * (2000 - place)
    (only,) = chunks(Extracted(text, page_starts=(0, 500, 900)))
    assert only.page == page
