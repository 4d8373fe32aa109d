"""The borders of sentences."""

import re

CLOSERS = "[\"')\\]\u201d\u2019\u00bb*_]"
"""Quotation marks and brackets that belong to the sentence before them."""
SENTENCE_BORDER = re.compile(
    "(?:(?<=[.!?\u2026])"
    f"|(?<=[.!?\u2026]{CLOSERS})"
    f"|(?<=[.!?\u2026]{CLOSERS}{CLOSERS}))\\s+"
    "|(?<=[\u3002\uff01\uff1f])"
)
"""The white space between two sentences; quotation marks and brackets stay with the sentence they close."""
_BLANK_LINE = re.compile(r"\n\s*\n\s*")
# "Dr.", "Is.", "cf.", "J.": a short word with a capital, or one letter. Few sentences end in one.
_ABBREVIATION = re.compile(r"(?:\b[A-Z][a-z]{0,2}|\b[A-Za-z]|\b(?:cf|vol|ed|pp|ch|sec|art|etc|viz))\.$")


def sentences(text: str) -> list[tuple[int, int]]:
    """(start, stop) of each sentence, without white space around it; a blank line ends a sentence too."""
    out: list[tuple[int, int]] = []
    position = 0
    for block in [*_BLANK_LINE.finditer(text), None]:
        end = block.start() if block else len(text)
        start = position
        for border in SENTENCE_BORDER.finditer(text, position, end):
            if _goes_on(text, start, border.start(), border.end()):
                continue
            _add(out, text, start, border.start())
            start = border.end()
        _add(out, text, start, end)
        position = block.end() if block else end
    return out


def _goes_on(text: str, start: int, stop: int, following: int) -> bool:
    """Whether the full stop at ``stop`` belongs to an abbreviation."""
    if text[stop - 1] != ".":
        return False
    after = text[following : following + 1]
    return after.islower() or _ABBREVIATION.search(text, max(start, stop - 8), stop) is not None


def _add(out: list[tuple[int, int]], text: str, start: int, stop: int) -> None:
    piece = text[start:stop]
    if piece.strip():
        out.append((start + len(piece) - len(piece.lstrip()), stop - len(piece) + len(piece.rstrip())))
