"""``objlib search`` and ``objlib ask``."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Final

from cyclopts import Parameter

from objlib.cli.commands.several import ask_each, libraries_asked
from objlib.cli.config import load_settings
from objlib.cli.options import Common, CommonOptions, Embedder, Reranker, option, switch
from objlib.core.advice import advise
from objlib.core.config.settings import Settings
from objlib.core.errors import Exit, UsageError
from objlib.core.library.paths import valid_text
from objlib.core.reports.answers import AnswerListener, AnswerReport, merge_passages

MOST_PASSAGES: Final = 100
"""Passages that --top-k may ask for: a model's context holds no more of them."""

Filter = Annotated[
    str | None,
    option(
        """Only documents whose metadata fit, such as 'author = "Mill"'""", name="--filter", metavar="EXPR"
    ),
]
TopK = Annotated[
    int, option(f"How many passages to look at, 1 to {MOST_PASSAGES}", name=("--top-k", "-k"), metavar="N")
]
FailEmpty = Annotated[bool, switch("Exit with 1 where nothing is found")]
Everywhere = Annotated[bool, switch("Ask every library that is known", name="--all")]
Model = Annotated[str | None, option("The model that answers", setting="model")]
AnswerUrl = Annotated[
    str | None,
    option(
        "Let a model of yours write the answer: its chat completions server, such as http://127.0.0.1:11434/v1",
        setting="answer_url",
        metavar="URL",
    ),
]
AnswerModel = Annotated[
    str | None, option("The model there; without it the first that the server has", setting="answer_model")
]


