"""Searches and answers from the store, with citations that name the present path of a file."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

import trio

from objlib.core.errors import UsageError
from objlib.core.ids import KEY_FILE, RESERVED_KEYS, FileId
from objlib.core.library.paths import disk_path
from objlib.core.reports.answers import AnswerReport, Citation, Support
from objlib.engine.app import App
from objlib.engine.requests.governor import Purpose
from objlib.engine.search.locate import locate_in_file
from objlib.gemini import Answer, ErrorKind, GeminiError, Passage

SYSTEM: Final = (
    "Answer only from the passages that the file search tool returns. Always search first. "
    "If the passages do not answer the question, say so."
)
"""The instruction to search: the API has no way to force a model to use the tool."""


async def search(app: App, query: str, *, where: str | None = None, top_k: int = 8) -> AnswerReport:
    """The best passages for ``query``, best first, without the text of the model.

    Args:
        app: the open application, with its store.
        query: in the words of the question.
        where: a metadata filter such as ``course = "Ethics" AND year >= 2020``.
        top_k: how many passages.

    Raises:
        UsageError: the service does not understand the filter.
        GeminiError: the service refused for another reason, or did not answer.
    """
    report = await ask(app, query, where=where, top_k=top_k)
    return replace(report, text="", citations=report.citations[:top_k], supports=())


async def ask(app: App, question: str, *, where: str | None = None, top_k: int = 8) -> AnswerReport:
    """An answer with its citations. Arguments and errors as for :func:`search`."""
    began = trio.current_time()
    try:
        request = partial(
            app.client.models.ask,
            model=app.settings.model,
            question=question,
            store=app.store,
            metadata_filter=where,
            top_k=top_k,
            system=SYSTEM,
        )
        answer = await app.retrier.call(Purpose.ASK, request, reconnect=False)
    except GeminiError as error:
        if where is not None and error.status == 400 and error.kind is ErrorKind.PERMANENT:
            raise UsageError(f"--filter {where!r} was refused: {error}") from None
        raise
    return AnswerReport(
        question=question,
        backend=str(app.settings.backend),
        store=app.store,
        model=answer.model_version or app.settings.model,
        text=answer.text,
        citations=await _citations(app, answer.passages),
        supports=tuple(Support(start, stop, tuple(indices)) for start, stop, indices in answer.supports),
        notice=await _notice(app, answer),
        seconds=trio.current_time() - began,
    )


async def _citations(app: App, passages: list[Passage]) -> tuple[Citation, ...]:
    ids = {FileId(tag) for passage in passages if isinstance(tag := passage.metadata.get(KEY_FILE), str)}
    citations: list[Citation] = []
    rows = {file_id: await app.ledger.files.get(file_id) for file_id in sorted(ids)}
    for passage in passages:
        tag = passage.metadata.get(KEY_FILE)
        row = rows.get(FileId(tag)) if isinstance(tag, str) else None
        place = None
        if row is not None:
            path = Path(disk_path(app.settings.library, row))
            place = await app.files(partial(locate_in_file, path, passage.text))
        citations.append(
            Citation(
                path=row.file_path if row is not None else passage.title,
                text=passage.text,
                file_id=row.file_id if row is not None else None,
                line_start=place.line_start if place else None,
                line_stop=place.line_stop if place else None,
                page=passage.page,
                heading=place.heading if place else None,
                known=row is not None,
                metadata={key: value for key, value in passage.metadata.items() if key not in RESERVED_KEYS},
            )
        )
    return tuple(citations)


async def _notice(app: App, answer: Answer) -> str:
    if answer.blocked is not None:
        return f"the model refused the question: {answer.blocked}"
    if app.service is None:
        return "" if answer.passages else "the model did not search the store; ask again in other words"
    vectors = await app.service.vectors()
    if not vectors.available:
        return f"search by words only: {vectors.reason}"
    if vectors.done < vectors.total:
        share = 100 * vectors.done // max(1, vectors.total)
        return f"search by meaning covers {share} % of the passages so far; `objlib upload` goes on with it"
    return ""
