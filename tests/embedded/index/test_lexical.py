"""Search by words alone."""

import sqlite3
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objlib.embedded.index import Hit, search
from objlib.embedded.index.lexical import LONG_QUERY, MAX_TERMS, parse_query
from tests.support.index import new_store, put

ROOT = Path(__file__).parents[3]


def hits(db: sqlite3.Connection, query: str, k: int = 10, where: str | None = None) -> list[Hit]:
    return search(db, query, store_ids=[1], k=k, where=where, embedder=None, codes=None)


def store(*texts: str) -> sqlite3.Connection:
    db = new_store()
    for number, text in enumerate(texts, 1):
        put(db, number, text)
    return db


def documents_with(db: sqlite3.Connection, query: str) -> list[int]:
    return [hit.doc_id for hit in hits(db, query)]


BOOKS = store(
    "The horse galloped over the hills of Greece.",
    "Horses and riders. The Greeks bred them.",
    "Das Mädchen ißt Äpfel in München.",
    "Ἐν ἀρχῇ ἦν ὁ λόγος, καὶ ὁ λόγος ἦν πρὸς τὸν θεόν.",
    "Все счастливые семьи похожи друг на друга.",
    "道可道，非常道。名可名，非常名。",
    "To be, or not to be, that is the question.",
    "Be that as it may, the question is not to whom it belongs, or so they say, to be sure.",
    "An eﬃcient creme brulee.",
)


@pytest.mark.parametrize(
    ("query", "documents"),
    [
        ("horse", {1, 2}),
        ("HORSES greek?", {1, 2}),
        ("madchen munchen", {3}),
        ("Äpfel", {3}),
        ("λογος", {4}),
        ("ΛΌΓΟΣ", {4}),
        ("crème brûlée", {9}),
        ("efficient", {9}),
        ("счастливые", {5}),
        ("常道", {6}),
        ("名可名", {6}),
        ("名道", set()),
        ("to be or not to be", {7, 8}),
        ('"to be or not to be"', {7}),
        ("“to be or not to be”", {7}),
        ('"or not to be" question', {7}),
        ('"hills of Greece" apples', {1}),
        ('"of hills Greece"', {1}),
        ('"horse"', {1, 2}),
        ("unknown", set()),
        ("?!", set()),
        ("", set()),
    ],
)
def test_a_query_finds_its_documents(query: str, documents: set[int]) -> None:
    assert set(documents_with(BOOKS, query)) == documents


MARKED = store(
    "दीपक जलता है और किताब खुली है।",
    "מִגְדַּלּוֹר עַל הַחוֹף",
    "كِتَابٌ عَلَى الطَّاوِلَة",
    "型番はＫＸ７２０、ﾓﾃﾞﾑの色は白です。",
    "เรือจอดที่ท่าเรือ",
    "Die Ver\u00adwal\u00adtung tagt.",
    "او می\u200cخواند.",
    "cafe\u0301 na\u0308he",
    "𝐁𝐨𝐥𝐝 ①",
    "दपक",
)


@pytest.mark.parametrize(
    ("query", "documents"),
    [
        ("दीपक", {1}),
        ("किताब", {1}),
        ("खुली", {1}),
        ("מגדלור", {2}),
        ("מִגְדַּלּוֹר", {2}),
        ("كتاب", {3}),
        ("الطاولة", {3}),
        ("KX720", {4}),
        ("ｋｘ７２０", {4}),
        ("モデム", {4}),
        ("ﾓﾃﾞﾑ", {4}),
        ("ท่าเรือ", {5}),
        ("Verwaltung", {6}),
        ("میخواند", {7}),
        ("café", {8}),
        ("bold 1", {9}),
        ('"किताब खुली"', {1}),
    ],
)
def test_marks_points_and_widths_make_no_difference(query: str, documents: set[int]) -> None:
    assert set(documents_with(MARKED, query)) == documents


SCRIPTS = {
    "Chinese": ("他在图书馆里安静地读书。", "图书馆"),
    "Japanese": ("彼女は毎朝ｶﾞｯｺｳまで自転車で通う。", "ガッコウ 自転車"),
    "Thai": ("เราเดินทางไปตลาดน้ำด้วยเรือเล็ก", "ตลาดน้ำ"),
    "Khmer": ("ខ្ញុំអានសៀវភៅនៅក្នុងបណ្ណាល័យ", "សៀវភៅ"),
    "Lao": ("ຂ້ອຍອ່ານປຶ້ມຢູ່ໃນຫໍສະໝຸດ", "ຫໍສະໝຸດ"),
    "Burmese": ("ကျွန်ုပ်စာအုပ်ကိုဖတ်သည်", "စာအုပ်"),
    "Korean": ("바다 위에 작은 배가 떠 있다", "작은 배가"),
    "Tamil": ("அவன் புத்தகம் படித்தான்", "புத்தகம்"),
    "Hebrew": ("הַיֶּלֶד קוֹרֵא סֵפֶר", "ילד קורא"),
    "Arabic": ("يَقْرَأُ الوَلَدُ كِتَابًــا", "الولد"),
    "Greek": ("Ο ΦΙΛΌΣΟΦΟΣ ΜΊΛΗΣΕ", "φιλόσοφος"),
    "Russian": ("Зелёный лес шумит", "зеленый"),
    "Georgian": ("ბიჭი წიგნს კითხულობს", "წიგნს"),
    "Amharic": ("ልጁ መጽሐፍ ያነባል", "መጽሐፍ"),
    "Latin": ("Ein Cafe\u0301 nebenan, ｆｅｒｍé", "café fermé"),
}


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_word_is_found_in_each_script_and_in_no_other(script: str) -> None:
    names = list(SCRIPTS)
    db = _scripts()
    assert documents_with(db, SCRIPTS[script][1]) == [names.index(script) + 1]


