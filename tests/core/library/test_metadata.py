"""The metadata of a document in the store."""

import re
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from objlib.core.ids import RESERVED_KEYS
from objlib.core.library.metadata import ENTRIES, document_metadata, shorten
from objlib.core.library.patterns import parse_pattern, parse_patterns
from objlib.core.limits import MAX_TEXT_BYTES

COURSES = parse_patterns(["{course}/Year {year}/{lecture}.md", "{course}/{lecture}.md"])


def test_the_path_comes_first_and_wins() -> None:
    head = "---\nauthor: Kant\ncourse: another\ntags: [a, 2]\ndraft: true\n---\n"
    metadata = document_metadata("Ethics/Year 2021/On lying.md", head, COURSES)
    assert metadata.entries == {
        "course": "Ethics",
        "year": 2021.0,
        "lecture": "On lying",
        "author": "Kant",
        "tags": ["a", "2"],
        "draft": "true",
    }
    assert list(metadata.entries) == ["course", "year", "lecture", "author", "tags", "draft"]
    assert metadata.dropped == ("course: there is a value for course already",)


def test_the_first_pattern_that_fits_is_the_only_one() -> None:
    assert document_metadata("Ethics/a.md", b"", COURSES).entries == {"course": "Ethics", "lecture": "a"}
    assert document_metadata("a.md", b"", COURSES).entries == {}


@pytest.mark.parametrize("path", ["a.txt", "a.html", "a", "a.pdf"])
def test_only_markdown_has_front_matter(path: str) -> None:
    assert document_metadata(path, b"---\nauthor: Kant\n---\n", ()).entries == {}


@pytest.mark.parametrize("path", ["a.md", "A.MD", "x/a.markdown"])
def test_markdown_is_known_by_its_suffix(path: str) -> None:
    assert document_metadata(path, b"---\nauthor: Kant\n---\n", ()).entries == {"author": "Kant"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2021", 2021.0),
        ("0", 0.0),
        ("-5", -5.0),
        ("007", "007"),
        ("16777216", 16777216.0),
        ("16777217", "16777217"),
        ("20240102", "20240102"),
        ("1.5", "1.5"),
        ("+5", "+5"),
        ("\u0661\u0662", "\u0661\u0662"),
        ("1e3", "1e3"),
    ],
)
def test_a_value_of_the_path_is_a_number_only_if_it_is_a_plain_integer(text: str, expected: object) -> None:
    metadata = document_metadata(f"{text}/a.txt", b"", [parse_pattern("{value}/{name}.txt")]).entries["value"]
    assert metadata == expected
    assert type(metadata) is type(expected)


def test_keys_are_cleaned_and_ours_are_kept_free() -> None:
    head = "---\nA\u00f1o de pub.: 1999\nobjlib_id: mine\n'\u4f60': x\na b: 1\na-b: 2\nempty: ''\n---\n"
    metadata = document_metadata("a.md", head, ())
    assert metadata.entries == {"A_o_de_pub": 1999.0, "a_b": 1.0}
    assert metadata.dropped == (
        "objlib_id: the key is reserved",
        "\u4f60: a key needs a letter or digit of ASCII",
        "a-b: there is a value for a_b already",
        "empty: it has no value",
    )


def test_a_document_has_a_limited_number_of_entries() -> None:
    head = "---\n" + "".join(f"key{number}: {number}\n" for number in range(30)) + "---\n"
    metadata = document_metadata("Ethics/a.md", head, COURSES)
    assert list(metadata.entries) == ["course", "lecture", *(f"key{number}" for number in range(ENTRIES - 2))]
    assert len(metadata.dropped) == 30 - (ENTRIES - 2)
    assert metadata.dropped[0] == f"key{ENTRIES - 2}: a document has room for {ENTRIES} entries"


@settings(deadline=None)
@given(st.text())
def test_a_text_is_cut_on_the_border_of_a_character(text: str) -> None:
    short = shorten(text)
    assert len(short.encode()) <= MAX_TEXT_BYTES
    assert text.strip().encode("utf-8", "replace").decode().startswith(short)
    if len(text.strip().encode("utf-8", "replace")) <= MAX_TEXT_BYTES:
        assert short.encode() == text.strip().encode("utf-8", "replace")


KEYS = st.text(min_size=1, max_size=12)
VALUES = st.text(max_size=400) | st.integers() | st.floats() | st.booleans()


@settings(deadline=None)
@given(
    st.lists(st.text(alphabet=st.characters(exclude_characters="/\0"), min_size=1), min_size=1, max_size=4),
    st.lists(st.tuples(KEYS, VALUES), max_size=30),
)
def test_whatever_a_file_says_the_service_can_keep(parts: list[str], lines: list[tuple[str, object]]) -> None:
    patterns = parse_patterns(["{a}/{b}/{c}/{d}.md", "{a}/{b}/{c}.md", "**/{name}.md"])
    head = "---\n" + "\n".join(f"{key}: {value}" for key, value in lines) + "\n---\n"
    metadata = document_metadata("/".join(parts) + ".md", head.encode("utf-8", "replace"), patterns)
    assert len(metadata.entries) <= ENTRIES
    for key, value in metadata.entries.items():
        assert re.fullmatch("[A-Za-z0-9_]+", key)
        assert key not in RESERVED_KEYS
        if isinstance(value, float):
            assert struct.unpack("<f", struct.pack("<f", value)) == (value,)
        else:
            texts = value if isinstance(value, list) else [value]
            assert texts
            assert all(0 < len(text.encode()) <= MAX_TEXT_BYTES for text in texts)


@pytest.mark.parametrize(("size", "cut"), [(MAX_TEXT_BYTES, False), (MAX_TEXT_BYTES + 1, True)])
@pytest.mark.parametrize("line", ["about: {}", "about: [short, {}]"])
def test_a_text_that_is_cut_is_named(line: str, size: int, cut: bool) -> None:
    metadata = document_metadata("a.md", f"---\n{line.format('x' * size)}\n---\n", ())
    value = metadata.entries["about"]
    assert isinstance(value, (str, list))
    assert (value[-1] if isinstance(value, list) else value) == "x" * MAX_TEXT_BYTES
    assert metadata.dropped == ((f"about: only the first {MAX_TEXT_BYTES} bytes are kept",) if cut else ())
