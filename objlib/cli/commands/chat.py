"""``objlib chat``."""

import sys
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final

from objlib.cli.commands.search import NO_MODELS, Answering, Filter, TopK, checked, shown_as_written
from objlib.cli.config import load_settings
from objlib.cli.options import Common
from objlib.core.config.settings import Settings
from objlib.core.errors import Exit, ObjlibError
from objlib.core.library.paths import valid_text
from objlib.core.reports.answers import AnswerReport, Turn

if TYPE_CHECKING:
    from objlib.engine.app import App

REMEMBERED: Final = 10
"""Turns that a question is asked with: each is paid for again, and what was long ago is seldom meant."""


def chat(
    *,
    where: Filter = None,
    top_k: TopK = 8,
    models: Answering = NO_MODELS,
    options: Common = None,
) -> int:
    """Ask one question after another; each may follow up on those before.

    A line is a question. /new forgets what was said, /quit or the end of the input ends.
    From a pipe each line is answered in turn, and the first error ends it; --json prints one object for each answer.
    """
    where = checked(where, top_k)
    settings = load_settings(options, **models.flags())
    from objlib.cli.console.terminal import is_terminal
    from objlib.cli.runner import run
    from objlib.engine.bootstrap.open_app import Command, StoreNeed

    conversation = Conversation(settings, where, top_k, typed=is_terminal(sys.stdin))
    needs = Command("chat", records=False, store=StoreNeed.EXISTING, create_ledger=False)
    run(settings, needs, conversation.hold)
    return Exit.OK


@dataclass(slots=True)
class Conversation:
    """Questions and answers in turn.

    Attributes:
        typed: whether the user types the questions, and may go on after an error.
        turns: what was said so far, since the last ``/new``.
    """

    settings: Settings
    where: str | None
    top_k: int
    typed: bool
    turns: list[Turn] = field(default_factory=list)

    async def hold(self, app: "App") -> None:
        """Answer each line of standard input until it ends.

        Raises:
            ObjlibError: a question from a pipe could not be answered.
        """
        from objlib.cli.console.errors import print_message
        from objlib.cli.console.lines import InputLines

        lines = InputLines("> " if self.typed and not self.settings.quiet else "")
        while (line := await lines.read()) is not None:
            question = valid_text(line.strip())
            if question == "/quit":
                return
            if question == "/new":
                self.turns.clear()
            elif question:
                try:
                    await self._answer(app, question)
                except ObjlibError as error:
                    if not self.typed or error.exit_code is Exit.INTERRUPTED:
                        raise
                    print_message(str(error))

    async def _answer(self, app: "App", question: str) -> None:
        from objlib.engine.search.ask import ask

        history = self.turns[-REMEMBERED:]
        with shown_as_written(self.settings) as listener:
            report = await ask(
                app, question, where=self.where, top_k=self.top_k, history=history, listener=listener
            )
        self._show(report)
        if report.text.strip():
            self.turns.append(Turn(question, report.text))

    def _show(self, report: AnswerReport) -> None:
        from objlib.cli.render.answer import ask_lines, ask_notes
        from objlib.cli.runner import show

        lines = partial(ask_lines, report)
        show(
            self.settings,
            "ask",
            report,
            lambda screen: [*lines(screen), ""],
            asked=True,
            notes=ask_notes(report),
        )