@dataclass(frozen=True)
class AnswerOptions:
    """The models that find passages and write the answer, as ``ask`` and ``chat`` take them."""

    model: Model = None
    answer_url: AnswerUrl = None
    answer_model: AnswerModel = None
    embedder: Embedder = None
    reranker: Reranker = None

    def flags(self) -> dict[str, Any]:
        """The values by setting name."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


Answering = Annotated[AnswerOptions, Parameter(name="*")]
"""The parameter by which a command takes them."""
NO_MODELS: Final = AnswerOptions()
"""None of them named."""


def search(
    *query: Annotated[str, option("What to look for")],
    where: Filter = None,
    top_k: TopK = 8,
    files: Annotated[bool, switch("Print the absolute paths of the files only, each once")] = False,
    null: Annotated[
        bool, switch("The same, each with a NUL behind it, as for xargs -0", name=("--null", "-0"))
    ] = False,
    all_passages: Annotated[bool, switch("Show every passage of a file, not only its best one")] = False,
    fail_empty: FailEmpty = False,
    everywhere: Everywhere = False,
    model: Model = None,
    embedder: Embedder = None,
    reranker: Reranker = None,
    options: Common = None,
) -> int:
    """Find passages, best first, each with its file and its place in it.

    With several libraries each is asked in turn: the first passage of each, then the second of each, and so on.
    """
    question = _question("search", query, where, top_k)
    each_of = libraries_asked(options, everywhere=everywhere)
    load = partial(load_settings, model=model, embedder=embedder, reranker=reranker)
    settings = load(each_of[0])
    files = files or null
    if files and settings.json:
        raise UsageError("--json has the paths in citations[].file; leave out --files and --null")
    from objlib.cli.console.output import print_paths
    from objlib.cli.render.answer import cited_files, file_notes, search_lines, search_notes
    from objlib.cli.runner import note, show
    from objlib.engine.search.ask import search as engine_search

    verb = partial(engine_search, all_passages=all_passages)
    if len(each_of) == 1:
        report = _run(settings, "search", verb, question)
    else:
        answers = ask_each(each_of, load, lambda one: _run(one, "search", verb, question))
        report = merge_passages(answers, top_k)
    if files:
        paths = cited_files(report)
        print_paths(paths, null=null)
        note(settings, file_notes(report))
        return _exit(fail_empty=fail_empty, empty=not paths)
    notes = search_notes(report)
    show(settings, "search", report, lambda screen: search_lines(report, screen), asked=True, notes=notes)
    return _exit(fail_empty=fail_empty, empty=not report.citations)


def ask(
    *question: Annotated[str, option("The question")],
    where: Filter = None,
    top_k: TopK = 8,
    fail_empty: FailEmpty = False,
    everywhere: Everywhere = False,
    models: Answering = NO_MODELS,
    options: Common = None,
) -> int:
    """Answer a question from the library, with the passages that the answer stands on.

    With several libraries each is asked in turn, and each answer stands below the name of its library.
    """
    asked = _question("ask", question, where, top_k)
    each_of = libraries_asked(options, everywhere=everywhere)

    def load(one: CommonOptions) -> Settings:
        return load_settings(one, **models.flags())

    settings = load(each_of[0])
    from objlib.cli.render.answer import ask_lines, ask_notes, library_answer_lines, library_answer_notes
    from objlib.cli.runner import show
    from objlib.engine.search.ask import ask as engine_ask

    def ask_one(one: Settings) -> AnswerReport:
        with shown_as_written(one) as listener:
            return _run(one, "ask", partial(engine_ask, listener=listener), asked)

    if len(each_of) > 1:
        answers = ask_each(each_of, load, ask_one)
        show(
            settings,
            "ask-several",
            {"answers": answers},
            lambda screen: library_answer_lines(answers, screen),
            asked=True,
            notes=library_answer_notes(answers),
            library=[each.library for each in answers],
        )
        return _exit(fail_empty=fail_empty, empty=not any(each.report.citations for each in answers))
    report = ask_one(settings)
    notes = ask_notes(report)
    show(settings, "ask", report, lambda screen: ask_lines(report, screen), asked=True, notes=notes)
    return _exit(fail_empty=fail_empty, empty=not report.citations)


@dataclass(frozen=True, slots=True)
class Question:
    """A question as the engine takes it."""

    text: str
    where: str | None
    top_k: int


@contextmanager
def shown_as_written(settings: Settings) -> Iterator[AnswerListener | None]:
    """Shows an answer on the terminal until it is whole; None where stdout is none, or JSON is wanted."""
    from objlib.cli.console.streamed import streaming
    from objlib.cli.render.answer import text_lines

    shown = None if settings.json else streaming(sys.stdout, text_lines)
    yield shown
    if shown is not None:
        shown.again()  # the answer with its numbers takes its place


def _question(command: str, words: tuple[str, ...], where: str | None, top_k: int) -> Question:
    """The checked question.

    Raises:
        UsageError: it is empty, or an option is out of its range.
    """
    text = valid_text(" ".join(words).strip())
    if not text:
        raise UsageError(f"objlib {command} needs a text: {advise(command, 'what to look for')}")
    return Question(text, checked(where, top_k), top_k)


def checked(where: str | None, top_k: int) -> str | None:
    """The filter as the engine takes it.

    Raises:
        UsageError: it is empty, or ``top_k`` is out of its range.
    """
    if not 1 <= top_k <= MOST_PASSAGES:
        raise UsageError(f"--top-k must be a whole number from 1 to {MOST_PASSAGES}, not {top_k}")
    if where is not None and not where.strip():
        raise UsageError("--filter is empty; leave it out to look at every document")
    return None if where is None else valid_text(where)


def _run(settings: Settings, command: str, verb: Callable[..., Any], question: Question) -> AnswerReport:
    from objlib.cli.runner import run
    from objlib.engine.bootstrap.open_app import Command, StoreNeed

    needs = Command(command, records=False, store=StoreNeed.EXISTING, create_ledger=False, disk=False)
    work = partial(verb, where=question.where, top_k=question.top_k)
    report: AnswerReport = run(settings, needs, lambda app: work(app, question.text))
    return report


def _exit(*, fail_empty: bool, empty: bool) -> Exit:
    return Exit.FATAL if fail_empty and empty else Exit.OK
