"""Passages and answers, each with its place in the library."""

import re
from collections.abc import Iterable

from objlib.cli.console.terminal import Terminal, plural, safe, safe_block, wrap
from objlib.cli.render.excerpt import excerpt, mark
from objlib.core.reports.answers import AnswerReport, Citation, CitationState, Support


def search_lines(report: AnswerReport, screen: Terminal) -> list[str]:
    """Ranked passages with an excerpt of the part that fits the query best."""
    if not report.citations:
        return [f"Nothing found for {_quoted(report.question)}.", *_notice(report, screen)]
    lines: list[str] = []
    for number, citation in enumerate(report.citations, start=1):
        lines += [f"{screen.bold(f'{number}.')} {_place(citation, screen)}"]
        text = excerpt(
            safe_block(citation.text), report.question, 3 * (screen.width - 3), screen.sign("…", "...")
        )
        lines += [f"   {mark(line, report.question, screen)}" for line in wrap(text, screen.width - 3)]
        lines.append("")
    return [*lines, screen.dim(plural(len(report.citations), "passage")), *_notice(report, screen)]


def ask_lines(report: AnswerReport, screen: Terminal) -> list[str]:
    """The answer with ``[1]`` at what a source carries, and the sources."""
    lines: list[str] = []
    if not report.text.strip():
        lines.append("No answer was found in this library.")
    for paragraph in _paragraphs(safe_block(with_markers(report.text, report.supports))):
        lines += _wrapped(paragraph, screen)
    if report.citations:
        lines += ["", screen.bold("Sources")]
    for number, citation in enumerate(report.citations, start=1):
        lines.append(f"[{number}] {_place(citation, screen)}")
        text = excerpt(
            safe_block(citation.text), report.question, 2 * (screen.width - 4), screen.sign("…", "...")
        )
        lines += [f"    {screen.dim(line)}" for line in wrap(text, screen.width - 4)]
    return lines + ([""] if report.notice else []) + _notice(report, screen)


def with_markers(text: str, supports: Iterable[Support]) -> str:
    """The answer with the numbers of its sources behind each supported span.

    Spans that end at the same place share one marker list; offsets outside the text end at its end.
    """
    at: dict[int, set[int]] = {}
    for support in supports:
        stop = max(0, min(support.stop, len(text)))
        # A marker belongs behind the last word, not behind the line break after it.
        stop = len(text[:stop].rstrip())
        at.setdefault(stop, set()).update(support.citations)
    for stop in sorted(at, reverse=True):
        numbers = "".join(f"[{index + 1}]" for index in sorted(at[stop]))
        text = f"{text[:stop]}{' ' if stop and numbers else ''}{numbers}{text[stop:]}"
    return text


_REMARKS = {
    CitationState.CHANGED: "changed since it was indexed",
    CitationState.GONE: "gone from disk",
    CitationState.LEFT_OUT: "left out of the library by now",
    CitationState.REPLACED: "replaced on disk by something else",
    CitationState.UNREADABLE: "cannot be read on disk",
    CitationState.UNKNOWN: "not in this library",
}
_OWN_LINE = re.compile(r"\s*(?:[-*+•]\s|\d+[.)]\s|#{1,6}\s|[|>]|```|$)|\s{4}")
"""The start of a line that Markdown does not join to the one before: a list item, a heading, a table and such."""


def _paragraphs(text: str) -> list[str]:
    """The text with lines joined that only break because the source did, as Markdown reads them."""
    result: list[str] = []
    joins = False
    for line in text.strip("\n").split("\n"):
        own = _OWN_LINE.match(line) is not None
        if joins and not own:
            result[-1] = f"{result[-1]} {line.strip()}"
        else:
            result.append(line)
        joins = bool(line.strip()) and not line.lstrip().startswith(("#", "|", "```"))
    return result


def _wrapped(paragraph: str, screen: Terminal) -> list[str]:
    """One paragraph of the answer; list items keep their indent."""
    lead = re.match(r"\s*(?:[-*+•]\s+|\d+[.)]\s+)?", paragraph)
    indent = lead.group() if lead else ""
    lines = wrap(paragraph[len(indent) :], max(20, screen.width - len(indent)))
    return [f"{indent if first == 0 else ' ' * len(indent)}{line}" for first, line in enumerate(lines)] or [
        ""
    ]


def _place(citation: Citation, screen: Terminal) -> str:
    """Path, line, place or page, and heading."""
    path = safe(citation.path)
    if citation.line_start is not None:
        path += f":{citation.line_start}"
        if citation.line_stop is not None and citation.line_stop != citation.line_start:
            path += f"-{citation.line_stop}"
    parts = [screen.cyan(path)]
    if citation.place:
        parts.append(safe(citation.place))
    elif citation.page is not None:
        parts.append(f"page {citation.page}")
    if citation.heading:
        parts.append(safe(" ".join(citation.heading.split())))
    if remark := _REMARKS.get(citation.state):
        parts.append(screen.yellow(remark))
    return screen.sign(" · ", " | ").join(parts)


def _notice(report: AnswerReport, screen: Terminal) -> list[str]:
    return [screen.dim(line) for line in wrap(safe(report.notice), screen.width)] if report.notice else []


def _quoted(text: str) -> str:
    return f'"{safe(text)}"'
