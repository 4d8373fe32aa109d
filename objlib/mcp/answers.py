"""The answers of the tools: small, and each with the call that leads on."""

from typing import Any, Final

from objlib.core.reports.answers import AnswerReport, Citation
from objlib.core.reports.documents import DocumentText, FolderListing
from objlib.core.reports.status import StatusReport
from objlib.core.reports.upload import UploadReport

MAX_PASSAGE: Final = 1200
"""Characters of one passage: a few of them fit into a model's context beside a conversation."""
LINES_AROUND: Final = 20
"""Lines before a cited one with which the suggested call begins."""

_WEAK: Final = "weak: nothing here answers this well"

Answer = dict[str, Any]


def passages(report: AnswerReport) -> Answer:
    """The passages of a search, best first, each with the call that reads on around it."""
    return _without_empty(
        {
            "passages": [_passage(citation) for citation in report.citations],
            "note": "; ".join(
                filter(None, [_WEAK if report.weak else "", report.notice])
                if report.citations
                else ["nothing was found", report.notice or "try other words"]
            ),
        }
    )


def answer(report: AnswerReport) -> Answer:
    """An answer with its numbered sources."""
    return _without_empty(
        {
            "answer": report.text or "No answer was found in this library.",
            "sources": [{"number": n, **_passage(each)} for n, each in enumerate(report.citations, start=1)],
            "note": report.notice,
        }
    )


def lines(document: DocumentText) -> Answer:
    """Lines of a document with their numbers."""
    last = document.first + len(document.lines) - 1
    more = last < document.total
    return _without_empty(
        {
            "path": document.path,
            "state": document.state,
            "metadata": dict(document.metadata),
            "lines": "\n".join(f"{n}: {line}" for n, line in enumerate(document.lines, start=document.first)),
            "total_lines": document.total,
            "note": document.note,
            "next": f"get_document(path={document.path!r}, first_line={last + 1})" if more else "",
        }
    )


def listing(page: FolderListing) -> Answer:
    """A page of a folder."""
    return _without_empty(
        {
            "folders": [{"path": each.path, "files": each.files} for each in page.folders],
            "documents": [
                _without_empty(
                    {"path": each.path, "state": each.state, "size": each.size, "error": each.error}
                )
                for each in page.documents
            ],
            "next": f"list_documents(folder={page.folder!r}, after={page.after!r})" if page.after else "",
        }
    )


def counts(status: StatusReport) -> Answer:
    """How the library is: files by state and what is wrong."""
    return _without_empty(
        {
            "library": status.library,
            "backend": status.backend,
            "files": {state: number for state, number in status.states.items() if number},
            "missing": status.missing,
            "changed": status.changed,
            "running": status.runs_alive,
            "failures": [f"{each.path}: {each.error}" for each in status.failures[:10]],
        }
    )


def upload(report: UploadReport) -> Answer:
    """The counts of an upload, and its end where that came early."""
    return _without_empty(
        {
            "uploaded": report.uploaded,
            "indexed": report.indexed,
            "unchanged": report.unchanged,
            "failed": report.failed,
            "skipped": report.skipped,
            "pending": report.pending,
            "stopped": report.stopped.headline if report.stopped else "",
            "advice": report.advice,
        }
    )


def _passage(citation: Citation) -> Answer:
    text = citation.text if len(citation.text) <= MAX_PASSAGE else citation.text[:MAX_PASSAGE] + "…"
    first = citation.line_start
    lead = (
        ""
        if first is None
        else f"get_document(path={citation.path!r}, first_line={max(1, first - LINES_AROUND)})"
    )
    return _without_empty(
        {
            "path": citation.path,
            "text": text,
            "lines": None if first is None else [first, citation.line_stop],
            "page": citation.page,
            "heading": citation.heading,
            "state": citation.state.remark,
            "fit": "weak" if citation.weak else "",
            "metadata": dict(citation.metadata),
            "read_on": lead,
        }
    )


def _without_empty(members: Answer) -> Answer:
    """The members that say something."""
    return {name: value for name, value in members.items() if value not in (None, "", {}, [])}
