"""Citations in the text of a model: where they stand, and whether they hold."""

import pytest

from objlib.core.reports.cited_text import CitedSentence, bears_out, read_citations
from tests.core.reports.labelled_sentences import LABELLED, paragraph

PASSAGES = ["Nine million people fled in 1971.", "The others stayed at home.", "A list of animals."]


@pytest.mark.parametrize("half", [0, 1], ids=["chosen on", "judged on"])
def test_labelled_sentences_are_told_apart(half: int) -> None:
    wrong = [
        sentence
        for number, (file, at, holds, sentence) in enumerate(LABELLED)
        if (number // 2) % 2 == half and bears_out(sentence, [paragraph(file, at)]) is not holds
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("text", "plain", "cited"),
    [
        ("Nine million fled [1].", "Nine million fled.", [((0,), True)]),
        ("Nine million fled. [1] Others stayed.[2]", "Nine million fled. Others stayed.", [((0,), True), ((1,), True)]),
        ("People fled or stayed [1, 2].", "People fled or stayed.", [((0, 1), True)]),
        ("People fled or stayed [1][2][1].", "People fled or stayed.", [((0, 1), True)]),
        ("People fled\u3010 1 \u3011.", "People fled.", [((0,), True)]),
        ("- animals [3]\n- others [2]\n", "- animals\n- others\n", [((2,), True), ((1,), True)]),
        ("Eight million fled in 1972 [1].", "Eight million fled in 1972.", [((0,), False)]),
        ("Animals stayed at home [3].", "Animals stayed at home.", [((2,), False)]),
        ("People fled [1][9].", "People fled.", [((0,), False)]),
        ("People fled [0].", "People fled.", [((), False)]),
        ("An array a[i] and [sic] stay.", "An array a[i] and [sic] stay.", []),
        ("[1]", "", []),
        ("", "", []),
    ],
)  # fmt: skip
def test_markers_leave_the_text_and_stay_with_their_sentence(
    text: str, plain: str, cited: list[tuple[tuple[int, ...], bool]]
) -> None:
    got, sentences = read_citations(text, PASSAGES)
    assert got == plain
    assert [(each.passages, each.holds) for each in sentences] == cited


def test_the_offsets_are_those_of_the_text_without_markers() -> None:
    text, sentences = read_citations("So. [2]\n\nPeople fled [1] in 1971. Nothing.", PASSAGES)
    assert [text[each.start : each.stop] for each in sentences] == ["So.", "People fled in 1971."]
    assert sentences[1] == CitedSentence(5, 25, (0,), holds=True)


def test_a_long_text_takes_time_in_proportion() -> None:
    text = "word " * 200_000 + "[1" * 50_000
    assert read_citations(text, PASSAGES)[1] == []
