"""Answers: quoted word for word, with quotations that point at the very bytes, or a plain no."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objlib.embedded.index import Hit, quote_answer
from objlib.embedded.index.quote import MAX_SENTENCES, NO_ANSWER
from objlib.embedded.index.records import QuotedAnswer
from objlib.embedded.text.sentences import sentences
from tests.support.index import Meanings

PASSAGES = [
    "# Virtue\n\nVirtue is a habit of choosing the mean. The brave man fears what he should — no more. "
    "Dr. Smith (cf. Plato) disagrees about courage.",
    "Money is a medium of exchange. “Gold is scarce!” he said. Rivers flow to the sea.",
    "Virtue is a habit of choosing the mean. Ἡ ἀρετὴ ἐπιστήμη ἐστίν, said Socrates about virtue.",
]


def hits(*texts: str) -> list[Hit]:
    return [
        Hit(n, n, "a.md", 0, len(text), text, "", None, 1.0, 1.0, None, {}) for n, text in enumerate(texts)
    ]


def quoted(answer: QuotedAnswer) -> list[str]:
    return [quotation.text for quotation in answer.quotations]


def test_the_best_sentences_are_quoted_with_their_passages() -> None:
    answer = quote_answer("What is virtue?", hits(*PASSAGES))
    assert quoted(answer)[0] == "Virtue is a habit of choosing the mean."
    assert answer.quotations[0].hits == (0, 2)
    assert "Money" not in answer.text
    assert "#" not in answer.text


def test_similar_sentences_are_quoted_once() -> None:
    answer = quote_answer("What is virtue, a habit?", hits(*PASSAGES))
    assert answer.text.count("habit of choosing") == 1


@pytest.mark.parametrize("question", ["quantum chromodynamics lattice", "", "???", "the of and"])
def test_a_question_without_an_answer_says_so(question: str) -> None:
    assert quote_answer(question, hits(*PASSAGES)) == QuotedAnswer(NO_ANSWER, ())


def test_passages_that_all_are_weak_give_no_answer() -> None:
    found = hits("The whale swims far from the ship.", "A ship sails in the evening.")
    assert quoted(quote_answer("Where does the whale swim?", found))
    for confidences, answers in (((0.2, 0.3), False), ((0.2, 0.6), True), ((0.2, None), True)):
        judged = [replace(hit, confidence=each) for hit, each in zip(found, confidences, strict=True)]
        assert bool(quoted(quote_answer("Where does the whale swim?", judged))) is answers


def test_no_passages_give_no_answer() -> None:
    assert quote_answer("virtue", []) == QuotedAnswer(NO_ANSWER, ())
    assert quote_answer(
        "virtue", hits("# Virtue", "| virtue | habit | mean | x |", "virtue")
    ) == QuotedAnswer(NO_ANSWER, ())


def test_meaning_chooses_among_sentences_without_the_words() -> None:
    embedder = Meanings("cash money", "worth value")
    passages = hits(
        "Money has its value by law alone. Cows eat the green grass.", "The sea is deep and wide today."
    )
    assert quote_answer("cash worth", passages) == QuotedAnswer(NO_ANSWER, ())
    answer = quote_answer("cash worth", passages, embedder)
    assert quoted(answer) == ["Money has its value by law alone."]
    assert quote_answer("violin sonata", passages, embedder) == QuotedAnswer(NO_ANSWER, ())


def test_accents_are_ignored() -> None:
    passages = hits("Der Wärter des Leuchtturms von Ölhafen heißt Jörg. Er mag Flöten.")
    assert quoted(quote_answer("wie heisst der warter des leuchtturms olhafen?", passages)) == [
        "Der Wärter des Leuchtturms von Ölhafen heißt Jörg."
    ]


def test_chinese_is_quoted() -> None:
    answer = quote_answer("人的根本是道德", hits("今天下雨了。道德是人的根本。"))
    assert quoted(answer) == ["道德是人的根本。"]


def test_a_statement_comes_before_a_question_and_a_heading() -> None:
    passages = hits(
        "IS VIRTUE A KIND OF KNOWLEDGE. Is virtue a kind of knowledge? Virtue is knowledge of a kind."
    )
    answer = quote_answer("Is virtue knowledge?", passages)
    assert quoted(answer) == ["Virtue is knowledge of a kind."]


TEXT = st.lists(
    st.sampled_from(
        ["Virtue is good. ", "Ἀρετή — 徳は善。", "virtue ", "\n\n", "no!” ", "x. ", "# H\n", "A b c d. "]
    ),
    max_size=12,
).map("".join)


@given(st.lists(TEXT, max_size=4), st.sampled_from(["virtue", "good virtue?", "善", "a b c d"]))
def test_quotations_are_the_exact_bytes(texts: list[str], question: str) -> None:
    passages = hits(*texts)
    answer = quote_answer(question, passages)
    data = answer.text.encode()
    end = 0
    for quotation in answer.quotations:
        assert quotation.start_byte >= end
        end = quotation.end_byte
        assert data[quotation.start_byte : end].decode() == quotation.text
        assert quotation.hits
        assert all(quotation.text in passages[n].text for n in quotation.hits)
    assert len(answer.quotations) <= MAX_SENTENCES
    if answer.quotations:
        assert " ".join(quoted(answer)) == answer.text
    else:
        assert answer.text == NO_ANSWER


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("One two. Three four! Five?", ["One two.", "Three four!", "Five?"]),
        ("“Quoted.” Next.", ["“Quoted.”", "Next."]),
        ("See Mr. Jones, vol. ii. Then go.", ["See Mr. Jones, vol. ii.", "Then go."]),
        ("He came (Is. 64:4). It was late.", ["He came (Is. 64:4).", "It was late."]),
        ("No end\n\nhere", ["No end", "here"]),
        ("徳は善。知は力。", ["徳は善。", "知は力。"]),
        ("  \n ", []),
    ],
)
def test_a_text_is_split_into_sentences(text: str, parts: list[str]) -> None:
    assert [text[a:b] for a, b in sentences(text)] == parts
