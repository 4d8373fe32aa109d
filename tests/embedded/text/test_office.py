"""Office files, books, mail, notebooks and subtitles: what is read, what is left out, and how long it may take."""

import io
import re
import zipfile

import pytest

from objlib.core.library.decode import UnreadableError
from objlib.embedded.text import builder, zipped
from objlib.embedded.text.extra import MissingReaderError
from objlib.embedded.text.extract import extract
from objlib.embedded.text.extracted import Extracted
from objlib.embedded.text.sheets import is_date_format
from tests.support.formats import compound
from tests.support.formats.samples import message, notebook, pdf, rtf
from tests.support.formats.zipped import docx, epub, odt, packed, paragraph, pptx, relations, xlsx


def outcome(data: bytes, name: str) -> str:
    """The start of the text, or the reason why there is none."""
    try:
        return read(
            data, name, "text/plain" if name.endswith("eml") else "application/octet-stream"
        ).text.strip()[:200]
    except UnreadableError as error:
        return str(error)


W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'


def read(data: bytes, name: str, mime_type: str = "application/octet-stream") -> Extracted:
    return extract(data, mime_type=mime_type, name=name)


def run(text: str) -> str:
    return f"<w:r><w:t>{text}</w:t></w:r>"


def test_a_word_document_keeps_its_characters_headings_tables_and_notes() -> None:
    cell = "<w:tc><w:p>{}</w:p></w:tc>"
    table = f"<w:tbl><w:tr>{cell.format(run('one'))}{cell.format(run('two'))}</w:tr></w:tbl>"
    box = f"<w:p>{run('outside')}<w:r><w:txbxContent><w:p>{run('inside')}</w:p></w:txbxContent></w:r></w:p>"
    notes = f"<w:footnotes {W}><w:footnote><w:p>{run('a note')}</w:p></w:footnote></w:footnotes>"
    got = read(
        docx(
            "# R&D",
            "5 < 6 & \u2019so\u2019",
            table,
            f"<w:p><w:ins>{run('new')}</w:ins><w:del><w:r><w:delText>old</w:delText></w:r></w:del></w:p>",
            f"<w:p>{run('a')}<w:r><w:tab/></w:r>{run('b')}<w:r><w:br/></w:r>{run('c')}</w:p>",
            f'<w:p><mc:AlternateContent xmlns:mc="mc"><mc:Choice>{run("seen")}</mc:Choice>'
            f"<mc:Fallback>{run('twice')}</mc:Fallback></mc:AlternateContent></w:p>",
            box,
            paragraph("Sub", "Own"),
            title="T & T",
            author="Ann",
            more={"word/footnotes.xml": notes, "word/media/image1.png": b"x"},
        ),
        "a.docx",
    )
    expected = "R&D|5 < 6 & \u2019so\u2019|one\ttwo|new|a\tb\nc|seen|inside|outside|Sub|a note"
    assert got.text.strip().split("\n\n") == expected.split("|")
    assert [heading for _, heading in got.headings] == ["R&D", "Sub", "Footnotes"]
    assert (got.title, got.author) == ("T & T", "Ann")
    assert got.remarks == ("1 picture inside is not searched",)


def test_a_presentation_is_read_in_its_order_with_notes() -> None:
    got = read(pptx([["One", "first"], ["Two", "R&D"]], {0: "say hello"}), "a.pptx")
    assert got.text.split() == "One first Notes: say hello Two R&D".split()
    assert got.page_starts == (0, got.text.index("Two"))


def test_a_workbook_shows_dates_truth_and_plain_numbers() -> None:
    got = read(xlsx({"S": [["When", "Ok", "Sum"], [45000.5, True, 0.1 + 0.2]]}, dates=["A2"]), "a.xlsx")
    assert got.text.splitlines()[1] == "2023-03-15 12:00:00\tTRUE\t0.3"
    assert got.headings[0][1] == "S: When, Ok, Sum"


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("yyyy-mm-dd", True),
        ("General", False),
        ("0.00", False),
        ('"day" 0', False),
        ("[Red]0", False),
        ("h:mm", True),
        ("0;-0", False),
    ],
)
def test_a_number_format_shows_a_date_or_not(code: str, expected: bool) -> None:
    assert is_date_format(code) == expected


