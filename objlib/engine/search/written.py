"""Answers that a model of the user writes from the passages of a search, with its citations checked."""

from collections.abc import Sequence
from typing import Final

from objlib.core.config.settings import Settings
from objlib.core.errors import ObjlibError
from objlib.core.reports.answers import AnswerListener, Turn
from objlib.core.reports.cited_text import CitedSentence, MarkerFilter, read_citations
from objlib.gemini import Answer, Passage
from objlib.writer import AnswerWriter, Message, complete

INSTRUCTION: Final = (
    "Answer the question from the numbered passages alone. Behind each sentence put the numbers of the passages that "
    "it rests on in square brackets, such as [2] or [1, 3]. If the passages do not answer the question, say that, and "
    "cite none."
)


async def write_answer(
    settings: Settings,
    question: str,
    passages: Sequence[Passage],
    history: Sequence[Turn],
    listener: AnswerListener | None = None,
) -> tuple[Answer, list[CitedSentence]]:
    """The answer of the model at ``answer_url``, and the sentences of it that cite a passage.

    ``listener`` hears it as it is written, without the numbers of passages, which are checked in the end.
    Without passages nothing is asked, since a model would answer from elsewhere.

    Raises:
        UsageError: the server has no such model.
        WriterError: it did not answer.
    """
    if not passages:
        return Answer("", [], []), []
    numbered = "\n\n".join(
        f"[{number}] {passage.title}\n{passage.text}" for number, passage in enumerate(passages, start=1)
    )
    messages = [Message("system", INSTRUCTION)]
    for turn in history:
        messages += [Message("user", turn.question), Message("assistant", turn.answer)]
    messages.append(Message("user", f"Passages:\n\n{numbered}\n\nQuestion: {question}"))
    writer = AnswerWriter(settings.answer_url, settings.answer_model, settings.answer_key)
    if listener is None:
        written, model = await complete(writer, messages)
    else:
        filtered = MarkerFilter()
        try:
            written, model = await complete(
                writer, messages, lambda piece: listener.text(filtered.feed(piece))
            )
        except ObjlibError:
            listener.again()
            raise
    text, sentences = read_citations(written.strip(), [passage.text for passage in passages])
    supports = [(each.start, each.stop, each.passages) for each in sentences]
    return Answer(text, list(passages), supports, model_version=model), sentences


def notice_of(sentences: Sequence[CitedSentence]) -> str:
    """A note on citations that do not hold, or that there are none; empty where all is well."""
    doubtful = sum(not sentence.holds for sentence in sentences)
    if not sentences:
        return "the model cites no passage, so nothing in its answer could be checked"
    if doubtful:
        one = "a sentence is" if doubtful == 1 else f"{doubtful} sentences are"
        return f"{one} not borne out by the passages cited there, as far as words tell: look for [?]"
    return ""
