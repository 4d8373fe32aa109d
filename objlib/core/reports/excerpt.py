"""The part of a passage that fits a query best."""

import re
from bisect import bisect_left
from collections.abc import Callable


def terms(query: str) -> frozenset[str]:
    """The words of a query that are worth looking for; all of them when every one is short."""
    words = [word.casefold() for word in re.findall(r"\w+", query)]
    return frozenset([word for word in words if len(word) > 3] or words)


def brief(text: str, room: int = 80) -> str:
    """The beginning of what was typed, for a line that repeats it: it may be a whole file."""
    return text if len(text) <= room else text[: room - 1] + "\u2026"


def excerpt(text: str, query: str, room: int, dots: str) -> str:
    """At most about ``room`` characters of ``text`` around the place with most of the query's words.

    ``dots`` stand for the text that is left out.
    """
    flat = " ".join(text.split())
    if len(flat) <= room:
        return flat
    start = _best_start(flat, terms(query), room)
    stop = min(len(flat), start + room)
    if start:
        start = flat.find(" ", max(0, start - 1), stop) + 1 or start
    if stop < len(flat):
        stop = flat.rfind(" ", start, stop + 1) if flat.rfind(" ", start, stop + 1) > start else stop
    return f"{dots if start else ''}{flat[start:stop].strip()}{dots if stop < len(flat) else ''}"


def _best_start(text: str, words: frozenset[str], room: int) -> int:
    """Where the window begins that holds the most different words of the query, then the most words."""
    hits = [
        (match.start(), word)
        for match in re.finditer(r"\w+", text)
        if (word := _matches(match.group().casefold(), words))
    ]
    if not hits:
        return 0
    starts = [at for at, _ in hits]
    best, best_at, best_last = (0, 0), 0, 0
    for index, (at, _) in enumerate(hits):
        last = bisect_left(starts, at + room)
        inside = hits[index:last]
        value = (len({word for _, word in inside}), len(inside))
        if value > best:
            best, best_at, best_last = value, at, starts[last - 1]
    # The words stand in the middle of the window, not at its edge.
    slack = max(0, room - (best_last - best_at)) // 2
    return max(0, min(best_at - slack, len(text) - room))


def mark(text: str, query: str, emphasise: Callable[[str], str], plain: Callable[[str], str] = str) -> str:
    """The text with each of the query's words as ``emphasise`` writes it, and all between as ``plain`` does."""
    words, pieces, end = terms(query), list[str](), 0
    for match in re.finditer(r"\w+", text):
        if _matches(match.group().casefold(), words):
            pieces += [plain(text[end : match.start()]), emphasise(match.group())]
            end = match.end()
    return "".join([*pieces, plain(text[end:])])


def _matches(word: str, words: frozenset[str]) -> str:
    """The query's word that ``word`` is, or is a form of; empty for none."""
    if word in words:
        return word
    return next((term for term in sorted(words) if len(term) > 3 and word.startswith(term)), "")
