"""Searches and answers from the store, with citations that name the present path of a file."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Final

import trio

from objlib.core.advice import advise, quote
from objlib.core.config.settings import Backend
from objlib.core.errors import UsageError
from objlib.core.ids import KEY_FILE, KEY_HASH, KEY_LEDGER, RESERVED_KEYS, FileId
from objlib.core.library.paths import disk_path
from objlib.core.reports.answers import (
    AnswerListener,
    AnswerReport,
    Citation,
    CitationState,
    Support,
    Turn,
    all_weak,
)
from objlib.core.reports.upload import VectorReport
from objlib.embedded import EXTRACTIVE, WEAK, filter_keys
from objlib.engine.app import App
from objlib.engine.requests.governor import Purpose
from objlib.engine.scan.scope import Scope
from objlib.engine.search.locate import CheckedPassage, CitedPassage, check_passages
from objlib.engine.search.written import notice_of, write_answer
from objlib.gemini import Answer, ErrorKind, GeminiError, Passage
from objlib.ledger import FileRow

SYSTEM: Final = (
    "Answer only from the passages that the file search tool returns. Always search first. "
    "If the passages do not answer the question, say so."
)
"""The instruction to search: the API has no way to force a model to use the tool."""
LISTED_KEYS: Final = 20
"""Keys of metadata that are named where a filter has one that no document has."""
LISTED_MODELS: Final = 8
"""Models that are named where there is none of the name that was asked for."""
GROUPED: Final = 4
"""Passages asked for, for each file that is to be shown by its best one."""
MOST_ASKED: Final = 100
"""Passages that the embedded store gives at most."""
_OF_FILTER: Final = "metadataFilter, "
"""The words before the reason where the embedded store refuses a filter."""
_UNKNOWN: Final = CheckedPassage(CitationState.UNKNOWN, None)


async def search(
    app: App, query: str, *, where: str | None = None, top_k: int = 8, all_passages: bool = True
) -> AnswerReport:
    """The best passages for ``query``, best first, without the text of the model.

    Args:
        app: the open application, with its store.
        query: in the words of the question.
        where: a metadata filter such as ``course = "Ethics" AND year >= 2020``.
        top_k: how many passages.
        all_passages: several of one file too; otherwise the best one stands for its file.

    Raises:
        UsageError: the service does not understand the filter.
        GeminiError: the service refused for another reason, or did not answer.
    """
    began = trio.current_time()
    offline = app.settings.backend is Backend.EMBEDDED
    # A model is paid for each passage that it is given; the embedded store has more of them for nothing.
    count = min(GROUPED * top_k, MOST_ASKED) if offline and not all_passages else top_k
    answer = await _ask(app, query, where, count, passages_only=True)
    passages = answer.passages if all_passages else _best_of_each_file(answer.passages)
    shown = replace(answer, text="", passages=passages[:top_k], supports=[])
    report = await _report(app, query, shown, await _notice(app, answer, where), began)
    return replace(report, hidden=0 if all_passages else _hidden(answer.passages, top_k))


def _hidden(passages: list[Passage], top_k: int) -> int:
    """Passages among the first ``top_k`` that another one of their file stands for."""
    first = passages[:top_k]
    return len(first) - len(_best_of_each_file(first))


def _best_of_each_file(passages: list[Passage]) -> list[Passage]:
    best: dict[object, Passage] = {}
    for passage in passages:
        best.setdefault(passage.metadata.get(KEY_FILE, passage.title), passage)
    return list(best.values())


async def ask(
    app: App,
    question: str,
    *,
    where: str | None = None,
    top_k: int = 8,
    history: Sequence[Turn] = (),
    listener: AnswerListener | None = None,
) -> AnswerReport:
    """An answer with the passages that carry it. Arguments and errors as for :func:`search`.

    ``history`` has the turns before the question, the oldest first; of an answer that found nothing, none.
    ``listener`` hears the text as it is written.
    """
    began = trio.current_time()
    if app.settings.answer_url:
        found = await _ask(app, question, where, top_k, passages_only=True, history=history)
        report = await _written(app, question, found, history, listener)
        notes = filter(None, [report.notice, await _notice(app, found, where)])
        return replace(report, notice="; ".join(notes), seconds=trio.current_time() - began)
    answer = await _ask(app, question, where, top_k, history=history, listener=listener)
    notice = await _notice(app, answer, where)
    if answer.model_version == EXTRACTIVE and answer.supports:
        notice = "; ".join(
            filter(None, ["the answer is extracted word for word; no model was asked", notice])
        )
    return await _report(app, question, _with_carriers(answer), notice, began)


async def _written(
    app: App, question: str, found: Answer, history: Sequence[Turn], listener: AnswerListener | None
) -> AnswerReport:
    """The answer that a model of the user writes from the passages of a search, with a notice about its citations."""
    answer, sentences = await write_answer(app.settings, question, found.passages, history, listener)
    notice = notice_of(sentences) if answer.text else ""
    report = await _report(app, question, _with_carriers(answer), notice, trio.current_time())
    holds = {(each.start, each.stop): each.holds for each in sentences}
    supports = [replace(each, holds=holds[each.start, each.stop]) for each in report.supports]
    return replace(report, supports=tuple(supports))


async def _ask(
    app: App,
    question: str,
    where: str | None,
    top_k: int,
    *,
    passages_only: bool = False,
    history: Sequence[Turn] = (),
    listener: AnswerListener | None = None,
) -> Answer:
    offline = app.settings.backend is Backend.EMBEDDED
    request = partial(
        app.client.models.ask,
        model=app.settings.model,
        question=question,
        store=app.store,
        metadata_filter=where,
        top_k=top_k,
        system=SYSTEM,
        max_tokens=1 if passages_only and offline else None,
        for_passages=passages_only or offline,
        history=[(turn.question, turn.answer) for turn in history],
    )
    if listener is not None:
        request = partial(_heard, request, listener)
    try:
        return await app.retrier.call(Purpose.ASK, request, reconnect=False)
    except GeminiError as error:
        if where is not None and error.status == 400 and error.kind is ErrorKind.PERMANENT:
            # A filter alone was wrong, so neither the request nor its status helps.
            raise UsageError(
                f"--filter {where!r} was refused: {str(error).rpartition(_OF_FILTER)[2]}"
            ) from None
        if error.kind is not ErrorKind.NOT_FOUND:
            raise
        refusal = error
    raise await _unknown_model(app) or refusal


async def _heard(request: Callable[..., Awaitable[Answer]], listener: AnswerListener) -> Answer:
    """The answer, which the listener hears; where it fails, the listener hears that before anybody else."""
    pieces: list[str] = []

    def heard(piece: str) -> None:
        pieces.append(piece)
        listener.text(piece)

    try:
        return await request(heard=heard)
    except GeminiError:
        if pieces:
            listener.again()
        raise


async def _unknown_model(app: App) -> UsageError | None:
    """The error for a model that the service does not have, with those it has, the most alike first."""
    model = app.settings.model
    models = await app.client.models.answering(partial(app.retrier.call, Purpose.ASK, reconnect=False))
    if model in models:
        return None
    alike = get_close_matches(model, models, LISTED_MODELS, cutoff=0)
    rest = f" and {len(models) - len(alike):,} more" if len(models) > len(alike) else ""
    return UsageError(
        f"--model {model}: the service has no such model that answers; it has {', '.join(alike) or 'none'}{rest}"
    )


def _with_carriers(answer: Answer) -> Answer:
    """``answer`` with the passages that carry it alone, in the order in which it needs them.

    A text of a model that names no passage keeps all: it was given them, and the service forgets the rest at times.
    """
    order = sorted(answer.supports, key=lambda support: support[1])
    carriers = list(dict.fromkeys(index for _, _, indices in order for index in sorted(indices)))
    if not carriers and answer.text and answer.model_version != EXTRACTIVE:
        return answer
    numbers = {index: number for number, index in enumerate(carriers)}
    supports = [
        (start, stop, tuple(numbers[index] for index in indices)) for start, stop, indices in answer.supports
    ]
    return replace(answer, passages=[answer.passages[index] for index in carriers], supports=supports)


async def _report(app: App, question: str, answer: Answer, notice: str, began: float) -> AnswerReport:
    extracted = answer.model_version == EXTRACTIVE
    citations = await _citations(app, answer.passages)
    if extracted:
        citations = tuple(
            replace(citation, weak=_is_weak(passage))
            for citation, passage in zip(citations, answer.passages, strict=True)
        )
    return AnswerReport(
        question=question,
        backend=str(app.settings.backend),
        store=app.store,
        model=None if extracted else answer.model_version or app.settings.model,
        text=answer.text,
        citations=citations,
        weak=all_weak(citations),
        supports=tuple(Support(start, stop, tuple(indices)) for start, stop, indices in answer.supports),
        notice=notice,
        seconds=trio.current_time() - began,
    )


def _is_weak(passage: Passage) -> bool:
    return passage.confidence is not None and passage.confidence < WEAK


async def _citations(app: App, passages: list[Passage]) -> tuple[Citation, ...]:
    tags = [passage.metadata.get(KEY_FILE) or await _adopted(app, passage) for passage in passages]
    root = app.settings.library
    citations = [_citation(root, passage, None, _UNKNOWN) for passage in passages]
    scope = Scope.of(app.settings)
    for tag in dict.fromkeys(tag for tag in tags if isinstance(tag, str)):
        row = await app.ledger.files.get(FileId(tag))
        if row is None:
            continue
        numbers = [number for number, other in enumerate(tags) if other == tag]
        cited = [CitedPassage(passages[n].text, _hash(passages[n], row)) for n in numbers]
        look = partial(check_passages, scope, row, cited)
        for number, checked in zip(numbers, await app.files(look), strict=True):
            citations[number] = _citation(root, passages[number], row, checked)
    return tuple(citations)


def _citation(root: Path, passage: Passage, row: FileRow | None, checked: CheckedPassage) -> Citation:
    place = checked.place
    return Citation(
        path=row.file_path if row is not None else passage.title,
        text=passage.text,
        file_id=row.file_id if row is not None else None,
        line_start=place.line_start if place else None,
        line_stop=place.line_stop if place else None,
        page=passage.page or checked.page,
        place=checked.label,
        media=passage.media,
        heading=checked.heading or (place.heading if place else None),
        known=row is not None,
        state=checked.state,
        file=None if row is None else disk_path(root, row),
        metadata={key: value for key, value in passage.metadata.items() if key not in RESERVED_KEYS},
    )


async def _adopted(app: App, passage: Passage) -> str | None:
    """The file that took over the document of another tool with this title."""
    return None if KEY_LEDGER in passage.metadata else await app.ledger.adoptions.titled(passage.title)


def _hash(passage: Passage, row: FileRow) -> str | None:
    tag = passage.metadata.get(KEY_HASH)
    if KEY_FILE not in passage.metadata:
        return row.indexed_hash
    return tag if isinstance(tag, str) else None


async def _notice(app: App, answer: Answer, where: str | None) -> str:
    notes = [await _coverage(app, answer), "" if where is None else await _misfits(app, where)]
    return "; ".join(note for note in notes if note)


async def _misfits(app: App, where: str) -> str:
    """A note on what in a filter fits no document: it finds nothing, without an error."""
    keys = await app.ledger.files.metadata_keys()
    asked = filter_keys(where)
    unknown = [key for key in asked if key not in keys and key not in RESERVED_KEYS]
    there = f"the keys there are: {', '.join([*keys][:LISTED_KEYS])}" if keys else "there are no keys"
    notes = (
        [f"no document of this library has the key {' or '.join(unknown)} of --filter; {there}"]
        if unknown
        else []
    )
    notes += [
        f"--filter compares {key} with the text {text}, and every document has a number there"
        for key, text in asked.items()
        if text and keys.get(key)
    ]
    return "; ".join(notes)


def _change_of_model(vectors: VectorReport) -> str:
    """A note on vectors of a model that is to replace the one that answers."""
    share = 100 * vectors.done // max(1, vectors.total)
    command = advise("index") if vectors.begun else advise(f"index --embedder {quote(vectors.coming)}")
    return (
        f"search by meaning uses the vectors of the model before; {share} % are made with {vectors.coming} so far; "
        f"`{command}` finishes them"
    )


async def _coverage(app: App, answer: Answer) -> str:
    if answer.blocked is not None:
        return f"the model refused the question: {answer.blocked}"
    if app.service is None:
        searched = answer.passages or answer.model_version == EXTRACTIVE
        return "" if searched else "the model did not search the store; ask again in other words"
    vectors = await app.service.vectors()
    if vectors.words_only:
        return f"search by words only: {vectors.words_only}"
    if vectors.coming:
        return _change_of_model(vectors)
    if vectors.done < vectors.total:
        share = 100 * vectors.done // max(1, vectors.total)
        return f"search by meaning covers {share} % of the passages so far; `{advise('index')}` finishes it"
    return ""
