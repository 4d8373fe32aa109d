"""The excerpt of a passage that fits a query best."""

from hypothesis import given
from hypothesis import strategies as st

from objlib.core.reports.excerpt import excerpt

PASSAGE = (
    "Opening words. " * 20
    + "The liberty of thought and discussion is what matters here. "
    + "Closing words. " * 20
)


@given(st.text(max_size=400), st.text(max_size=20), st.integers(10, 120))
def test_an_excerpt_is_a_part_of_the_passage_of_the_size_asked_for(
    passage: str, query: str, room: int
) -> None:
    part = excerpt(passage, query, room, "…")
    assert len(part) <= room + 2
    assert part.removeprefix("…").removesuffix("…") in " ".join(passage.split()) or "…" in passage


def test_an_excerpt_is_around_the_words_of_the_query() -> None:
    assert "liberty of thought" in excerpt(PASSAGE, "what is the liberty of thought", 80, "…")
