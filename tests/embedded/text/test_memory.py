"""The memory that a large file takes while it is read."""

import mmap
import tracemalloc
from typing import Self

import pytest

from objlib.embedded.extraction.frames import DEFAULT_CHUNKING, passages_of
from objlib.embedded.text.extract import extract
from objlib.embedded.text.spool import CountedPlaces, TextSpool


class _Traced(bytearray):
    """A mapping that tracemalloc sees."""

    def __init__(self, _file: int, size: int) -> None:
        super().__init__(size)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...


_CELL = "The hive is a city of bees. "


@pytest.mark.parametrize(
    ("mime_type", "head", "unit"),
    [
        ("text/markdown", "# Bees\n\n", f"{_CELL * 4}\n\n"),
        ("text/plain", "", f"{_CELL * 4}\n\n"),
        ("text/html", "<html><body>", f"<p>{_CELL * 4}</p>\n"),
        ("text/csv", "id,words\n", f"1,{_CELL}\n"),
        ("text/tab-separated-values", "id\twords\n", f"1\t{_CELL}\n"),
        ("application/json", "[", f'{{"text": "{_CELL * 2}\\n{_CELL}"}},\n'),
        ("application/jsonl", "", f'{{"text": "{_CELL * 2}\\n{_CELL}"}}\n'),
        ("text/x-python", "def hive():\n", f"    # {_CELL}\n"),
    ],
)
def test_no_more_of_a_large_file_than_its_bytes_and_its_text_is_in_memory(
    mime_type: str, head: str, unit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mmap, "mmap", _Traced)
    monkeypatch.setattr("objlib.embedded.text.spool._PIECES", 50)  # the file is small too
    monkeypatch.setattr("objlib.embedded.text.html._PIECE", 4096)
    extract((head + unit).encode(), mime_type=mime_type, name="bees")  # what it imports is not counted
    tracemalloc.start()
    held = [(head + unit * 4_000).encode()]
    size = len(held[0])
    tracemalloc.reset_peak()
    outline, passages = passages_of(extract(held.pop(), mime_type=mime_type, name="bees"), DEFAULT_CHUNKING)
    count = sum(1 for _ in passages)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == outline.passages > 20
    assert peak < 2.3 * size  # of a table it was 7, of JSON 4, of a page 5


def test_a_text_of_many_pieces_comes_back_as_it_was_written() -> None:
    pieces = [f"{number} \u2013 \U0001f41d\ud800 " for number in range(5000)]
    written = TextSpool(room=1)  # far too little
    for piece in pieces:
        written.add(piece)
    assert written.length == len("".join(pieces))
    assert written.take() == "".join(pieces)
    assert (written.length, written.take()) == (0, "")


def test_counted_places_are_a_sequence_whichever_way_they_are_read() -> None:
    names = ["a", "users", "users[0]", "users[1]", "users[7]", "b["]
    places = CountedPlaces("item")
    for start, (name, number) in enumerate(
        [("a", -1), ("users", -1), ("users[", 0), ("users[", 1), ("users[", 7), ("b[", -1)]
    ):
        places.add(10 * start, name, number)
    places.move([(15, 3), (40, 1)])
    assert [place.name for place in places] == names == [places[at].name for at in range(-6, 0)]
    assert [place.start for place in places] == [0, 10, 17, 27, 36, 46]
    assert places[1:3] == tuple(places)[1:3]
    with pytest.raises(IndexError):
        places[6]
