"""Which type a file is sent as."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from objlib.core.library.decode import is_text
from objlib.core.library.mime import ACCEPTED, SNIFF, detect, suffix_of

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
    assert detect(path, b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR") is None


@pytest.mark.parametrize("path", ["a.pdf", "a.docx", "a.xlsx", "a.odt", "a.zip"])
def test_formats_that_are_binary_by_nature_are_taken_by_their_suffix(path: str) -> None:
    assert detect(path, b"\0\0\0") in ACCEPTED


def test_a_pdf_is_known_without_its_suffix() -> None:
    assert detect("download", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n\0") == "application/pdf"


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"", True),
        (b"plain", True),
        ("caf\u00e9 \u4f60\u597d".encode(), True),
        ("caf\u00e9, na\u00efve, \u00fcber".encode("latin-1"), True),
        ("text".encode("utf-16"), True),
        (b"with a NUL\0", False),
        (b"\x1f\x8b\x08\x01" + bytes(range(1, 256)), False),
        (b"a" * SNIFF + b"\0", True),
        (b"kernel: fan 2 stopped\n" * 60 + b"\0" * 4096 + b"kernel: fan 2 started\n", True),
        (b"\0" * 3000 + b"the log was cut while it was written to\n" * 9, True),
        (b"one \0 two\0" + b"a line of a log\n" * 80, True),
        (b"\0" * 500, False),
        (b"notes.txt".ljust(257, b"\0") + b"ustar\x0000".ljust(255, b"\0") + b"some notes\n" * 700, False),
        (b"RIFF\x24\x08\0\0WAVEfmt \x10\0\0\0\x01\0\x02\0" + b"\0" * 4000, False),
    ],
)
def test_text_is_distinguished_from_binary(head: bytes, expected: bool) -> None:
    assert is_text(head) is expected


@settings(deadline=None)
@given(st.text(alphabet=st.characters(exclude_categories=["Cc", "Cs"]), min_size=1), st.integers(0, 3))
def test_utf8_is_text_wherever_it_is_cut(text: str, more: int) -> None:
    data = ("x" * more + text * (SNIFF // len(text.encode("utf-8", "replace")) + 1)).encode(
        "utf-8", "replace"
    )
    assert is_text(data)
    assert is_text(data[: SNIFF // 2])


@settings(deadline=None)
@given(st.text(), st.binary())
def test_a_type_is_always_one_the_service_takes(path: str, head: bytes) -> None:
    assert detect(path, head) in ACCEPTED | {None}


@pytest.mark.parametrize(
    ("path", "expected"), [("a.B/c", ""), ("a.B", "b"), (".b", ""), ("a.", ""), ("a.b.C", "c"), ("", "")]
)
def test_the_suffix_is_that_of_the_last_component(path: str, expected: str) -> None:
    assert suffix_of(path) == expected
