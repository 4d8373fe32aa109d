"""Subtitles (SubRip, WebVTT) to text: what is said, and when."""

import re
from typing import Final

from objlib.embedded.text.builder import TextBuilder
from objlib.embedded.text.extracted import Extracted

_TIMES: Final = re.compile(
    r"((?:\d{1,4}:)?\d{1,2}:\d{2})[.,]\d{1,3}[ \t]*-->[ \t]*(?:\d{1,4}:)?\d{1,2}:\d{2}[.,]\d{1,3}"
)
_MARKUP: Final = re.compile(r"</?[A-Za-z0-9][^<>]{0,200}>|<\d[\d:.]{0,20}>|\{\\[^{}]{0,200}\}")
_SPEAKER: Final = re.compile(r"<v(?:\.[\w.-]{1,100})?[ \t]+([^<>]{1,100})>")


def is_subtitles(text: str) -> bool:
    """Whether there is a line that says from when until when."""
    return _TIMES.search(text) is not None and "-->" in text


def subtitles_text(text: str) -> Extracted:
    """Extract what is said; a place is the time at which a cue appears.

    A text without any times is kept as it is.
    """
    if not is_subtitles(text):
        return Extracted(text)
    builder = TextBuilder("\n")
    cue: list[str] = []
    speaking = False
    lines = text.splitlines()
    for number, line in enumerate(lines):
        times = _TIMES.match(line.strip())
        if times:
            _write(builder, cue)
            builder.place("at", _clock(times[1]))
            speaking = True
        elif not line.strip():
            _write(builder, cue)
            speaking = False
        elif speaking and not (line.strip().isdecimal() and _before_times(lines, number)):
            cue.append(line)
    _write(builder, cue)
    return builder.finish()


def _before_times(lines: list[str], number: int) -> bool:
    return number + 1 < len(lines) and _TIMES.match(lines[number + 1].strip()) is not None


def _write(builder: TextBuilder, cue: list[str]) -> None:
    if cue:
        said = [_MARKUP.sub("", _SPEAKER.sub(r"\1: ", line)).strip() for line in cue]
        builder.add(" ".join(filter(None, said)))
        cue.clear()


def _clock(time: str) -> str:
    """``1:02`` as ``00:01:02``."""
    parts = time.split(":")
    return ":".join(part.zfill(2) for part in ["00"] * (3 - len(parts)) + parts)
