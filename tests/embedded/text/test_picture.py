"""Pictures: the words by which they are found."""

import struct
import zlib

import pytest

from objlib.core.library.decode import UnreadableError
from objlib.core.library.mime import takes_pictures
from objlib.embedded.text.extract import extract
from tests.support.formats.pictures import jpeg, png


def words(data: bytes, name: str = "a-quay_1.png", mime_type: str = "image/png") -> list[str]:
    return extract(data, mime_type=mime_type, name=name).text.strip().split("\n\n")


def test_a_picture_is_found_by_its_name_and_the_words_it_carries() -> None:
    assert words(png(Title="Dusk", Description="A quay &amp; boats", Software="Paint")) == [
        "Picture a quay 1",
        "Dusk",
        "A quay &amp; boats",
    ]
    assert words(jpeg("a comment", "A description"), "b.jpg", "image/jpeg") == [
        "Picture b",
        "A description",
        "a comment",
    ]


def test_descriptions_in_xmp_are_read() -> None:
    xmp = "<x><dc:title><rdf:Alt><rdf:li>The &lt;mole&gt;</rdf:li></rdf:Alt></dc:title></x>"
    assert words(png(**{"XML:com.adobe.xmp": xmp}))[1] == "The <mole>"


def test_a_packed_text_chunk_is_read_within_bounds() -> None:
    packed = b"Comment\0\0" + zlib.compress(b"word " * 1_000_000)
    chunk = struct.pack(">I", len(packed)) + b"zTXt" + packed + b"\0\0\0\0"
    assert 0 < len("".join(words(b"\x89PNG\r\n\x1a\n" + chunk))) < 100_000


@pytest.mark.parametrize("data", [png(Title="Dusk"), jpeg("a comment", "A description")], ids=["png", "jpeg"])
def test_damage_anywhere_leaves_the_name(data: bytes) -> None:
    for at in range(8, len(data)):
        assert words(data[:at])[0] == "Picture a quay 1"
        assert words(data[:at] + b"\xff" + data[at + 1 :])[0] == "Picture a quay 1"


def test_another_format_under_the_type_of_a_picture_is_refused() -> None:
    with pytest.raises(UnreadableError, match="PNG and JPEG"):
        words(b"GIF89a")


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("models/gemini-embedding-2", True),
        ("gemini-embedding-2-preview", True),
        ("gemini-embedding-3.1", True),
        ("models/gemini-embedding-001", False),
        ("models/text-embedding-004", False),
        ("", False),
    ],
)
def test_the_second_embedding_model_takes_pictures(model: str, expected: bool) -> None:
    assert takes_pictures(model) == expected
