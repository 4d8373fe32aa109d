"""The place of a passage in the words of its format: ``slide 3``, ``sheet Budget, rows 2 to 9``."""

from bisect import bisect_right
from operator import attrgetter
from typing import NamedTuple

from objlib.embedded.text.extracted import DocumentPlace, Extracted


class PassagePlace(NamedTuple):
    """Where a passage stands: its place, the heading above it, and its page; each None where there is none."""

    label: str | None = None
    heading: str | None = None
    page: int | None = None


def passage_place(extracted: Extracted, start: int, stop: int) -> PassagePlace:
    """Where the text from ``start`` to ``stop`` stands."""
    at = bisect_right(extracted.headings, start, key=lambda heading: heading[0])
    heading = extracted.headings[at - 1][1] if at else None
    page = bisect_right(extracted.page_starts, start) or None
    return PassagePlace(place_label(extracted, start, stop), heading, page)


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


def _label(first: DocumentPlace, last: DocumentPlace) -> str:
    inside = f"{first.inside}, " if first.inside else ""
    if first.kind == "at":
        return f"{inside}at {first.name}"
    if first == last or (first.kind, first.inside) != (last.kind, last.inside):
        return f"{inside}{first.kind} {first.name}".rstrip()
    return f"{inside}{first.kind}s {first.name} to {last.name}"
