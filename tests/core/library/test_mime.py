"""Which type a file is sent as."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from objlib.core.library.mime import ACCEPTED, OFFLINE, PICTURES, detect, suffix_of

FACTS = Path(__file__).parents[4] / "shared/reference/gemini_file_search_mime_types.json"


@pytest.mark.skipif(not FACTS.exists(), reason="the reference is not beside this checkout")
def test_the_accepted_types_are_those_of_the_reference() -> None:
    facts = json.loads(FACTS.read_text("utf-8"))
    assert set(facts["application"] + facts["text"]) == ACCEPTED


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a.txt", "text/plain"),
        ("a.TXT", "text/plain"),
        ("a/b.c/README", "text/plain"),
        (".profile", "text/plain"),
        ("notes.unknown", "text/plain"),
        ("a.md", "text/markdown"),
        ("a.markdown", "text/markdown"),
        ("a.html", "text/html"),
        ("a.py", "text/x-python"),
        ("a.json", "application/json"),
        ("a.tar.pdf", "application/pdf"),
        ("a.docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    ],
)
def test_the_suffix_names_the_type(path: str, expected: str) -> None:
    assert detect(path, b"some text\n") == expected
    assert detect(path, b"some text\n") in ACCEPTED


@pytest.mark.parametrize("path", ["a.txt", "a.md", "a.png", "a.mp3", "a", "a.exe"])
def test_binary_content_has_no_type(path: str) -> None:
    assert detect(path, b"\x7fELF\2\1\1\0\0\0\0\0") is None


@pytest.mark.parametrize("path", ["a.pdf", "a.docx", "a.xlsx", "a.odt", "a.zip"])
def test_formats_that_are_binary_by_nature_are_taken_by_their_suffix(path: str) -> None:
    assert detect(path, b"\0\0\0") in ACCEPTED


@pytest.mark.parametrize(
    ("head", "expected"),
    [(b"\x89PNG\r\n\x1a\n\0", "image/png"), (b"\xff\xd8\xff\xe0\0\x10JFIF\0", "image/jpeg")],
)
def test_a_picture_is_known_by_its_first_bytes(head: bytes, expected: str) -> None:
    assert detect("photo.txt", head) == detect("photo", head) == expected


def test_a_pdf_is_known_without_its_suffix() -> None:
    assert detect("download", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n\0") == "application/pdf"


@settings(deadline=None)
@given(st.text(), st.binary())
def test_a_type_is_always_one_the_service_takes(path: str, head: bytes) -> None:
    assert detect(path, head) in ACCEPTED | OFFLINE | PICTURES | {None}


@pytest.mark.parametrize(
    ("path", "expected"), [("a.B/c", ""), ("a.B", "b"), (".b", ""), ("a.", ""), ("a.b.C", "c"), ("", "")]
)
def test_the_suffix_is_that_of_the_last_component(path: str, expected: str) -> None:
    assert suffix_of(path) == expected
