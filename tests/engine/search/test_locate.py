"""The place of a passage in a file."""

from pathlib import Path

import pytest

from objlib.engine.search import locate as module
from objlib.engine.search.locate import Place, locate, locate_in_file

TEXT = """# Ethics

Virtue is a habit.

## Of the mean

It stands   between
two vices.
"""


@pytest.mark.parametrize(
    ("passage", "place"),
    [
        ("Virtue is a habit.", Place(3, 3, "Ethics")),
        ("two vices.", Place(8, 8, "Of the mean")),
        ("It stands between two vices.", Place(7, 8, "Of the mean")),
        ("## Of the mean\n\nIt stands", Place(5, 7, "Of the mean")),
        ("# Ethics", Place(1, 1, "Ethics")),
        ("habit. ## Of", Place(3, 5, "Ethics")),
        ("Vice is a habit.", None),
        ("two vices. And more", None),
        ("  ", None),
    ],
)
def test_a_passage_is_found_by_its_words_with_the_heading_above(
    tmp_path: Path, passage: str, place: Place | None
) -> None:
    path = tmp_path / "a.md"
    path.write_text(TEXT)
    assert locate_in_file(path, passage) == place


def test_a_file_that_is_gone_or_too_large_has_no_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.md"
    assert locate_in_file(path, "habit") is None
    path.write_text(TEXT)
    monkeypatch.setattr(module, "MAX_FILE", 10)
    assert locate_in_file(path, "habit") is None


def test_offsets_are_those_of_the_passage_in_the_text() -> None:
    start, stop = locate(TEXT, "It stands between") or (0, 0)
    assert TEXT[start:stop] == "It stands   between"
