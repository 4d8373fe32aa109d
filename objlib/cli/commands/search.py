"""``objlib search`` and ``objlib ask``."""

# The engine is loaded when a command runs, so that --help stays fast.

from typing import Annotated

from cyclopts import Parameter

from objlib.cli.config import settle
from objlib.cli.console.output import print_lines, print_object
from objlib.cli.options import CommonOptions, option
from objlib.core.errors import Exit, UsageError
from objlib.core.events import Observer
from objlib.core.reports.answers import AnswerReport

MOST = 100

Filter = Annotated[
    str | None,
    option(
        """Only documents whose metadata fit, such as 'author = "Mill"'""", name="--filter", metavar="EXPR"
    ),
]
TopK = Annotated[int, option(f"How many passages to look at, 1 to {MOST}")]
Model = Annotated[str | None, option("The model that answers", setting="model")]
Common = Annotated[CommonOptions | None, Parameter(name="*")]


def search(
    *query: Annotated[str, option("What to look for")],
    where: Filter = None,
    top_k: TopK = 8,
    model: Model = None,
    options: Common = None,
) -> int:
    """Find passages, best first, each with its file and its place in it."""
    return _answer("search", query, where=where, top_k=top_k, model=model, options=options)


def ask(
    *question: Annotated[str, option("The question")],
    where: Filter = None,
    top_k: TopK = 8,
    model: Model = None,
    options: Common = None,
) -> int:
    """Answer a question from the library, with the passages that the answer stands on."""
    return _answer("ask", question, where=where, top_k=top_k, model=model, options=options)


def _answer(
    command: str,
    words: tuple[str, ...],
    *,
    where: str | None,
    top_k: int,
    model: str | None,
    options: CommonOptions | None,
) -> int:
    text = " ".join(words).strip()
    if not text:
        raise UsageError(f"objlib {command} needs a text: objlib {command} 'what to look for'")
    if not 1 <= top_k <= MOST:
        raise UsageError(f"--top-k must be a whole number from 1 to {MOST}, not {top_k}")
    if where is not None and not where.strip():
        raise UsageError("--filter is empty; leave it out to look at every document")
    settings = settle(options, model=model)
    from objlib.cli.render.answer import ask_lines, search_lines
    from objlib.cli.runner import run, screen
    from objlib.engine.bootstrap.open_app import Command, StoreNeed, open_app
    from objlib.engine.search.ask import ask as engine_ask
    from objlib.engine.search.ask import search as engine_search

    async def work(observer: Observer) -> AnswerReport:
        needs = Command(command, records=False, store=StoreNeed.EXISTING, create_ledger=False)
        async with open_app(settings, needs, observer=observer) as app:
            if command == "search":
                return await engine_search(app, text, where=where, top_k=top_k)
            return await engine_ask(app, text, where=where, top_k=top_k)

    report = run(settings, work)
    if settings.json:
        print_object(command, report)
    elif not settings.quiet:
        render = search_lines if command == "search" else ask_lines
        print_lines(render(report, screen()))
    return Exit.OK