@cache
def _scripts() -> sqlite3.Connection:
    return store(*(text for text, _ in SCRIPTS.values()))


@given(st.text(max_size=80) | st.text(alphabet="\"'“”()*:^-+{}ANDORTE \0\ud800名a", max_size=60))
def test_any_string_is_a_query(query: str) -> None:
    hits(BOOKS, query)


def test_a_long_query_is_its_first_words() -> None:
    query = " ".join(f"w{n}" for n in range(1000)) + " horse"
    assert len(parse_query(query).words) == MAX_TERMS
    assert documents_with(BOOKS, query) == []
    assert documents_with(BOOKS, "horse " * 3000) == documents_with(BOOKS, "horse")


def test_a_long_query_counts_the_words_that_it_repeats() -> None:
    short = parse_query("the whale and the whale and the ship")
    assert (short.words, short.repeats) == (("whale", "ship"), ())
    text = " ".join(f"word{n}" for n in range(LONG_QUERY)) + " whale whale whale ship ship"
    assert parse_query(text).repeats == ("whale", "whale", "ship")
    assert len(parse_query("whale " * 10_000).repeats) == MAX_TERMS
    # The repeated word decides between two documents that have one word of the query each.
    filler = " ".join(f"word{n}" for n in range(LONG_QUERY))
    db = store("A ship.", "A whale.")
    assert documents_with(db, f"{filler} ship whale whale") == [2, 1]
    assert documents_with(db, f"{filler} whale ship ship") == [1, 2]


def test_title_author_and_heading_are_searched() -> None:
    db = new_store()
    put(db, 1, "---\ntitle: Walden\nauthor: Thoreau\n---\n# Ponds\n\nDeep water.")
    put(db, 2, "Deep water.", name="the-sea-wolf.txt")
    put(db, 3, "Deep water.", metadata={"title": "Moby Dick", "author": "Melville"})
    for query, document in [
        ("walden", 1),
        ("Thoreau", 1),
        ("pond", 1),
        ("sea wolf", 2),
        ("moby", 3),
        ("melville", 3),
    ]:
        assert documents_with(db, query) == [document]


def test_a_hit_has_its_offsets_heading_and_document() -> None:
    db = new_store()
    text = "---\ntitle: T\n---\n\n# One\n\n" + "word " * 170 + "\n\n# Two\n\nThe needle is here."
    put(db, 7, text, name="notes/a.md", metadata={"year": 1854})
    (hit,) = hits(db, "needle")
    assert (hit.doc_id, hit.display_name, hit.heading, hit.page) == (7, "notes/a.md", "Two", None)
    assert hit.text == text[hit.start : hit.stop] == "# Two\n\nThe needle is here."
    assert hit.metadata == {"year": 1854}
    assert hit.cosine is None
    assert hit.bm25 is not None


def test_the_best_hits_come_first_up_to_k() -> None:
    db = store("cat dog", "cat cat cat", "dog", "bird")
    got = hits(db, "cat", k=10)
    assert [hit.doc_id for hit in got] == [2, 1]
    assert got[0].score > got[1].score
    assert len(hits(db, "cat dog", k=2)) == 2
    assert hits(db, "cat", k=0) == []


def test_a_search_stays_in_its_stores() -> None:
    db = new_store()
    put(db, 1, "one cat", store=1)
    assert hits(db, "cat")[0].doc_id == 1
    assert search(db, "cat", store_ids=[2], k=5, where=None, embedder=None, codes=None) == []
    put(db, 2, "two cats", store=2)
    put(db, 3, "three cats", store=3)
    for stores, documents in [([1], {1}), ([2], {2}), ([1, 3], {1, 3}), ([], set()), ([4], set())]:
        got = search(db, "cat", store_ids=stores, k=5, where=None, embedder=None, codes=None)
        assert {hit.doc_id for hit in got} == documents


def test_a_filter_limits_the_documents() -> None:
    db = new_store()
    for number, year in enumerate([1850, 1860, 1870], 1):
        put(db, number, "one cat", metadata={"year": year})
    assert {hit.doc_id for hit in hits(db, "cat", where="year > 1855")} == {2, 3}
    assert hits(db, "cat", where="year > 1900") == []
    assert {hit.doc_id for hit in hits(db, "cat", where="  ")} == {1, 2, 3}


ALONE = """
import sqlite3, sys
from objlib.embedded.index import FUNCTIONS, POSTINGS, REBUILD, SCHEMA, index_document, search
from objlib.embedded.text.extract import extract
db = sqlite3.connect(":memory:")
db.execute("CREATE TABLE documents(doc_id INTEGER PRIMARY KEY, store_id, display_name, metadata)")
for name, function in FUNCTIONS.items():
    db.create_function(name, -1, function)
for statement in (*SCHEMA, *REBUILD, *POSTINGS):
    db.execute(statement)
db.execute("INSERT INTO documents VALUES(1, 1, 'a', '{}')")
text = extract(b"one cat", mime_type="text/plain", name="a.txt")
index_document(db, doc_id=1, extracted=text, display_name="a", metadata={})
assert search(db, "cats", store_ids=[1], k=1, where="a = 1 OR NOT a:*", embedder=None, codes=None)
print(*sorted({"chardet", "lxml", "numpy", "onnxruntime", "pypdfium2", "yaml"} & set(sys.modules)))
"""


def test_indexing_and_search_by_words_import_no_numpy() -> None:
    done = subprocess.run(
        [sys.executable, "-c", ALONE], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert (done.stdout.strip(), done.stderr) == ("", "")
