"""What Markdown says about itself: front matter, title, headings."""

import re
from bisect import bisect_right

_FRONT = re.compile(r"---[ \t]*\r?\n(.*?)^(?:---|\.\.\.)[ \t]*(?:\r?\n|\Z)", re.DOTALL | re.MULTILINE)
_FIELD = re.compile(r"^([A-Za-z_][\w-]*)[ \t]*:[ \t]*([^\r\n]*)", re.MULTILINE)
_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,}).*?(?:^ {0,3}\1[`~]*[ \t]*\r?$|\Z)", re.DOTALL | re.MULTILINE)
# Each begins with a line break, because Python's engine leaps to a literal but tries "^" at every character.
_ATX = re.compile(r"\n {0,3}#{1,6}[ \t]+([^\r\n]+)")
_UNDERLINE = re.compile(r"\n {0,3}(?:={3,}|-{3,})[ \t]*\r?(?=\n|\Z)")
_NO_HEADING = re.compile(r"\s|[#>|`~=-]|\d+\.|\*\s|\Z")
MAX_HEADING = 150
"""Longer headings are cut: they are context for a passage, not a passage."""


def front_matter(text: str) -> tuple[dict[str, str], int]:
    """The scalar fields of a YAML front matter block, and where the body begins.

    Only ``key: value`` lines are read, quotes taken off; lists and nested values are passed over. That is all
    the index needs, and it is no reason for a YAML parser.

    Returns:
        Fields with lower-case keys (empty if there is no block), and the offset after the block (0 if none).
    """
    block = _FRONT.match(text)
    if block is None or not _FIELD.match(block[1].lstrip()):
        return {}, 0  # a text that merely begins with a rule
    fields = {m[1].lower(): _unquoted(m[2].strip()) for m in _FIELD.finditer(block[1])}
    return {key: value for key, value in fields.items() if value}, block.end()


def headings(text: str, start: int) -> tuple[tuple[int, str], ...]:
    """(offset, heading) of every ATX and Setext heading from ``start`` on, outside fenced code."""
    body = "\n" + text[start:]
    found = (
        [(m.start(), _without_closing(m[1].strip())) for m in _ATX.finditer(body)]
        if "\n#" in body or " #" in body
        else []
    )
    for underline in _UNDERLINE.finditer(body):
        line = body.rfind("\n", 0, underline.start())
        # A rule stands after a blank line; under a list or a quotation it is one too.
        if line >= 0 and not _NO_HEADING.match(body, line + 1, underline.start()):
            found.append((line, body[line + 1 : underline.start()].strip()))
    if found and ("```" in body or "~~~" in body):
        fences = [fence.span() for fence in _FENCE.finditer(body)]
        before = [bisect_right(fences, (at + 1, len(body))) - 1 for at, _ in found]
        found = [
            heading
            for heading, fence in zip(found, before, strict=True)
            if fence < 0 or heading[0] + 1 >= fences[fence][1]
        ]
    return tuple((start + at, heading[:MAX_HEADING]) for at, heading in sorted(found) if heading)


def _without_closing(heading: str) -> str:
    """``Two ##`` is ``Two``, but ``C#`` is ``C#``."""
    bare = heading.rstrip("#")
    return bare.rstrip() if not bare or bare[-1].isspace() else heading


def _unquoted(value: str) -> str:
    if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
        inner = value[1:-1]
        return inner.replace('\\"', '"') if value[0] == '"' else inner.replace("''", "'")
    return value
