"""Documents made to cost their reader more than they weigh: by name, each in any size.

A maker gets the bytes that the document should have about; for a packed format, those that it unpacks to.
"""

import json
import struct
import zlib
from collections.abc import Callable
from typing import Final

from objlib.core.library.mime import type_of_suffix
from tests.support.formats.samples import pdf
from tests.support.formats.zipped import docx, packed, relations
from tests.support.fuzz.expansions import EXPANDING

Maker = Callable[[int], bytes]

_XHTML: Final = b'<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><body>'
_LAUGHS: Final = (
    '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "'
    + "&a;" * 10
    + '"><!ENTITY c "'
    + "&b;" * 10
    + '"><!ENTITY d "'
    + "&c;" * 10
    + '">]>'
)
_ODF: Final = " ".join(
    f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"' for name in ("office", "text", "table")
)
_SHEET: Final = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
_MAIL: Final = b"From: a\r\nSubject: b\r\n"
_MIXED: Final = _MAIL + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
_COMPOUND: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def _of(piece: bytes, before: bytes = b"", after: bytes = b"") -> Maker:
    """A piece again and again."""
    return lambda size: before + piece * max(1, size // len(piece)) + after


def _xml(piece: str, before: str = "", after: str = "") -> Maker:
    """A Word document of a piece again and again."""
    return lambda size: docx("<w:p/>" + before + piece * max(1, size // len(piece)) + after)


def _odt(piece: str) -> Maker:
    def make(size: int) -> bytes:
        body = f"<office:text>{piece * max(1, size // len(piece))}</office:text>"
        content = (
            f"<office:document-content {_ODF}><office:body>{body}</office:body></office:document-content>"
        )
        return packed({"mimetype": "application/vnd.oasis.opendocument.text", "content.xml": content})

    return make


def _xlsx(piece: str, before: str = "", after: str = "", shared: str = "") -> Maker:
    def make(size: int) -> bytes:
        rows = before + piece * max(1, size // len(piece)) + after
        book = f'<workbook {_SHEET} xmlns:r="x"><sheets><sheet name="s" r:id="a"/></sheets></workbook>'
        return packed(
            {
                "_rels/.rels": relations(a=("officeDocument", "xl/workbook.xml")),
                "xl/workbook.xml": book,
                "xl/_rels/workbook.xml.rels": relations(
                    a=("worksheet", "worksheets/s.xml"), b=("sharedStrings", "shared.xml")
                ),
                "xl/worksheets/s.xml": f"<worksheet {_SHEET}><sheetData>{rows}</sheetData></worksheet>",
                "xl/shared.xml": f"<sst {_SHEET}>{shared}</sst>",
            }
        )

    return make


def _book(size: int) -> bytes:
    """A book whose spine names one chapter again and again."""
    items = "".join(
        f'<item id="i{n}" href="c.html" media-type="application/xhtml+xml"/>' for n in range(size // 500)
    )
    spine = "".join(f'<itemref idref="i{n}"/>' for n in range(size // 500))
    return packed(
        {
            "mimetype": "application/epub+zip",
            "META-INF/container.xml": '<container><rootfiles><rootfile full-path="c.opf"/></rootfiles></container>',
            "c.opf": f"<package><manifest>{items}</manifest><spine>{spine}</spine></package>",
            "c.html": f"<html><body><p>{'words ' * 80}</p></body></html>",
        }
    )


def _nested_parts(size: int) -> bytes:
    parts = "".join(
        f"Content-Type: multipart/mixed; boundary=b{n}\r\n\r\n--b{n}\r\n" for n in range(size // 50)
    )
    return _MAIL + parts.encode() + b"Content-Type: text/plain\r\n\r\nhello"


def _notebook(cell: object) -> Maker:
    return lambda size: json.dumps({"cells": [cell] * (size // len(json.dumps(cell)))}).encode()


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _png(width: int, height: int, piece: bytes) -> Maker:
    head = b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return lambda size: head + piece * max(1, size // len(piece)) + _chunk(b"IEND", b"")


def _segment(marker: int, data: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(data) + 2) + data


def _jpeg(segment: bytes) -> Maker:
    return lambda size: b"\xff\xd8" + segment * (size // len(segment)) + b"\xff\xd9"


def _anchors(size: int) -> bytes:
    """Front matter whose aliases would fill the memory if they were followed."""
    lines = ["a0: &a0 [x,x,x,x,x,x,x,x,x]"]
    lines += [f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 2 + size // 60)]
    return ("---\n" + "\n".join(lines) + f"\ntitle: *a{len(lines) - 1}\n---\nwords").encode()


HOSTILE: Final[dict[str, tuple[str, Maker]]] = {
    "an attribute": ("a.html", _of(b"a ", b'<meta name="x" content="', b'"><p>words</p>')),
    "charsets": ("a.html", _of(b"charset ", b"<meta ", b"><p>words")),
    "open metas": ("a.html", _of(b'<meta content="text/html; ', b"", b"<p>words")),
    "open attribute": ("a.html", _of(b"<a href=", b'words <p title="')),
    "attributes": ("a.html", lambda n: b"<p " + b" ".join(b"a%d=1" % i for i in range(n // 8)) + b">words"),
    "svg": ("a.html", _of(b"<svg></p>", b"words")),
    "open elements": ("a.html", _of(b"<div>", b"", b"words")),
    "open tables": ("a.html", _of(b"<table><tr><td>", b"", b"words")),
    "open formats": ("a.html", _of(b"<b><i><a href=x><font>", b"", b"words")),
    "end tags": ("a.html", _of(b"</div>", b"words")),
    "entities of HTML": ("a.html", _of(b"&amp;&lt;&none;&#99999999999;")),
    "document types": ("a.html", _of(b"<!DOCTYPE ", b"words")),
    "subsets": ("a.xhtml", _of(b"<!DOCTYPE html [", b'<?xml version="1.0"?>')),
    "sections": ("a.xhtml", _of(b"<![CDATA[", _XHTML)),
    "deep XHTML": ("a.xhtml", _of(b"<a>", _XHTML, b"words")),
    "laughs of XHTML": ("a.xhtml", _of(b"&d;", _XHTML[:21] + _LAUGHS.encode() + _XHTML[21:], b"</body></html>")),
    "laughs": ("a.xml", _of(b"&d;", _LAUGHS.encode() + b"<x>", b"</x>")),
    "deep XML": ("a.xml", _of(b"<a>")),
    "lists": ("a.json", _of(b"[")),
    "objects": ("a.json", _of(b'{"a":')),
    "quotes": ("a.json", _of(b'"')),
    "escapes": ("a.json", _of(b"\\", b'"')),
    "surrogates": ("a.json", _of(b"\\ud800", b'"')),
    "a row": ("a.csv", _of(b"a,")),
    "open rows": ("a.csv", _of(b'"\n')),
    "blank rows": ("a.csv", _of(b"\n", b"", b"words")),
    "records": ("a.jsonl", _of(b"{}\n")),
    "cues": ("a.srt", _of(b"1\n00:00:01,000 --> 00:00:02,000\n")),
    "arrows": ("a.srt", _of(b"00:00:01,000 --> ", b"words ")),
    "tags of cues": ("a.vtt", _of(b"<", b"WEBVTT\n\n00:01.000 --> 00:02.000\n")),
    "aliases": ("a.md", _anchors),
    "headings": ("a.md", _of(b"# a\n")),
    "underlines": ("a.md", _of(b"a\n=\n")),
    "hashes": ("a.md", _of(b" #", b"# ", b"x")),
    "fences": ("a.md", _of(b"```\n", b"", b"words")),
    "pictures in text": ("a.md", _of(b"![](data:image/png;base64,")),
    "a line": ("a.txt", _of(b"words of one line ")),
    "a word": ("a.txt", _of(b"x")),
    "full stops": ("a.txt", _of(b". ")),
    "letters": ("a.txt", _of(b"a\n")),
    "paragraphs": ("a.txt", _of(b"a\n\n")),
    "blanks": ("a.txt", _of(b" ", b"a", b"b")),
    "Chinese": ("a.txt", _of("蜂".encode())),
    "closing marks": ("a.txt", _of(b"!\"')")),
    "commas": ("a.txt", _of(b",;:")),
    "bytes": ("a.txt", _of(bytes(range(160, 256)))),
    "half pairs": ("a.txt", _of(b"\xd8\x00", b"\xff\xfe")),
    "functions": ("a.py", _of(b"def a")),
    "classes": ("a.py", _of(b"class \n")),
    "pages": ("a.pdf", lambda n: pdf(*["word"] * (n // 500))),
    "objects of PDF": ("a.pdf", _of(b"1 0 obj <<", b"%PDF-1.4\n")),
    "text of Word": ("a.docx", _xml("a ", "<w:p><w:r><w:t>", "</w:t></w:r></w:p>")),
    "paragraphs of Word": ("a.docx", _xml("<w:p><w:r><w:t>a</w:t></w:r></w:p>")),
    "runs": ("a.docx", _xml("<w:r><w:t>a</w:t></w:r>", "<w:p>", "</w:p>")),
    "open paragraphs": ("a.docx", _xml("<w:p>")),
    "comments of XML": ("a.docx", _xml("<!-- -->")),
    "tables of Word": ("a.docx", _xml("<w:p/>", "<w:tbl>" * 100, "</w:tbl>" * 100)),
    "laughs of Word": ("a.docx", lambda n: packed({
        "_rels/.rels": relations(a=("officeDocument", "word/document.xml")),
        "word/document.xml": _LAUGHS + "<w>" + "&d;" * (n // 3) + "</w>",
    })),
    "parts": ("a.docx", lambda n: packed({f"word/{i}.xml": "" for i in range(n // 100)})),
    "cells": ("a.xlsx", _xlsx('<c t="inlineStr"><is><t>a</t></is></c>', "<row>", "</row>")),
    "rows": ("a.xlsx", _xlsx("<row><c><v>1</v></c></row>")),
    "far cells": ("a.xlsx", _xlsx('<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>')),
    "spaces": ("a.odt", _odt('<text:p>a<text:s text:c="2000000000"/>b</text:p>')),
    "repeated rows": ("a.odt", _odt(
        '<table:table><table:table-row table:number-rows-repeated="1000000000"><table:table-cell'
        ' table:number-columns-repeated="1000000000"><text:p>x</text:p></table:table-cell></table:table-row>'
        "</table:table>"
    )),
    "text of OpenDocument": ("a.odt", lambda n: _odt(f"<text:p>{'a ' * (n // 2)}</text:p>")(n)),
    "one chapter": ("a.epub", _book),
    "groups": ("a.rtf", _of(b"{", b"{\\rtf1 words")),
    "skipped characters": ("a.rtf", _of(b"\\u65 ", b"{\\rtf1\\uc99999999 ")),
    "binaries": ("a.rtf", _of(b"\\bin9999999999 ", b"{\\rtf1 words")),
    "backslashes": ("a.rtf", _of(b"\\\\", b"{\\rtf1 ")),
    "codes": ("a.rtf", _of(b"\\'e4", b"{\\rtf1 ")),
    "paragraphs of RTF": ("a.rtf", _of(b"\\par a", b"{\\rtf1 ")),
    "parts in parts": ("a.eml", _nested_parts),
    "messages in messages": ("a.eml", _of(b"Content-Type: message/rfc822\r\n\r\nSubject: y\r\n", _MAIL)),
    "encoded words": ("a.eml", _of(b"=?utf-8?q?a?= ", b"From: a\r\nSubject: ", b"\r\n\r\nwords")),
    "headers": ("a.eml", _of(b"X: y\r\n", _MAIL, b"\r\nwords")),
    "folded headers": ("a.eml", _of(b"Subject: b\r\n c\r\n", _MAIL, b"\r\nwords")),
    "parameters": ("a.eml", _of(b"; a*0=b", _MAIL + b"Content-Type: text/plain", b"\r\n\r\nwords")),
    "parts of mail": ("a.eml", _of(b"--b\r\nContent-Type: text/plain\r\n\r\nx\r\n", _MIXED)),
    "attachments": ("a.eml", _of(
        b"--b\r\nContent-Type: text/html\r\nContent-Disposition: attachment; filename=a.html\r\n\r\n<p>x\r\n", _MIXED
    )),
    "messages": ("a.mbox", _of(b"From a@b Mon Jan  1 00:00:00 2020\r\nSubject: x\r\n\r\nhello\r\n")),
    "outputs": ("a.ipynb", _notebook({"cell_type": "code", "outputs": [{"data": {"text/plain": ["x"] * 100}}] * 9})),
    "deep cells": ("a.ipynb", _of(b"[", b'{"cells":')),
    "cells of notes": ("a.ipynb", _notebook({"cell_type": "markdown", "source": "# a"})),
    "a large picture": ("a.png", _png(2**31 - 1, 2**31 - 1, _chunk(b"IDAT", zlib.compress(bytes(10_000))))),
    "packed words": ("a.png", _png(1, 1, _chunk(b"zTXt", b"Title\0\0" + zlib.compress(b"a" * 1_000_000)))),
    "words of PNG": ("a.png", _png(1, 1, _chunk(b"tEXt", b"Title\0words"))),
    "comments of JPEG": ("a.jpg", _jpeg(_segment(0xFE, b"words"))),
    "a large photograph": ("a.jpg", _jpeg(_segment(0xC0, b"\x08\xff\xff\xff\xff\x01\x01\x22\0"))),
    "Exif": ("a.jpg", _jpeg(_segment(0xE1, b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + (
        b"\x0e\x01\x02\0\xff\xff\xff\xff\0\0\0\0" * 4000
    )))),
    "XMP": ("a.jpg", _jpeg(_segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + b"<dc:title>" * 6000))),
    "sectors of ones": ("a.doc", _of(b"\xff", _COMPOUND)),
    "sectors of zeros": ("a.doc", _of(b"\0", _COMPOUND)),
    "records of zeros": ("a.xls", _of(b"\0", b"\x09\x08\x10\0\0\x06\x05\0")),
    "storage of zeros": ("a.hwp", _of(b"\0", _COMPOUND)),
    **EXPANDING,
}  # fmt: skip
"""Hostile documents by name: the name of the file, and its maker."""


def type_of(name: str) -> str:
    """The MIME type under which a file of this name is uploaded."""
    pictures = {"png": "image/png", "jpg": "image/jpeg"}
    return pictures.get(name.rpartition(".")[2]) or type_of_suffix(name) or "text/plain"
