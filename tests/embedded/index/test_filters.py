"""The metadataFilter language: its grammar, what comparisons mean, and where errors point.

The property test draws filters as trees, writes them out, and compares SQLite's answer with a reading in plain Python.
"""

import json
import operator
import re
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objlib.embedded.index import FilterError, compile_filter, filter_keys

BOOKS: dict[str, dict[str, Any]] = {
    "walden": {"author": "Thoreau", "year": 1854, "tags": ["nature", "solitude"], "genre": "essay"},
    "origin": {"author": "Darwin", "year": "1859", "tags": ["nature"], "rating": 4.5},
    "gita": {"author": "Anonymous", "year": "400 BC", "my key": "x", "a.b": "dot"},
    "bare": {},
    "odd": {"author": 'O\'Brien "Flann" \\ x', "year": -12, "tags": [], "AND": "word", "year-of": "-3.5"},
}


def find(where: str, books: Mapping[str, Mapping[str, Any]] = BOOKS) -> list[str]:
    db = sqlite3.connect(":memory:")
    db.execute("CREATE TABLE documents(name, metadata)")
    db.executemany("INSERT INTO documents VALUES(?, ?)", [(name, json.dumps(m)) for name, m in books.items()])
    condition, values = compile_filter(where)
    rows = db.execute(f"SELECT d.name FROM documents d WHERE {condition} ORDER BY d.rowid", values).fetchall()
    db.close()
    return [row[0] for row in rows]


@pytest.mark.parametrize(
    ("where", "names"),
    [
        ("", ["walden", "origin", "gita", "bare", "odd"]),
        ('author = "Darwin"', ["origin"]),
        ("author=Darwin", ["origin"]),
        ("author = 'Darwin'", ["origin"]),
        ('author = "darwin"', []),
        ('author != "Darwin"', ["walden", "gita", "odd"]),
        ('NOT author = "Darwin"', ["walden", "gita", "bare", "odd"]),
        ('-author = "Darwin"', ["walden", "gita", "bare", "odd"]),
        ('- author = "Darwin"', ["walden", "gita", "bare", "odd"]),
        ('author = "O\'Brien \\"Flann\\" \\\\ x"', ["odd"]),
        ("author > M author < U", ["walden", "odd"]),
        ("year >= 1850", ["walden", "origin"]),
        ("year < 1855", ["walden", "odd"]),
        ("year = 1859", ["origin"]),
        ("year = 1859.0", ["origin"]),
        ("year = '1859'", ["origin"]),
        ("year = '1854'", ["walden"]),
        ("year = '01859'", []),
        ("year = -12", ["odd"]),
        ("-year = -12", ["walden", "origin", "gita", "bare"]),
        ("year-of <= -3.5", ["odd"]),
        ("year: '400 BC'", ["gita"]),
        ("rating>=4.5", ["origin"]),
        ("rating > 45e-1", []),
        ("tags:nature", ["walden", "origin"]),
        ("tags = solitude", ["walden"]),
        ("tags != solitude", ["origin", "odd"]),
        ("tags:*", ["walden", "origin", "odd"]),
        ("tags:'*'", []),
        ("NOT tags:*", ["gita", "bare"]),
        ('"my key" = x', ["gita"]),
        ("a.b = dot", ["gita"]),
        ('"AND" = word', ["odd"]),
        ("tags:nature AND year = 1859", ["origin"]),
        ("tags:nature year = 1859", ["origin"]),
        ("author = Thoreau OR author = Darwin year = 1859", ["origin"]),
        ("year = 1859 AND author = Thoreau OR author = Darwin", ["origin"]),
        ("(year = 1859 AND author = Darwin) OR author = Thoreau", ["walden", "origin"]),
        ("NOT (author = Thoreau OR author = Darwin)", ["gita", "bare", "odd"]),
        ("((author = Darwin))", ["origin"]),
        ("nothing = 1", []),
        ('author = "\' OR 1=1 --"', []),
        ('"x\') OR 1=1 --" = 1', []),
    ],
)
def test_a_filter_matches_its_documents(where: str, names: list[str]) -> None:
    assert find(where) == names


@pytest.mark.parametrize(
    ("where", "column", "says"),
    [
        ("author", 7, "ends too early"),
        ("author =", 9, "ends too early"),
        ("author = 1 AND", 15, "ends too early"),
        ("= 1", 1, "key is expected"),
        ("AND", 1, "key is expected"),
        ("a = 1 OR OR b = 2", 10, "key is expected"),
        ("author Darwin", 8, "comparison is expected after 'author'"),
        ("a = (b)", 5, "value is expected"),
        ("a = = b", 5, "value is expected"),
        ("(a = 1", 1, "never closed"),
        ("a = 1)", 6, "unexpected"),
        ('a = "b', 5, "quote is never closed"),
        ("a = 1, b = 2", 6, "unexpected ','"),
        ("a ! 1", 3, "unexpected '!'"),
        ("(" * 60 + "a=1", 51, "more than 50 parentheses"),
        (" ".join(["a=1"] * 201), 801, "more than 200 comparisons"),
        ("a = '\ud800'", 5, "surrogate"),
    ],
)
def test_an_error_names_its_column(where: str, column: int, says: str) -> None:
    with pytest.raises(FilterError, match=says) as caught:
        compile_filter(where)
    assert caught.value.column == column
    assert f"column {column}:" in str(caught.value)
    assert "\n" not in str(caught.value)


