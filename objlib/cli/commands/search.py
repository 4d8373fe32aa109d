"""``objlib search`` and ``objlib ask``."""

from typing import Annotated, Final

from objlib.cli.config import load_settings
from objlib.cli.options import Common, CommonOptions, option
from objlib.core.errors import Exit, UsageError
from objlib.core.library.paths import valid_text

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
Model = Annotated[str | None, option("The model that answers", setting="model")]


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
    text = valid_text(" ".join(words).strip())
    if not text:
        raise UsageError(f"objlib {command} needs a text: objlib {command} 'what to look for'")
    if not 1 <= top_k <= MOST_PASSAGES:
        raise UsageError(f"--top-k must be a whole number from 1 to {MOST_PASSAGES}, not {top_k}")
    if where is not None and not where.strip():
        raise UsageError("--filter is empty; leave it out to look at every document")
    where = None if where is None else valid_text(where)
    settings = load_settings(options, model=model)
    from objlib.cli.render.answer import ask_lines, search_lines
    from objlib.cli.runner import run, show
    from objlib.engine.bootstrap.open_app import Command, StoreNeed
    from objlib.engine.search.ask import ask as engine_ask
    from objlib.engine.search.ask import search as engine_search

    needs = Command(command, records=False, store=StoreNeed.EXISTING, create_ledger=False)
    engine, lines = (engine_search, search_lines) if command == "search" else (engine_ask, ask_lines)
    report = run(settings, needs, lambda app: engine(app, text, where=where, top_k=top_k))
    show(settings, command, report, lambda screen: lines(report, screen))
    return Exit.OK