def test_an_opendocument_text_is_read_without_deleted_text() -> None:
    got = read(
        odt(
            "# Head",
            "<text:tracked-changes><text:p>gone</text:p></text:tracked-changes>",
            "<text:p>a<text:tab/>b<text:s text:c='2'/>c<text:note><text:note-citation>1</text:note-citation>"
            "<text:note-body><text:p>note</text:p></text:note-body></text:note></text:p>",
            title="T",
        ),
        "a.odt",
    )
    assert got.text.split("\n\n")[:3] == ["Head", "note", "a\tb  c"]
    assert got.title == "T"


def test_a_book_is_read_by_chapters_and_names_an_encrypted_one() -> None:
    book = epub([("One", "first & last"), ("Two", "second")], "Book", "Bob")
    got = read(book, "a.epub")
    assert [place.name for place in got.places] == ["One", "Two"]
    assert (got.title, got.author) == ("Book", "Bob")
    assert [got.text[at:].split("\n")[0] for at, _ in got.headings] == ["One", "Two"]
    locked = '<encryption><CipherReference URI="OEBPS/text/chapter%200.xhtml"/></encryption>'
    with zipfile.ZipFile(io.BytesIO(book)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with pytest.raises(UnreadableError, match="DRM"):
        read(packed({**parts, "META-INF/encryption.xml": locked}), "a.epub")
    with pytest.raises(UnreadableError, match="no list of chapters"):
        read(packed({"META-INF/container.xml": b"<container/>"}), "a.epub")


def test_an_old_word_document_is_read_without_fields_and_marks() -> None:
    got = read(compound.doc(["A \x13 HYPERLINK x \x14link\x15 here", "a\x07b\x07\x07c"]), "a.doc")
    assert got.text.split("\n\n")[:3] == ["A link here", "a\tb", "c"]


def test_an_old_workbook_has_the_places_of_a_new_one() -> None:
    got = read(compound.xls({"S": [["a", "b"], ["R&D", 2.5]]}), "a.xls")
    assert got.text.splitlines()[:2] == ["a\tb", "R&D\t2.5"]
    assert got.places[1][1:4] == ("row", "2", "sheet S")


def test_a_hangul_document_is_read() -> None:
    assert read(compound.hwp(["등불 R&D", "둘"]), "a.hwp").text.split() == ["등불", "R&D", "둘"]


def test_rtf_is_read_in_its_encodings_without_what_is_not_text() -> None:
    source = (
        rb"{\rtf1\ansi\ansicpg1252{\fonttbl{\f0 A;}{\f1\fcharset204 B;}}{\stylesheet{\s1 heading 1;}}"
        rb"{\info{\title Ti}{\author Au}}\outlinelevel0 Head\par\pard caf\'e9 \u8217?s \u-10179?\u-8704?\par"
        rb"{\f1\'cc\'e8\'f0}{\*\unknown no}{\pict\bin5 }}}}}}\par"
        rb"{\field{\*\fldinst HYPERLINK x}{\fldrslt link}}{\header no}{\footnote note}\par"
        rb"\trowd\intbl one\cell two\cell\row\pard end\line more}outside"
    )
    got = read(source, "a.rtf")
    assert got.text.split("\n\n")[:4] == ["Head", "café ’s 😀", "Мир", "linknote"]
    assert got.text.endswith("one\ttwo\nend\nmore\n\n")
    assert (got.title, got.author, got.headings) == ("Ti", "Au", ((0, "Head"),))


def test_a_message_is_read_once_with_its_headers_and_attachments() -> None:
    got = read(message("=?utf-8?q?Caf=C3=A9?=", "The body."), "a.eml", "text/plain")
    assert got.text.count("The body.") == 1
    assert got.title == "Café"
    with_file = (
        b"Subject: s\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/html\n\n"
        b"<p>only <b>html</b></p>\n--b\nContent-Type: text/plain\nContent-Disposition: attachment; filename=n.txt\n\n"
        b"attached\n--b\nContent-Type: image/png\nContent-Disposition: attachment; filename=p.png\n\nx\n--b--\n"
    )
    got = read(with_file, "a.eml", "text/plain")
    assert [(place.kind, place.name) for place in got.places][:2] == [
        ("message", "1"),
        ("attachment", "n.txt"),
    ]
    assert "only html" in got.text
    assert got.remarks == ("message 1: the attachment p.png is not read",)
    assert read(b"no message at all", "a.eml", "text/plain").text == "no message at all"


def test_a_notebook_is_read_by_cells_with_what_they_printed() -> None:
    got = read(notebook(("markdown", "# Top\n\ntext"), ("code", "x = 1")), "a.ipynb")
    assert got.text.split("\n\n")[:3] == ["# Top", "text", "x = 1"]
    assert got.headings == ((0, "Top"),)
    old = b'{"worksheets": [{"cells": [{"cell_type": "code", "input": ["a\\n"], "outputs": [{"text": ["b"]}]}]}]}'
    assert read(old, "a.ipynb").text.split() == ["a", "b"]
    assert read(b'{"cells": [', "a.ipynb").remarks == (
        "the notebook is read as text, not by its cells: it is no valid JSON",
    )


def test_subtitles_are_read_without_numbers_times_and_markup() -> None:
    srt = "1\n00:00:01,000 --> 00:00:02,000\n<i>Hello</i>\nthere\n\n2\n00:01:01,000 --> 00:01:02,000\n42\n"
    got = read(srt.encode(), "a.srt")
    assert got.text == "Hello there\n42\n"
    assert [place.name for place in got.places] == ["00:00:01", "00:01:01"]
    vtt = "WEBVTT\n\nNOTE no\n\nSTYLE\n::cue {}\n\n00:02.000 --> 00:03.000 align:start\n<v Ann>Hi <00:02.500>you</v>\n"
    assert read(vtt.encode(), "a.vtt").text == "Ann: Hi you\n"
    assert read(b"no times", "a.srt").text == "no times"


@pytest.mark.parametrize(
    ("data", "name", "word"),
    [
        (docx("word"), "a.doc", "word"),
        (docx("word"), "a.xlsx", "word"),
        (compound.doc(["word"]), "a.docx", "word"),
        (rtf("word"), "a.doc", "word"),
        (pdf("word"), "a.docx", "word"),
        (b"<html><body><table><tr><td>word</td></tr></table>", "a.xls", "word"),
        (b"a\tb\nword\tc\n", "a.xls", "word"),
        (compound.xls({"S": [["word"]]}), "a.xlsx", "word"),
    ],
    ids=["docx-doc", "docx-xlsx", "doc-docx", "rtf-doc", "pdf-docx", "html-xls", "tsv-xls", "xls-xlsx"],
)
def test_content_decides_where_the_name_says_another_format(data: bytes, name: str, word: str) -> None:
    assert word in read(data, name).text


BROKEN = {
    "docx": docx("word"),
    "pptx": pptx([["word"]]),
    "xlsx": xlsx({"S": [["word"]]}),
    "odt": odt("word"),
    "epub": epub([("word", "word")]),
    "doc": compound.doc(["word"]),
    "xls": compound.xls({"S": [["word"]]}),
    "hwp": compound.hwp(["word"]),
    "rtf": rtf("word"),
    "eml": message("word", "word"),
}


@pytest.mark.parametrize("suffix", BROKEN)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_damage_anywhere_is_a_reason_in_one_line_or_a_text(suffix: str) -> None:
    data = BROKEN[suffix]
    for step in range(1, 60):
        at = len(data) * step // 60
        for damaged in (data[:at], data[: at - 1] + bytes([data[at - 1] ^ 0xFF]) + data[at:]):
            outcome(damaged, f"a.{suffix}")  # raises nothing else


@pytest.mark.parametrize("suffix", ["docx", "pptx", "xlsx", "odt", "epub", "doc", "xls", "hwp", "rtf"])
def test_a_text_file_by_that_name_is_no_such_file(suffix: str) -> None:
    expected = "just words" if suffix in {"doc", "xls"} else "save it again|Open it in its program"
    assert re.search(expected, outcome(b"just words", f"a.{suffix}"))


@pytest.mark.parametrize(("suffix", "module"), [("doc", "olefile"), ("hwp", "olefile"), ("xls", "xlrd")])
def test_without_the_extra_the_reason_says_how_to_get_it(
    suffix: str, module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, module, None)
    with pytest.raises(MissingReaderError, match=r"pip install 'objlib\[formats\]'"):
        read(BROKEN[suffix], f"a.{suffix}")


def test_a_protected_file_says_so() -> None:
    for data in (compound.compound({"EncryptedPackage": b"x", "EncryptionInfo": b"x"}),):
        with pytest.raises(UnreadableError, match="password"):
            read(data, "a.docx")
        with pytest.raises(UnreadableError, match="password"):
            read(data, "a.doc")
    manifest = "<manifest><encryption-data/></manifest>"
    with pytest.raises(UnreadableError, match="password"):
        read(packed({"content.xml": "<a/>", "META-INF/manifest.xml": manifest}), "a.odt")
    with pytest.raises(UnreadableError, match="password"):
        read(compound.hwp(["x"]).replace(b"\x00\x03\x00\x05\x00\x00", b"\x00\x03\x00\x05\x02\x00"), "a.hwp")


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b'"\\' * 200_000, "a.json"),
        (b'{"' * 200_000, "a.json"),
        (b"[" * 200_000, "a.ipynb"),
        (b'"\n' + b"a\n" * 200_000, "a.csv"),
        (b"Subject: s\nContent-Type: text/plain" + b"; a=b" * 200_000 + b"\n\nx", "a.eml"),
        (b"Subject: " + b"=?utf-8?q?a?= " * 200_000 + b"\nTo: x\n\nx", "a.eml"),
        (b"Subject: s\nContent-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * 20_000, "a.eml"),
        (b"0:00:01.0 --> 0:00:02.0\nx" + b" " * 400_000 + b"<v " * 100_000, "a.srt"),
        (b"{\\rtf1 " + b"{" * 100_000 + b"word" + b"}" * 100_001, "a.rtf"),
        (b"\nexport export export " * 50_000, "a.py"),
        (docx("<w:p>" * 200 + "".join(f"<x{n}/>" for n in range(50_000)) + "</w:p>" * 200), "a.docx"),
        (compound.doc(["\x13\x14" * 200_000]), "a.doc"),
    ],
    ids=[
        "quotes",
        "keys",
        "lists",
        "open",
        "parameters",
        "words",
        "parts",
        "blanks",
        "groups",
        "exports",
        "names",
        "fields",
    ],
)
def test_hostile_input_takes_time_in_proportion_to_its_size(data: bytes, name: str) -> None:
    """Each of these took minutes in quadratic time."""
    assert outcome(data, name)


