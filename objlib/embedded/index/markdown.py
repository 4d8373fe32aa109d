"""What Markdown says about itself: front matter, title, headings."""

import re

_FRONT = re.compile(r"---[ \t]*\r?\n(.*?)^(?:---|\.\.\.)[ \t]*(?:\r?\n|\Z)", re.DOTALL | re.MULTILINE)
_FIELD = re.compile(r"^([A-Za-z_][\w-]*)[ \t]*:[ \t]*(.*?)[ \t]*\r?$", re.MULTILINE)
_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,}).*?(?:^ {0,3}\1[`~]*[ \t]*\r?$|\Z)", re.DOTALL | re.MULTILINE)
_HEADING = re.compile(
    r"^ {0,3}(?:#{1,6}[ \t]+(?P<atx>[^\r\n]+?)[ \t]*#*[ \t]*\r?$"
    r"|(?P<setext>[^\s#>|`~=-][^\r\n]*?)[ \t]*\r?\n {0,3}(?:={3,}|-{3,})[ \t]*\r?$)",
    re.MULTILINE,
)
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
    if block is None:
        return {}, 0
    fields = {m[1].lower(): _unquoted(m[2]) for m in _FIELD.finditer(block[1])}
    return {key: value for key, value in fields.items() if value}, block.end()


def headings(text: str, start: int) -> tuple[tuple[int, str], ...]:
    """(offset, heading) of every ATX and Setext heading from ``start`` on, outside fenced code."""
    fences = [m.span() for m in _FENCE.finditer(text, start)] if "```" in text or "~~~" in text else []
    return tuple(
        (m.start(), (m["atx"] or m["setext"]).strip()[:MAX_HEADING])
        for m in _HEADING.finditer(text, start)
        if not any(a <= m.start() < b for a, b in fences)
    )


def _unquoted(value: str) -> str:
    if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
        inner = value[1:-1]
        return inner.replace('\\"', '"') if value[0] == '"' else inner.replace("''", "'")
    return value
