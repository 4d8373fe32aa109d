"""How values look on a page: places, times, sizes, and texts with marked words."""

import json
import re
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import groupby
from pathlib import PurePosixPath
from typing import Any, Final
from urllib.parse import quote, urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from objlib.core.advice import advise
from objlib.core.counting import plural
from objlib.core.reports.answers import AnswerReport, Citation
from objlib.core.reports.excerpt import excerpt, mark, terms
from objlib.core.reports.store import StoreSyncReport
from objlib.core.reports.stores import AdoptionReport, StoreDeletion, StoreMade
from objlib.core.reports.upload import RecoverReport, SyncReport, UploadReport

EXCERPT: Final = 420
"""Characters of a passage on a page of hits: about three lines."""
_PICTURES: Final[dict[int, int | str]] = {
    **{code: 0x2400 + code for code in range(32) if chr(code) not in "\t\n\r"},
    0x7F: 0x2421,
    **dict.fromkeys(range(128, 160), "�"),
}
"""Control characters and the pictures of them (Unicode, Control Pictures); those of C1 have none."""
_DIRECTIONS: Final = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""The marks that turn the direction of writing (Unicode Standard Annex 9, 2)."""
_UNITS: Final = ("B", "kB", "MB", "GB", "TB")


def marked(text: str, query: str, room: int = EXCERPT) -> Markup:
    """The part of ``text`` that fits the query best, its words in ``<mark>``."""
    return _marked(excerpt(text, query, room, "…"), query)


def place_of(citation: Citation) -> str:
    """Lines, page or place of a citation, such as ``lines 4 to 8``."""
    first, last = citation.line_start, citation.line_stop
    parts = [f"line {first}" if first == last else f"lines {first} to {last}"] if first is not None else []
    page = "" if citation.page is None else f"page {citation.page}"
    return " · ".join([*parts, *filter(None, [citation.place or page])])


def link_of(citation: Citation, query: str) -> str:
    """The address of the document at the cited place; empty where the library has no such file."""
    if not citation.known or citation.file_id is None:
        return ""
    place = {"from": citation.line_start, "to": citation.line_stop, "q": query}
    options = urlencode({name: value for name, value in place.items() if value is not None})
    anchor = "#cited" if citation.line_start is not None else ""
    return f"/doc/{quote(citation.file_id)}?{options}{anchor}"


def best_line(lines: Sequence[str], query: str) -> int:
    """The index of the line with most of the query's words, the first of equals: a passage may be a page long."""
    words = terms(query)
    counts = [len(words & set(re.findall(r"\w+", line.casefold()))) for line in lines]
    return counts.index(max(counts)) if counts else 0


_DOUBT: Final = Markup(
    ' <span class="badge warn" title="The passages do not bear this sentence out, as far as words tell">?</span>'
)


def answer_of(report: AnswerReport) -> Markup:
    """The answer in paragraphs, with the numbers of its sources as links behind what they carry."""
    at: dict[int, set[int]] = {}
    doubtful: set[int] = set()
    for support in report.supports:
        stop = len(report.text[: max(0, support.stop)].rstrip())
        at.setdefault(stop, set()).update(support.citations)
        doubtful.update(() if support.holds else (stop,))
    pieces, start = [], 0
    for stop in sorted(at):
        pieces.append(escape(visible(report.text[start:stop])))
        pieces += [
            Markup('<a class="chip" href="#source-{0}">{0}</a>').format(number + 1)
            for number in sorted(at[stop])
        ]
        pieces += [_DOUBT] if stop in doubtful else []
        start = stop
    whole = Markup("").join([*pieces, escape(visible(report.text[start:]))])
    return Markup("").join(
        Markup("<p>{}</p>").format(Markup(part)) for part in whole.split("\n\n") if part.strip()
    )


