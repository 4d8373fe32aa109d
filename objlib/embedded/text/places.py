"""The place of a passage in the words of its format: ``slide 3``, ``sheet Budget, rows 2 to 9``."""

from bisect import bisect_right
from operator import attrgetter

from objlib.embedded.text.extracted import DocumentPlace, Extracted


def place_label(extracted: Extracted, start: int, stop: int) -> str | None:
    """Where the text from ``start`` to ``stop`` stands; None for a format without places, and above the first."""
    places = extracted.places
    last = bisect_right(places, stop - 1, key=attrgetter("start")) - 1
    if last < 0:
        return None
    first = min(last, max(0, bisect_right(places, start, key=attrgetter("start")) - 1))
    if places[last].name.startswith(f"{places[first].name}["):
        first += 1  # of a list in JSON, which is an item too, its own items say more
    return _label(places[first], places[last])


def heading_above(extracted: Extracted, start: int) -> str | None:
    """The nearest heading at or above ``start``."""
    at = bisect_right(extracted.headings, start, key=lambda heading: heading[0])
    return extracted.headings[at - 1][1] if at else None


def page_of(extracted: Extracted, start: int) -> int | None:
    """The page, from 1, on which ``start`` is; None for a format without pages."""
    return bisect_right(extracted.page_starts, start) or None


def _label(first: DocumentPlace, last: DocumentPlace) -> str:
    inside = f"{first.inside}, " if first.inside else ""
    if first.kind == "at":
        return f"{inside}at {first.name}"
    if first == last or (first.kind, first.inside) != (last.kind, last.inside):
        return f"{inside}{first.kind} {first.name}".rstrip()
    return f"{inside}{first.kind}s {first.name} to {last.name}"
