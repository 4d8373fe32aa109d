"""The questions that a program may ask."""

import pytest

from objlib.core.errors import UsageError
from objlib.core.limits import MAX_PASSAGES
from objlib.engine.search.question import checked_question


@pytest.mark.parametrize("top_k", [1, MAX_PASSAGES])
def test_a_question_is_asked_without_the_blanks_around_it(top_k: int) -> None:
    assert checked_question(" what is a virtue? \n", top_k) == "what is a virtue?"


@pytest.mark.parametrize("text", ["", " \n\t "])
def test_a_question_without_words_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="the question is empty"):
        checked_question(text, 1)


@pytest.mark.parametrize("top_k", [-1, 0, MAX_PASSAGES + 1])
def test_a_number_of_passages_out_of_its_range_is_refused(top_k: int) -> None:
    with pytest.raises(UsageError, match=f"top_k must be from 1 to {MAX_PASSAGES}, not {top_k}"):
        checked_question("virtue", top_k)
