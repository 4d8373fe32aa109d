"""The front matter and the headings of Markdown."""

import re
from bisect import bisect_right
from typing import Any

from objlib.core.library.front_matter import parse, split

_OPENING = re.compile(r"[\"']?[^\W\d][\w-]*[\"']?[ \t]*:")
_TOML_OPENING = re.compile(r"[\w\"'.-]+[ \t]*=|\[")
_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,}).*?(?:^ {0,3}\1[`~]*[ \t]*\r?$|\Z)", re.DOTALL | re.MULTILINE)
# Each begins with a line break, because Python's engine leaps to a literal but tries "^" at every character.
_ATX = re.compile(r"\n {0,3}#{1,6}[ \t]+([^\r\n]+)")
_FIRST_ATX = re.compile(r" {0,3}#{1,6}[ \t]+([^\r\n]+)")
_UNDERLINE = re.compile(r"\n {0,3}(?:={3,}|-{3,})[ \t]*\r?(?=\n|\Z)")
_NO_HEADING = re.compile(r"\s|[#>|`~=-]|\d+\.|\*\s|\Z")
MAX_HEADING = 150
"""Characters at which a heading is cut: it is context for a passage, and no passage itself."""


def front_matter(text: str) -> tuple[dict[str, str], int]:
    """The values of a front matter block as text, by lower-case key, and the offset of the body.

    Empty and 0 if there is no block, or if it does not open with a key: a text may begin with a rule.
    """
    block = split(text)
    opening = next(
        (line.lstrip() for line in block.lines.split("\n") if line and not line.startswith("#")), ""
    )
    if not (_TOML_OPENING if block.toml else _OPENING).match(opening):
        return {}, 0
    return {key.lower(): _text(value).replace("\0", " ") for key, value in parse(block).items()}, block.body


def _text(value: Any) -> str:
    """A value as text, whatever its type; the items of a list behind one another, nothing of a mapping."""
    if isinstance(value, list):
        return ", ".join(text for item in value if (text := _text(item)))
    return " ".join(value.split()) if isinstance(value, str) else getattr(value, "text", "")


def headings(text: str, start: int) -> tuple[tuple[int, str], ...]:
    """(offset, heading) of every ATX and Setext heading from ``start`` on, outside fenced code.

    The text is not copied: it may have a hundred megabytes.
    """
    text = text if "\n" in text else text.replace("\r", "\n")
    outline: list[tuple[int, str]] = []
    if text.startswith("#", start) or _from(text, "\n#", start) or _from(text, " #", start):
        first = _FIRST_ATX.match(text, start)
        outline += [(start, _without_closing(first[1].strip()))] if first else []
        outline += [(m.start() + 1, _without_closing(m[1].strip())) for m in _ATX.finditer(text, start)]
    for underline in _UNDERLINE.finditer(text, start):
        line = max(start, text.rfind("\n", start, underline.start()) + 1)
        # After a blank line, a list or a quotation the dashes are a rule.
        if not _NO_HEADING.match(text, line, underline.start()):
            outline.append((line, text[line : underline.start()].strip()))
    if outline and (_from(text, "```", start) or _from(text, "~~~", start)):
        fences = [fence.span() for fence in _FENCE.finditer(text, start)]
        before = [bisect_right(fences, (at, len(text))) - 1 for at, _ in outline]
        outline = [
            heading
            for heading, fence in zip(outline, before, strict=True)
            if fence < 0 or heading[0] >= fences[fence][1]
        ]
    return tuple((at, heading[:MAX_HEADING]) for at, heading in sorted(outline) if heading)


def _from(text: str, part: str, start: int) -> bool:
    return text.find(part, start) >= 0


def _without_closing(heading: str) -> str:
    """``Two ##`` is ``Two``, but ``C#`` is ``C#``."""
    bare = heading.rstrip("#")
    return bare.rstrip() if not bare or bare[-1].isspace() else heading
