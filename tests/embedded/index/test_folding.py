"""Letters that people type in more than one way, and stores of an older folding."""

import sqlite3
import unicodedata

import pytest

from objlib.embedded.index import drop_document, move_older, postings, search
from objlib.embedded.index.folding import fold, lower
from objlib.embedded.index.older_terms import term_counts_1
from objlib.embedded.index.schema import POSITION_BITS
from objlib.embedded.index.terms import is_unspaced, term_counts, words
from tests.support.index import new_store, put

ONE_WORD = {
    "German ß": ("Straße", "STRASSE"),
    "German capital ẞ": ("GROẞ", "groß"),
    "Danish": ("Rødgrød", "rodgrod"),
    "Polish": ("Łódź", "lodz"),
    "French": ("Œuvre", "oeuvre"),
    "Icelandic": ("Þórður", "thordur"),
    "Vietnamese": ("Đường", "duong"),
    "Vietnamese, NFD": (unicodedata.normalize("NFD", "tiếng"), "tiếng"),
    "Turkish": ("IŞIĞI", "ışığı"),
    "Turkish İ": ("İSTANBUL", "istanbul"),
    "Greek sigma": ("ΛΌΓΟΣ", "λόγος"),
    "Greek, polytonic": ("ἀρχῇ", "αρχη"),
    "Russian": ("ёлка", "елка"),
    "Ukrainian": ("ґанок", "ганок"),
    "Church Slavonic": ("сло҃во", "слово"),
    "Georgian capitals": ("ᲗᲑᲘᲚᲘᲡᲘ", "თბილისი"),
    "Armenian ligature": ("և", "եւ"),
    "Arabic alif with wasla": ("ٱلكتاب", "الكتاب"),
    "Arabic hamza": ("أحمد", "احمد"),
    "Arabic yeh": ("مصطفى", "مصطفي"),
    "Arabic teh marbuta": ("مدرسة", "مدرسه"),
    "Arabic, presentation forms": ("ﻛﺘﺎﺏ", "كتاب"),
    "Arabic, Quranic marks": ("ٱلرَّحۡمَٰنِ", "الرحمن"),
    "Persian keheh": ("کتاب", "كتاب"),
    "Persian digits": ("۱۴۰۲", "1402"),
    "Hebrew points": ("סֵפֶר", "ספר"),
    "Hindi nukta": ("ज़मीन", "जमीन"),
    "Hindi nukta, one character": ("\u095b\u092e\u0940\u0928", "\u091c\u093c\u092e\u0940\u0928"),
    "Hindi nasal sign": ("चाँद", "चांद"),
    "Hindi digits": ("२०२६", "2026"),
    "Bengali, two codings": ("\u09dc", "\u09a1\u09bc"),
    "Maldivian": ("ދިވެހި", "ދިވެހި"),
    "Manding tones": ("ߒߞߏ߫", "ߒߞߏ"),
    "Thai vowel in two characters": ("น้ำ", "น้\u0e4d\u0e32"),
    "Thai digits": ("๒๕๖๙", "2569"),
    "Lao ligature": ("ໝາ", "ຫມາ"),
    "Khmer with breaks": ("ភាសា\u200bខ្មែរ", "ភាសាខ្មែរ"),
    "Burmese digits": ("၂၀၂၆", "2026"),
    "Japanese half width": ("ｶﾞｯｺｳ", "ガッコウ"),
    "Japanese voiced mark": ("か\u3099", "が"),
    "Japanese voiced mark behind": ("か\u309b", "が"),
    "Japanese, a rare character": ("𠮷野家", "𠮷野家"),
    "Chinese, compatibility": ("\uf900", "豈"),
    "Korean, NFD": (unicodedata.normalize("NFD", "한국어"), "한국어"),
    "Korean, half width": ("ﾡ", "ㄱ"),
    "Full width": ("ＫＸ７２０", "kx720"),
    "Ligature": ("eﬃcient", "efficient"),
}
"""A word as a document has it and as a query has it; both ways round it is one word."""


@pytest.mark.parametrize("name", ONE_WORD)
def test_both_forms_of_a_word_are_one(name: str) -> None:
    one, other = ONE_WORD[name]
    assert lower(fold(one)) == lower(fold(other))
    assert len(words(lower(fold(one)))) == 1
    for text, query in ((one, other), (other, one)):
        db = new_store()
        put(db, 1, f"{text}\n")
        put(db, 2, "nothing of it\n")
        hits = search(db, query, store_ids=[1], k=5, where=None, embedder=None, codes=None)
        assert [hit.doc_id for hit in hits] == [1]


