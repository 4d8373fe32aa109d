"""Notes below an answer that a model of the user's wrote."""

import pytest

from objlib.core.reports.cited_text import CitedSentence
from objlib.engine.search.written import notice_of

UNCITED = "the model cites no passage, so nothing in its answer could be checked"
ONE = "a sentence is not borne out by the passages cited there, as far as words tell: look for [?]"
TWO = "2 sentences are not borne out by the passages cited there, as far as words tell: look for [?]"


@pytest.mark.parametrize(
    ("holds", "notice"),
    [
        ([], UNCITED),
        ([True, True], ""),
        ([True, False], ONE),
        ([False, True, False], TWO),
    ],
)
def test_a_note_counts_the_sentences_that_their_passages_do_not_bear_out(
    holds: list[bool], notice: str
) -> None:
    assert notice_of([CitedSentence(0, 5, (0,), each) for each in holds]) == notice
