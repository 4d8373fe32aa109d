"""PDF to text. The files are made here, so that what is in them can be read here."""

import io

import pypdf
import pytest
from pypdf.constants import PageLabelStyle

from objlib.core.library.decode import UnreadableError
from objlib.embedded.text.chunk import chunks
from objlib.embedded.text.extract import extract
from objlib.embedded.text.pdf import pdf_text
from objlib.embedded.text.places import place_label


def pdf(*pages: str, info: str = "") -> bytes:
    """A small PDF with one line of text on each page; an empty string is a page without text."""
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        "",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    kids = []
    for page in pages:
        stream = f"BT /F1 12 Tf 72 700 Td ({page}) Tj ET" if page else ""
        objects.append(f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream")
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {len(objects)} 0 R"
            " /Resources << /Font << /F1 3 0 R >> >> >>"
        )
        kids.append(f"{len(objects)} 0 R")
    objects[1] = f"<< /Type /Pages /Count {len(kids)} /Kids [{' '.join(kids)}] >>"
    objects.append(f"<< {info} >>")
    out = io.BytesIO(b"%PDF-1.4\n")
    out.seek(0, io.SEEK_END)
    places = []
    for number, body in enumerate(objects, 1):
        places.append(out.tell())
        out.write(f"{number} 0 obj\n{body}\nendobj\n".encode())
    start = out.tell()
    out.write(f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode())
    out.write("".join(f"{place:010} 00000 n \n" for place in places).encode())
    out.write(f"trailer << /Size {len(objects) + 1} /Root 1 0 R /Info {len(objects)} 0 R >>\n".encode())
    out.write(f"startxref\n{start}\n%%EOF".encode())
    return out.getvalue()


def encrypted(data: bytes, user_password: str, algorithm: str = "RC4-128") -> bytes:
    writer = pypdf.PdfWriter(clone_from=io.BytesIO(data))
    writer.encrypt(user_password, "owner", algorithm=algorithm)
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def read(data: bytes) -> tuple[str, tuple[int, ...]]:
    got = extract(data, mime_type="application/pdf", name="a.pdf")
    return got.text, got.page_starts


def test_a_pdf_gives_the_offset_of_each_page() -> None:
    text, starts = read(pdf("Alpha beta", "", "Gamma delta"))
    assert [text[at:].split("\n")[0] for at in starts] == ["Alpha beta", "", "Gamma delta"]


def test_passages_know_their_page() -> None:
    got = extract(pdf(*["word " * 160] * 3), mime_type="application/pdf", name="a.pdf")
    assert [chunk.page for chunk in chunks(got)] == [1, 2, 3]


def test_a_pdf_gives_its_title_and_author() -> None:
    data = pdf("Some words", info="/Title (On Liberty) /Author (J. S. Mill)")
    got = extract(data, mime_type="application/pdf", name="a.pdf")
    assert (got.title, got.author) == ("On Liberty", "J. S. Mill")
    dull = extract(pdf("x", info="/Title (Untitled 1)"), mime_type="application/pdf", name="a.pdf")
    assert dull.title == ""


@pytest.mark.parametrize("algorithm", ["RC4-40", "RC4-128", "AES-128", "AES-256-R5", "AES-256"])
def test_a_file_that_opens_without_a_password_is_read(algorithm: str) -> None:
    assert "Alpha" in read(encrypted(pdf("Alpha beta"), "", algorithm))[0]
    with pytest.raises(UnreadableError, match="password"):
        read(encrypted(pdf("Alpha beta"), "secret", algorithm))


def test_a_page_that_cannot_be_read_is_named_and_the_others_are_read() -> None:
    data = pdf("Alpha", "Beta", "", "Delta", "Eps")
    data = data.replace(b"7 0 obj\n<< /Type /Page", b"7 0 obj\n(( /Type /Page")
    data = data.replace(b"(Delta) Tj", b"(Delta( Tj")
    got = extract(data, mime_type="application/pdf", name="a.pdf")
    assert got.text.split() == ["Alpha", "Eps"]
    assert got.remarks == ("page 2: cannot be read", "pages 3, 4: neither text nor images")
    assert len(got.page_starts) == 5


def test_a_scan_is_called_a_scan() -> None:
    line = b"BT /F1 12 Tf 72 700 Td (Alpha) Tj ET"
    drawn = pdf("Alpha", "Beta").replace(line, b"72 700 9 9 re f".ljust(len(line)))
    got = extract(drawn, mime_type="application/pdf", name="a.pdf")
    assert got.remarks == ("page 1: only images or drawings",)
    with pytest.raises(UnreadableError, match="OCR"):
        read(pdf("Alpha").replace(line, b"72 700 9 9 re f".ljust(len(line))))


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (encrypted(pdf("Alpha"), "secret"), "password"),
        (pdf("", ""), "neither text nor images"),
        (b"%PDF-1.7 and nothing more", "damaged"),
        (b"no PDF at all", "damaged"),
        (b"", "empty"),
    ],
)
def test_what_cannot_be_read_says_why_in_one_line(data: bytes, says: str) -> None:
    with pytest.raises(UnreadableError, match=says) as caught:
        read(data)
    assert "\n" not in str(caught.value)


def labelled(*pages: str, prefix: str = "") -> bytes:
    """A PDF whose first two pages are numbered i and ii, and the others from 1 on."""
    writer = pypdf.PdfWriter(clone_from=io.BytesIO(pdf(*pages)))
    writer.set_page_label(0, 1, PageLabelStyle.LOWERCASE_ROMAN)
    writer.set_page_label(2, len(pages) - 1, PageLabelStyle.DECIMAL, prefix=prefix or None)
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def test_a_page_has_the_number_that_is_printed_on_it() -> None:
    extracted = pdf_text(labelled("preface", "contents", "chapter", "end"))
    assert [place_label(extracted, start, start + 1) for start in extracted.page_starts] == [
        "page i",
        "page ii",
        "page 1",
        "page 2",
    ]
    assert [passage.page for passage in chunks(extracted)] == [1, 2, 3, 4]
    assert pdf_text(pdf("one", "two")).places == (), "that is how they follow each other"


def test_a_label_is_short_and_cannot_move_the_cursor() -> None:
    extracted = pdf_text(labelled("one", "two", "three", prefix="A\0" + "x" * 500))
    assert extracted.places[2].name == "A" + "x" * 39
