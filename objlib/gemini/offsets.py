"""From the service's UTF-8 byte offsets within one part to character offsets in the whole answer."""

from collections.abc import Sequence

from objlib.gemini.wire import SegmentShape


class Spans:
    """The text of an answer made of parts, and where segments of it are.

    A part that is None is not in the answer, though it counts in indices.
    """

    def __init__(self, parts: Sequence[str | None]) -> None:
        self.text = "".join(part or "" for part in parts)
        self._starts: list[int] = []
        self._parts = [None if part is None else _utf8(part) for part in parts]
        length = 0
        for part in parts:
            self._starts.append(length)
            length += len(part or "")

    def find(self, segment: SegmentShape) -> tuple[int, int] | None:
        """First character of ``segment`` and the one after its last; None where it is not in the text.

        Offsets that cut a character are widened to hold it. Where the segment's own text is not at its
        offsets, they are tried from the start of the whole text, and at last the text itself is looked for.
        """
        candidates = []
        if (
            0 <= segment.part_index < len(self._parts)
            and (part := self._parts[segment.part_index]) is not None
        ):
            start = self._starts[segment.part_index]
            candidates.append(_chars(part, segment.start_index, segment.end_index, start))
        candidates.append(_chars(_utf8(self.text), segment.start_index, segment.end_index, 0))
        for span in candidates:
            if span is not None and (not segment.text or self.text[span[0] : span[1]] == segment.text):
                return span
        at = self.text.find(segment.text) if segment.text else -1
        return None if at < 0 else (at, at + len(segment.text))


def _chars(data: bytes, start: int, stop: int, base: int) -> tuple[int, int] | None:
    """Character offsets, from ``base`` on, of the bytes ``start:stop`` of ``data``; None when empty."""
    start, stop = max(start, 0), min(stop, len(data))
    if start >= stop:
        return None
    while start and _inside(data[start]):
        start -= 1
    while stop < len(data) and _inside(data[stop]):
        stop += 1
    first = base + len(data[:start].decode("utf-8", "surrogatepass"))
    return first, first + len(data[start:stop].decode("utf-8", "surrogatepass"))


def _inside(byte: int) -> bool:
    """Whether a UTF-8 byte continues a character."""
    return byte & 0xC0 == 0x80


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