def test_an_archive_bomb_is_refused_whatever_it_says_of_its_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zipped, "MAX_UNPACKED", 1000)
    with pytest.raises(UnreadableError, match="unpacks to more than"):
        read(docx("word " * 1000), "a.docx")
    monkeypatch.setattr(zipped, "MAX_PARTS", 3)
    with pytest.raises(UnreadableError, match="unpacks to more than"):
        read(docx("word"), "a.docx")


def test_a_text_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(builder, "MAX_TEXT", 1000)
    with pytest.raises(UnreadableError, match="Split it"):
        read(rtf(*["word"] * 1000), "a.rtf")


def test_a_document_that_declares_entities_is_refused() -> None:
    document = (
        f'<!DOCTYPE w [<!ENTITY e SYSTEM "file:///etc/hostname"><!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
        f"<w:document {W}><w:body><w:p><w:r><w:t>word &e; &b;</w:t></w:r></w:p></w:body></w:document>"
    )
    parts = {
        "_rels/.rels": relations(a=("officeDocument", "word/document.xml")),
        "word/document.xml": document,
    }
    for coded in (document, document.encode("utf-16")):
        with pytest.raises(UnreadableError, match="damaged"):
            read(packed({**parts, "word/document.xml": coded}), "a.docx")


def test_a_part_outside_the_package_is_not_opened() -> None:
    parts = {"_rels/.rels": relations(a=("officeDocument", "../../../../etc/passwd"))}
    with pytest.raises(UnreadableError):
        read(packed({**parts, "word/x.xml": "<a/>"}), "a.docx")