def lines_with(lines: Sequence[str], query: str) -> list[int]:
    """The indices of the lines that hold at least half of the query's words: places worth jumping to."""
    words = terms(query)
    enough = max(1, (len(words) + 1) // 2)
    counts = [len(words & set(re.findall(r"\w+", line.casefold()))) for line in lines]
    return [at for at, count in enumerate(counts) if count >= enough]


def size_of(number: int) -> str:
    """Bytes in the largest unit that leaves a number of at least one."""
    value, unit = float(number), 0
    while value >= 1000 and unit < len(_UNITS) - 1:
        value, unit = value / 1000, unit + 1
    return f"{value:.0f} {_UNITS[unit]}" if unit == 0 or value >= 10 else f"{value:.1f} {_UNITS[unit]}"


def time_of(seconds: float | None) -> str:
    """A Unix time as date and time in UTC."""
    return "" if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def span_of(seconds: float) -> str:
    """A duration in its two largest units."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [(days, "d"), (hours, "h"), (minutes, "min"), (rest, "s")]
    shown = [f"{number} {unit}" for number, unit in parts if number][:2]
    return " ".join(shown) or "0 s"


def clock_of(seconds: float | None) -> str:
    """A duration that counts down, as hours, minutes and seconds."""
    if seconds is None:
        return ""
    minutes, rest = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes:02}:{rest:02}"


def trail_of(path: str) -> list[tuple[str, str]]:
    """The folders above a path, each with its name and its own path."""
    parents = [parent for parent in PurePosixPath(path).parents if parent.name]
    return [(parent.name, str(parent)) for parent in reversed(parents)]


def condition(key: str, value: str | float) -> str:
    """The metadata filter for documents in which ``key`` has ``value``."""
    name = key if re.fullmatch(r"[\w.-]+", key) else json.dumps(key, ensure_ascii=False)
    return f"{name} = {json.dumps(value, ensure_ascii=False)}"


def grouped(failures: Sequence[Any]) -> list[tuple[str, list[Any]]]:
    """Failures by reason, the most frequent reason first."""
    ordered = sorted(failures, key=lambda failure: (failure.error, failure.path))
    groups = [(reason, list(files)) for reason, files in groupby(ordered, key=lambda failure: failure.error)]
    return sorted(groups, key=lambda group: -len(group[1]))


def visible(value: object) -> str:
    """A value as a text, with a picture for each control character, such as ``␛`` for an escape of a terminal.

    A number of metadata that is whole is written as such: the service keeps every number as a fraction.
    """
    text = str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
    return text.translate(_PICTURES)


def plain(text: object) -> str:
    """The same without the marks that turn the direction of writing, for places that cannot isolate them."""
    return _DIRECTIONS.sub("", visible(text))


def isolated(text: object) -> Markup:
    """The text in an element of its own direction: marks in it turn nothing of what stands around it."""
    return Markup("<bdi>{}</bdi>").format(visible(text))


def sentence(text: str) -> str:
    """A notice as a sentence of its own."""
    text = text.strip()
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith(('.', '?', '!', ':')) or not text else '.'}"


def outcome_of(report: object) -> str:
    """The figures of a run that ended, to be put behind "is done"."""
    report = report.upload if isinstance(report, SyncReport) else report
    if isinstance(report, UploadReport):
        failed = f", {report.failed:,} failed" if report.failed else ""
        early = f"; it ended early: {str(report.stopped).replace('_', ' ')}" if report.stopped else ""
        return f": {report.uploaded:,} sent, {report.deleted:,} removed{failed}{early}"
    if isinstance(report, StoreSyncReport):
        return f": {report.deleted:,} deleted, {report.requeued:,} to be sent again by the next upload"
    if isinstance(report, RecoverReport):
        return f": {report.found:,} unfinished, {report.left:,} left"
    if isinstance(report, StoreDeletion):
        return f": {report.display_name} is gone, with {plural(report.documents, 'document')}"
    if isinstance(report, AdoptionReport):
        return f": {plural(report.adopted, 'file')} took over a document of another tool"
    if isinstance(report, StoreMade):
        return f": {report.display_name} is there"
    return ""


def _marked(text: str, query: str) -> Markup:
    return Markup(
        mark(
            visible(text),
            query,
            lambda word: str(Markup("<mark>{}</mark>").format(word)),
            lambda rest: str(escape(rest)),
        )
    )


def environment() -> Environment:
    """The templates, which escape whatever they are given."""
    templates = Environment(
        loader=PackageLoader("objlib.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters |= {
        "size": size_of,
        "time": time_of,
        "count": plural,
        "span": span_of,
        "place": place_of,
        "clock": clock_of,
        "bdi": isolated,
        "plain": plain,
        "sentence": sentence,
        "outcome": outcome_of,
        "answer": answer_of,
        "trail": trail_of,
        "by_reason": grouped,
    }
    templates.globals |= {
        "marked": marked,
        "marked_line": _marked,
        "link_of": link_of,
        "now": time.time,
        "address": address,
        "condition": condition,
        "command": advise,
    }
    return templates


def address(page: str, /, **options: object) -> str:
    """The address of a page with its options; those without a value are left out."""
    rest = urlencode({name: value for name, value in options.items() if value not in (None, "", False)})
    return f"{page}?{rest}" if rest else page
