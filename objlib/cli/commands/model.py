"""``objlib model``."""

from functools import partial
from pathlib import Path
from typing import Annotated, Literal

from objlib.cli.config import load_settings
from objlib.cli.options import Common, option
from objlib.core.errors import Exit
from objlib.core.events import Observer
from objlib.core.reports.models import ModelReport
from objlib.sources import LibraryNeed, working_folder


def model(
    action: Annotated[Literal["check"], option("check: load it, time it and score it")],
    path: Annotated[Path, option("Folder with the ONNX graph and the tokenizer")],
    /,
    *,
    options: Common = None,
) -> int:
    """Check a model for --embedder or --reranker: is it one, how fast is it, and what does it find?

    It is scored on a small built-in set of questions in English and eight other languages.
    """
    settings = load_settings(options, place=LibraryNeed.ANY)
    from objlib.cli.render.models import model_lines
    from objlib.cli.runner import run_without_app, show
    from objlib.engine.models import check

    async def work(_: Observer) -> ModelReport:
        return await check(working_folder() / path.expanduser())

    report = run_without_app(settings, work, with_ledger=False)
    show(settings, "model-check", report, partial(model_lines, report))
    return Exit.FATAL if report.weak else Exit.OK