SEPARATED = {
    "Tibetan syllables": ("བོད་ཡིག་དང་", "ཡིག", "ཡི"),
    "Amharic words": ("ልጁ፡መጽሐፍ፡ያነባል", "መጽሐፍ", "መጽ"),
    "Korean with a particle": ("학교에서 공부한다", "학교", "교학"),
    "Javanese": ("ꦧꦱꦗꦮ", "ꦧꦱꦗꦮ", "ꦗ"),
    "Extended Burmese": ("ꩡꩫ်ႈ", "ꩡꩫ်", "ꩫꩡ"),
}
"""A text, a word of it, and what is none."""


@pytest.mark.parametrize("name", SEPARATED)
def test_words_are_found_as_the_script_separates_them(name: str) -> None:
    text, word, none = SEPARATED[name]
    db = new_store()
    put(db, 1, text)
    found = [
        bool(search(db, query, store_ids=[1], k=5, where=None, embedder=None, codes=None))
        for query in (word, none)
    ]
    assert found == [True, False]


@pytest.mark.parametrize("kind", ["Mn", "Mc"])
def test_no_mark_of_any_script_splits_a_word(kind: str) -> None:
    marks = [chr(n) for n in range(0x300, 0xFFFF) if unicodedata.category(chr(n)) == kind]
    splits = [
        f"{ord(mark):x}" for mark in marks if len(words(fold(f"ა{mark}ა"))) > 1 and not is_unspaced(mark)
    ]
    assert splits == []


GERMAN, ENGLISH = "Die Straße am Fluß. " * 40, "The river and the street. " * 40


def older_store() -> sqlite3.Connection:
    """A store with the documents of an objlib whose terms were those of form 1."""
    db = new_store()
    for doc_id, text in enumerate((GERMAN, ENGLISH, "Maße", "Fluß und Straße"), 1):
        put(db, doc_id, text)
    rows = db.execute(
        "SELECT c.slot, c.chunk_id, t.title, c.body FROM chunks c JOIN texts t ON t.text_id = c.chunk_id >> ?",
        (POSITION_BITS,),
    ).fetchall()
    added = [(slot, f"{title}\n{body}") for slot, _, title, body in rows]
    postings.remove(db, added)
    db.execute("DELETE FROM free_slots")
    passages = [postings.IndexedPassage(row[1], text) for row, (_, text) in zip(rows, added, strict=True)]
    postings._add_at(db, [slot for slot, _ in added], passages, term_counts_1)
    db.execute("UPDATE texts SET form = 1")
    return db


def documents(db: sqlite3.Connection, query: str) -> list[int]:
    hits = search(db, query, store_ids=[1], k=50, where=None, embedder=None, codes=None)
    return sorted({hit.doc_id for hit in hits})


def test_a_store_of_an_older_folding_gets_the_terms_of_now_step_by_step() -> None:
    db = older_store()
    slots = db.execute("SELECT chunk_id, slot FROM chunks").fetchall()
    assert documents(db, "strasse") == []
    while move_older(db, limit=1):
        assert documents(db, "river") == [2]
    assert documents(db, "strasse") == documents(db, "Straße") == [1, 4]
    assert documents(db, "masse") == [3]
    assert db.execute("SELECT chunk_id, slot FROM chunks").fetchall() == slots
    assert db.execute("SELECT count(*) FROM free_slots").fetchone() == (0,)
    assert db.execute("SELECT DISTINCT form FROM texts").fetchall() == [(2,)]


@pytest.mark.parametrize("steps", [0, 1, 2, 100])
def test_a_document_leaves_nothing_wherever_its_folding_has_come_to(steps: int) -> None:
    db = older_store()
    for _ in range(steps):
        move_older(db, limit=1)
    for doc_id in (1, 2, 3, 4):
        drop_document(db, doc_id)
    assert db.execute("SELECT count(*) FROM postings").fetchone() == (0,)
    assert postings.totals(db) == (0, 0)


def test_terms_of_plain_english_are_as_they_were() -> None:
    text = "The captain's 2 whales_and ships; don't!\nA-b c."
    assert term_counts(text) == term_counts_1(text)
