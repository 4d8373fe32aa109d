"""Names as text, and as the bytes that open them."""

import os
from dataclasses import dataclass
from pathlib import Path
from unicodedata import is_normalized

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from objlib.core.library.paths import (
    disk_path,
    display_names,
    readable,
    root_of_text,
    text_of_root,
    valid_text,
)

NAMES = st.binary(min_size=1, max_size=8).filter(
    lambda name: b"/" not in name and b"\0" not in name
) | st.sampled_from(
    [text.encode() for text in ("caf\u00e9", "cafe\u0301", "\u212b", "\u00c5", "A\u030a", "\\xff", "\\\\xff")]
    + [b"\xff", b"\xff\\", b"caf\xe9"]
)


@dataclass
class Row:
    file_path: str
    path_bytes: bytes | None


@settings(deadline=None)
@given(st.lists(NAMES, unique=True, max_size=12))
def test_every_name_of_a_folder_has_a_text_of_its_own(names: list[bytes]) -> None:
    texts = display_names(names)
    assert len(set(texts)) == len(names) == len(texts)
    for name, text in zip(names, texts, strict=True):
        assert "/" not in text
        text.encode()
        if name == text.encode():
            continue
        assert text == readable(name) or not is_normalized("NFC", text) or "~" in text


@settings(deadline=None)
@given(st.lists(NAMES, unique=True, max_size=12))
def test_the_text_does_not_depend_on_the_order(names: list[bytes]) -> None:
    texts = dict(zip(names, display_names(names), strict=True))
    assert dict(zip(names[::-1], display_names(names[::-1]), strict=True)) == texts


@settings(deadline=None)
@given(NAMES)
def test_a_name_that_is_alone_is_nfc(name: bytes) -> None:
    (text,) = display_names([name])
    assert text == readable(name)
    assert is_normalized("NFC", text)


def test_of_two_that_collide_the_normalised_one_keeps_its_name() -> None:
    nfc, nfd = "caf\u00e9".encode(), "cafe\u0301".encode()
    assert display_names([nfd, nfc]) == ["cafe\u0301", "caf\u00e9"]
    assert display_names([nfd]) == ["caf\u00e9"]


@settings(deadline=None)
@given(st.lists(NAMES, min_size=1, max_size=3))
def test_a_row_opens_the_file_it_was_made_for(parts: list[bytes]) -> None:
    exact = b"/".join(parts)
    texts = "/".join(readable(part) for part in parts)
    row = Row(texts, None if texts.encode() == exact else exact)
    path = disk_path(Path("/library"), row)
    if not any(part in {b".", b".."} for part in parts):
        assert os.fsencode(path) == b"/library/" + exact


@pytest.mark.parametrize(
    ("argument", "text"),
    [
        (b"plain", "plain"),
        ("p\u00e2t\u00e9 \U0001f989".encode(), "p\u00e2t\u00e9 \U0001f989"),
        (b"na\xefve owls", "na\ufffdve owls"),
        (b"\xff\xfe", "\ufffd\ufffd"),
    ],
)
def test_an_argument_is_read_as_utf8_whatever_the_locale(argument: bytes, text: str) -> None:
    assert valid_text(argument.decode("utf-8", "surrogateescape")) == text
    assert valid_text(argument.decode("ascii", "surrogateescape")) == text


def test_half_of_a_surrogate_pair_is_replaced() -> None:
    assert valid_text("a\ud800b") == "a?b"


@pytest.mark.parametrize(
    "name", [b"/tmp/plain", b"/tmp/100%25 odd", b"/tmp/na\xefve %41", "/tmp/p\u00e2t\u00e9".encode()]
)
def test_a_root_comes_back_from_its_text(name: bytes) -> None:
    root = Path(os.fsdecode(name))
    text = text_of_root(root)
    assert root_of_text(text) == root
    text.encode()
    assert text.startswith("file:") is (b"\xef" in name)
