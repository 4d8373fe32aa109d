"""The questions that a program may ask, checked."""

from objlib.core.errors import UsageError
from objlib.core.library.paths import valid_text
from objlib.core.limits import MAX_PASSAGES


def checked_question(text: str, top_k: int) -> str:
    """The text of a question, checked.

    Raises:
        UsageError: it is empty, or ``top_k`` is out of range.
    """
    text = valid_text(text.strip())
    if not text:
        raise UsageError("the question is empty")
    if not 1 <= top_k <= MAX_PASSAGES:
        raise UsageError(f"top_k must be from 1 to {MAX_PASSAGES}, not {top_k}")
    return text
