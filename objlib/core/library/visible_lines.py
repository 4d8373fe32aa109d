"""The visible text of a marked-up file on the lines of its source, so that a passage of it has a line.

A passage of a page has no tags, so it does not stand in the source letter by letter. Here each tag, comment and cue
time is replaced by the line breaks that are in it: the words that are left stand on the lines that an editor shows.
One pass, linear in the source whatever it holds.
"""

import re
from collections.abc import Iterator
from html import unescape
from typing import Final

_HIDDEN: Final = frozenset(
    {"script", "style", "template", "noscript", "svg", "math", "iframe", "object", "title"}
)
"""Elements whose content is no text of the page."""
_INLINE: Final = frozenset(
    "a abbr acronym b bdi bdo big cite code data del dfn em font i ins kbd label mark nobr output q rp rt ruby s samp "
    "small span strike strong sub sup time tt u var wbr".split()
)
"""Elements that end no word; any other one stands between two."""
_NAME: Final = re.compile(r"</?(?:[A-Za-z][\w.-]*:)?([A-Za-z][\w-]*)|<[!?]")
_BREAKS: Final = re.compile(r"\r\n|\r|\n")
_CUE: Final = re.compile(
    r"(?m)^(?:WEBVTT.*|\d+[ \t]*|[ \t]*(?:\d+:)?\d\d:\d\d[.,]\d{3}[ \t]*-->.*)$|<[^<>\n]{0,200}>"
)
"""Lines and signs of subtitles that are no words: its head, the numbers and times of cues, and tags."""
_MARKUP: Final = frozenset({"text/html", "application/xhtml+xml"})
_SUBTITLES: Final = (".srt", ".vtt")


def visible_lines(text: str, mime_type: str, name: str) -> str:
    """The words of ``text`` on their lines; the text itself for a type that is not marked up.

    Args:
        text: decoded, as the index reads it.
        mime_type: of the file.
        name: of the file; subtitles are text of no type of their own.
    """
    kind = mime_type.partition(";")[0].strip().lower()
    if name.lower().endswith(_SUBTITLES):
        return _CUE.sub("", text)
    return "".join(_pieces(_BREAKS.sub("\n", text))) if kind in _MARKUP else text


def _pieces(source: str) -> Iterator[str]:
    at, tags = 0, _Tags(source)
    while (start := source.find("<", at)) >= 0:
        yield _unescaped(source[at:start])
        name = _NAME.match(source, start)
        if name is None:  # a sign of the text
            yield "<"
            at = start + 1
            continue
        at = tags.end(start, (name[1] or "").lower(), closes=source.startswith("</", start))
        border = name[1] and name[1].lower() not in _INLINE | _HIDDEN
        yield " " * bool(border) + "\n" * source.count("\n", start, at)
    yield _unescaped(source[at:])


class _Tags:
    """Where the tags of a source end. What was searched to the end in vain is not searched for again."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._absent: set[str] = set()

    def end(self, start: int, name: str, *, closes: bool) -> int:
        """The offset behind the tag at ``start``, and behind the content of an element that is not shown."""
        if self._source.startswith("<!--", start):
            return self._after("-->", start + 4)
        if self._source.startswith("<![CDATA[", start):
            return start + len("<![CDATA[")
        end = self._end_of_tag(start + 1)
        if name not in _HIDDEN or closes or self._source.startswith("/>", end - 2):
            return end
        return self._end_of_tag(self._after(f"</{name}", end))

    def _end_of_tag(self, at: int) -> int:
        source = self._source
        while True:
            close = source.find(">", at)
            if close < 0:
                return len(source)
            quotes = [place for quote in "\"'" if (place := source.find(quote, at, close)) >= 0]
            if not quotes:
                return close + 1
            quote = min(quotes)
            after = self._after(source[quote], quote + 1)
            if after == len(source) and not source.endswith(source[quote]):
                return close + 1  # it opens nothing
            at = after

    def _after(self, word: str, at: int) -> int:
        """The offset behind the next ``word`` in any case of letters; the end of the source without one."""
        if word in self._absent:
            return len(self._source)
        found = re.compile(re.escape(word), re.IGNORECASE).search(self._source, at)
        if found is None:
            self._absent.add(word)
            return len(self._source)
        return found.end()


def _unescaped(text: str) -> str:
    """Text with its character references as characters, and no line more than before."""
    if "&" not in text:
        return text
    return "\n".join(_BREAKS.sub(" ", unescape(line)) for line in text.split("\n"))
