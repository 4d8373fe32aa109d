"""Passages and answers, each with its place in the library."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from objlib.cli.console.terminal import Terminal, safe, safe_block, wrap
from objlib.core.counting import plural
from objlib.core.reports.answers import AnswerReport, Citation, LibraryAnswer, with_markers
from objlib.core.reports.excerpt import brief, excerpt, mark

WEAK_NOTE: Final = "weak: nothing here answers this well"
"""The line under passages of which none fits."""


def search_lines(report: AnswerReport, screen: Terminal) -> list[str]:
    """Ranked passages with an excerpt of the part that fits the query best."""
    lines: list[str] = []
    for number, citation in enumerate(report.citations, start=1):
        lines += [f"{screen.bold(f'{number}.')} {_place(citation, screen)}"]
        text = excerpt(
            safe_block(citation.text), report.question, 3 * (screen.width - 3), screen.sign("…", "...")
        )
        lines += [f"   {mark(line, report.question, screen.bold)}" for line in wrap(text, screen.width - 3)]
        lines.append("")
    return lines[:-1]


def ask_lines(report: AnswerReport, screen: Terminal) -> list[str]:
    """The answer with ``[1]`` at what a source carries, and the sources."""
    lines = text_lines(with_markers(report.text, report.supports), screen)
    if report.citations:
        lines += ["", screen.bold("Sources")]
    for number, citation in enumerate(report.citations, start=1):
        lines.append(f"[{number}] {_place(citation, screen)}")
        text = excerpt(
            safe_block(citation.text), report.question, 2 * (screen.width - 4), screen.sign("…", "...")
        )
        lines += [f"    {screen.dim(line)}" for line in wrap(text, screen.width - 4)]
    return lines


def text_lines(text: str, screen: Terminal) -> list[str]:
    """The text of an answer in lines that fit; none where it is blank."""
    paragraphs = _paragraphs(safe_block(text)) if text.strip() else []
    return [line for paragraph in paragraphs for line in _wrapped(paragraph, screen)]


def library_answer_lines(answers: Sequence[LibraryAnswer], screen: Terminal) -> list[str]:
    """The answer of each library that has one, below its folder."""
    lines: list[str] = []
    for each in answers:
        if each.report.citations or each.report.text.strip():
            lines += [screen.bold(safe(each.library)), *ask_lines(each.report, screen), ""]
    return lines[:-1]


def library_answer_notes(answers: Sequence[LibraryAnswer]) -> list[str]:
    """Lines about the answers of several libraries, each with its folder."""
    return [f"{safe(each.library)}: {note}" for each in answers for note in ask_notes(each.report)]


def search_notes(report: AnswerReport) -> list[str]:
    """Lines about the passages, which are none of them: how many there are, and what was not searched."""
    number = plural(len(report.citations), "passage")
    if report.hidden:
        number += f", each the best of its file; --all-passages shows {report.hidden} more"
    first = number if report.citations else f"nothing found for {_quoted(report.question)}"
    return [first, *([WEAK_NOTE] if report.weak else []), *([report.notice] if report.notice else [])]


def ask_notes(report: AnswerReport) -> list[str]:
    """Lines about the answer: that there is none, where it is from, and what was not searched."""
    first = [] if report.text.strip() else ["no answer was found in this library"]
    return [*first, *([report.notice] if report.notice else [])]


def cited_files(report: AnswerReport) -> list[str]:
    """The absolute paths of the files that passages are from, each once, best first; those that can be opened."""
    files = (cited.file for cited in report.citations if cited.state.opens)
    return list(dict.fromkeys(file for file in files if file is not None))


def file_notes(report: AnswerReport) -> list[str]:
    """The same for a list of files, with the passages whose files are not in it."""
    closed = sum(not (cited.state.opens and cited.file) for cited in report.citations)
    rest = [f"{plural(closed, 'passage')} of files that cannot be opened now"] if closed else []
    return [*rest, *search_notes(report)]


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
    parts = [
        *([screen.bold(safe(Path(citation.library).name))] if citation.library else []),
        screen.cyan(path),
    ]
    if citation.place:
        parts.append(safe(citation.place))
    elif citation.page is not None:
        parts.append(f"page {citation.page}")
    if citation.media:
        parts.append(f"picture {safe(citation.media)}")
    if citation.heading:
        parts.append(safe(" ".join(citation.heading.split())))
    if citation.weak:
        parts.append(screen.yellow("weak"))
    if remark := citation.state.remark:
        parts.append(screen.yellow(remark))
    return screen.sign(" · ", " | ").join(parts)


def _quoted(text: str) -> str:
    return f'"{safe(brief(text))}"'
