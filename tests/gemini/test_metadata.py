"""A document's metadata survives the way there and back, or is refused before it is sent."""

import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objlib.core.limits import MAX_ENTRIES, MAX_TEXT_BYTES
from objlib.gemini import ErrorKind, GeminiError, MetadataValue
from objlib.gemini.metadata import display_name, from_wire, to_wire
from objlib.gemini.wire import DocumentShape, parse

keys = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20).map(str.strip).filter(bool)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=64)
values = texts | st.floats(width=32, allow_nan=False, allow_infinity=False) | st.lists(texts, max_size=3)


def there_and_back(metadata: dict[str, MetadataValue]) -> dict[str, MetadataValue]:
    body = json.dumps({"customMetadata": to_wire(metadata)}).encode()
    return from_wire(parse(body, DocumentShape).custom_metadata)


@given(st.dictionaries(keys, values, max_size=MAX_ENTRIES))
def test_metadata_comes_back_as_it_was_sent(metadata: dict[str, MetadataValue]) -> None:
    assert there_and_back(metadata) == metadata


@given(st.integers(-(2**24), 2**24))
def test_whole_numbers_that_a_float32_holds_pass(number: int) -> None:
    assert there_and_back({"year": number}) == {"year": number}


@pytest.mark.parametrize("number", [20260103, 2**24 + 1, 1_793_534_401, -(2**31) - 1])
def test_a_whole_number_that_would_be_changed_is_refused(number: int) -> None:
    with pytest.raises(GeminiError, match=r"would be stored as .*; write it as text") as caught:
        to_wire({"date": number})
    assert caught.value.kind is ErrorKind.PERMANENT


@pytest.mark.parametrize("number", [float("nan"), float("inf"), 1e39, 10**400, -(10**400)])
def test_a_number_beyond_float32_is_refused(number: float) -> None:
    with pytest.raises(GeminiError, match="32-bit float"):
        to_wire({"n": number})


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e6, max_value=1e6))
def test_fractions_are_kept_as_nearly_as_a_float32_can(number: float) -> None:
    try:
        (entry,) = to_wire({"n": number})
    except GeminiError:
        assert number == int(number)
        return
    assert struct.pack("<f", entry["numericValue"]) == struct.pack("<f", number)


def test_the_limit_counts_utf8_bytes() -> None:
    assert to_wire({"k": "é" * (MAX_TEXT_BYTES // 2)})
    assert to_wire({"k": ["x" * MAX_TEXT_BYTES, ""]})
    for value in ("é" * (MAX_TEXT_BYTES // 2) + "x", ["ok", "x" * (MAX_TEXT_BYTES + 1)]):
        with pytest.raises(GeminiError, match=f"257 bytes, and a text can have at most {MAX_TEXT_BYTES}"):
            to_wire({"k": value})


def test_twenty_entries_pass_and_one_more_does_not() -> None:
    assert len(to_wire({f"k{i}": "v" for i in range(MAX_ENTRIES)})) == MAX_ENTRIES
    with pytest.raises(GeminiError, match="21 entries"):
        to_wire({f"k{i}": "v" for i in range(MAX_ENTRIES + 1)})


@pytest.mark.parametrize(
    ("key", "value", "why"),
    [
        ("", "v", "empty"),
        (" k", "v", "blanks"),
        ("k", True, "true or false"),
        ("k", None, "NoneType"),
        ("k", ["a", 1], "holds a int"),
        ("k", "\ud800", "no Unicode"),
        ("\ud800", "v", "no Unicode"),
    ],
)
def test_metadata_that_the_service_cannot_hold_is_refused(key: str, value: MetadataValue, why: str) -> None:
    with pytest.raises(GeminiError, match=why) as caught:
        to_wire({key: value})
    assert caught.value.kind is ErrorKind.PERMANENT


def test_an_entry_without_key_or_value_is_left_out() -> None:
    entries = [
        {"key": "a"},
        {"stringValue": "x"},
        {"key": "l", "stringListValue": {}},
        {"key": "s", "stringValue": ""},
    ]
    body = json.dumps({"customMetadata": entries}).encode()
    assert from_wire(parse(body, DocumentShape).custom_metadata) == {"l": [], "s": ""}


@given(st.text())
def test_a_display_name_is_stripped_short_and_encodable(name: str) -> None:
    name_sent = display_name(name)
    assert name_sent == name_sent.strip()
    assert len(name_sent) <= 512
    name_sent.encode()


def test_a_name_that_is_no_unicode_gets_a_replacement() -> None:
    assert display_name(" caf\udce9.txt ") == "caf\ufffd.txt"
