"""Room for a large document while it is read: its text as UTF-8, and its places as numbers.

A list of pieces takes more than the text, and a place as an object 200 bytes: a table of 50 MB has a million.
"""

import mmap
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, overload

from objlib.embedded.text.extracted import DocumentPlace

_PIECES: Final = 1000
"""Pieces that are joined and encoded at once."""


def utf8_at_most(text: str) -> int:
    """The bytes that a text takes in UTF-8 at most, without looking at its characters."""
    return len(text) * (1 if text.isascii() else 4)


class TextSpool:
    """A text that is put together piece by piece, in one copy.

    The copy is a mapping of its own, larger than need be: pages that nothing was written to take no memory, it never
    moves, and all of it goes back at the end. An array on the heap would be copied as it grows.

    Attributes:
        length: characters so far.
    """

    def __init__(self, room: int = 0) -> None:
        """Begin a text that will most likely fit into ``room`` bytes of UTF-8."""
        self._room = max(room, mmap.PAGESIZE)
        self._data: mmap.mmap | None = None
        self._size = 0
        self._pieces: list[str] = []
        self.length = 0

    def add(self, piece: str) -> None:
        """Add the next piece."""
        self._pieces.append(piece)
        self.length += len(piece)
        if len(self._pieces) >= _PIECES:
            self._flush()

    def take(self) -> str:
        """The text, which is gone from here afterwards."""
        if self._data is None:
            text = "".join(self._pieces)
        else:
            self._flush()
            with self._data, memoryview(self._data) as view, view[: self._size] as written:
                text = str(written, "utf-8", "surrogatepass")
        self._data, self._size, self.length = None, 0, 0
        self._pieces.clear()
        return text

    def _flush(self) -> None:
        piece = "".join(self._pieces).encode("utf-8", "surrogatepass")
        self._pieces.clear()
        start, self._size = self._size, self._size + len(piece)
        if self._data is None or self._size > self._room:
            self._grow(start)
        assert self._data is not None
        self._data[start : self._size] = piece

    def _grow(self, written: int) -> None:
        """Map as much as is needed, and copy what is written to the new place."""
        while self._size > self._room:
            self._room *= 2
        before, self._data = self._data, mmap.mmap(-1, self._room)
        if before is not None:
            with before:
                self._data[:written] = before[:written]


class CountedPlaces(Sequence[DocumentPlace]):
    """Places of one kind, in order of offset, most of them counted: ``1``, ``2`` or ``users[0]``, ``users[1]``."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._starts = array("I")
        # A run is places with the same name but for their number, which counts up.
        self._firsts = array("I")
        self._numbers = array("q")
        self._ends = array("I")
        self._names = bytearray()
        self._last = ("", -1)

    def add(self, start: int, name: str = "", number: int = -1) -> None:
        """Add the next place; a ``number`` stands behind its name, in brackets where the name opens one."""
        if number < 0 or self._last != (name, number - 1):
            self._firsts.append(len(self._starts))
            self._numbers.append(number)
            self._names += name.encode("utf-8", "surrogatepass")
            self._ends.append(len(self._names))
        self._last = (name, number)
        self._starts.append(start)

    def move(self, losses: Iterable[tuple[int, int]]) -> None:
        """Move each place by what the text before it lost: where each loss ended, and its characters, in order."""
        at = lost = 0
        for end, loss in losses:
            while at < len(self._starts) and self._starts[at] < end:
                self._starts[at] -= lost
                at += 1
            lost += loss
        for rest in range(at, len(self._starts)):
            self._starts[rest] -= lost

    def __len__(self) -> int:
        return len(self._starts)

    def __iter__(self) -> Iterator[DocumentPlace]:
        run, name, number = -1, "", -1
        for at, start in enumerate(self._starts):
            if run + 1 < len(self._firsts) and self._firsts[run + 1] == at:
                run += 1
                name, number = self._name(run), self._numbers[run]
            yield DocumentPlace(start, self._kind, _counted(name, number))
            number += number >= 0

    @overload
    def __getitem__(self, index: int) -> DocumentPlace: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[DocumentPlace, ...]: ...
    def __getitem__(self, index: int | slice) -> DocumentPlace | tuple[DocumentPlace, ...]:
        if isinstance(index, slice):
            return tuple(self[at] for at in range(*index.indices(len(self))))
        at = range(len(self))[index]
        run = bisect_right(self._firsts, at) - 1
        number = self._numbers[run]
        name = _counted(self._name(run), number + at - self._firsts[run] if number >= 0 else -1)
        return DocumentPlace(self._starts[at], self._kind, name)

    def _name(self, run: int) -> str:
        start = self._ends[run - 1] if run else 0
        return self._names[start : self._ends[run]].decode("utf-8", "surrogatepass")


def _counted(name: str, number: int) -> str:
    if number < 0:
        return name
    return f"{name}{number}]" if name.endswith("[") else f"{name}{number}"