@given(st.text(max_size=60) | st.text(alphabet="ab=<>!:()'\"\\ ANDORT-1.*", max_size=60))
def test_any_string_is_a_filter_or_an_error(where: str) -> None:
    try:
        compile_filter(where)
    except FilterError as error:
        place = error.column
    else:
        find(where)
        place = 1
    assert 1 <= place <= len(where) + 1


def test_sqlite_takes_the_largest_filter() -> None:
    assert find(" OR ".join(["author = Darwin"] * 200)) == ["origin"]
    assert find("-" + "(" * 50 + "author = Darwin" + ")" * 50) == ["walden", "gita", "bare", "odd"]


# --- the same language, read in Python ---------------------------------------------------------------------------

KEYS = st.sampled_from(["a", "b", "c d"])
STRINGS = st.sampled_from(["x", "y z", "10", "9", "-1.5", 'q"\\', "", "1.2.3", "-", "AND"])
NUMBERS = st.sampled_from([10, 9.0, -1.5, 0])
METADATA = st.dictionaries(KEYS, STRINGS | NUMBERS | st.lists(STRINGS, max_size=3), max_size=3)
OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    ":": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
LazyEmbedder = Callable[[Mapping[str, Any]], bool]


def number(text: str) -> float | None:
    return float(text) if re.fullmatch(r"-?\d+(\.\d+)?", text) else None


def holds(stored: str | float, sign: str, value: str, quoted: bool) -> bool:
    compare = OPERATORS[sign]
    asked = number(value)
    if asked is None:
        return isinstance(stored, str) and compare(stored, value)
    if isinstance(stored, str):
        as_number = number(stored)
        return compare(stored, value) if quoted else as_number is not None and compare(as_number, asked)
    return compare(stored, asked)


def comparison(key: str, sign: str, value: str, quoted: bool) -> tuple[str, LazyEmbedder]:
    def meaning(metadata: Mapping[str, Any]) -> bool:
        if key not in metadata:
            return False
        stored = metadata[key]
        values = stored if isinstance(stored, list) else [stored]
        if sign == "!=":
            return not any(holds(each, "=", value, quoted) for each in values)
        return any(holds(each, sign, value, quoted) for each in values)

    quoted = quoted or number(value) is None
    return f"{written(key)} {sign} {written(value) if quoted else value}", meaning


def written(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def joined(parts: Sequence[tuple[str, LazyEmbedder]], word: str) -> tuple[str, LazyEmbedder]:
    every = any if word == " OR " else all
    return "(" + word.join(text for text, _ in parts) + ")", lambda m: every(part(m) for _, part in parts)


def negated(part: tuple[str, LazyEmbedder], sign: str) -> tuple[str, LazyEmbedder]:
    return f"{sign}({part[0]})", lambda m: not part[1](m)


COMPARISONS = st.builds(
    comparison,
    KEYS,
    st.sampled_from([*OPERATORS, "!="]),
    STRINGS | st.sampled_from(["10", "-1.5"]),
    st.booleans(),
)
TREES: st.SearchStrategy[tuple[str, LazyEmbedder]] = st.recursive(
    COMPARISONS,
    lambda inner: (
        st.builds(joined, st.lists(inner, min_size=1, max_size=3), st.sampled_from([" OR ", " AND ", " "]))
        | st.builds(negated, inner, st.sampled_from(["NOT ", "-"]))
    ),
    max_leaves=6,
)


@given(TREES, st.lists(METADATA, max_size=4))
def test_a_filter_means_what_its_tree_says(
    tree: tuple[str, LazyEmbedder], documents: list[dict[str, Any]]
) -> None:
    where, meaning = tree
    books = {str(n): metadata for n, metadata in enumerate(documents)}
    assert find(where, books) == [name for name, metadata in books.items() if meaning(metadata)]


def test_the_keys_of_a_filter_are_those_it_compares() -> None:
    assert filter_keys('a = 1 AND (-b:* OR "c d" != x) NOT a > 2') == {
        "a": "",
        "b": "",
        "c d": "x",
    }
    assert filter_keys("a:x AND a = y AND b:'*' AND c != '2.5'") == {"a": "x", "b": "*", "c": ""}
    assert [filter_keys(text) for text in ("", "((", "a", "'", "\ud800 = 1")] == [{}, {}, {}, {}, {}]
