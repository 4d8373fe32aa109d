"""Documents that stand for far more text than they have bytes: parts, pieces, strings and pages that are shared.

A maker gets the bytes that the document should have about before it is packed.
"""

import struct
import zlib
from collections.abc import Callable
from io import BytesIO
from typing import Final

from pypdf import PdfReader, PdfWriter

from tests.support.formats.compound import compound
from tests.support.formats.samples import pdf
from tests.support.formats.zipped import docx, packed, relations

Maker = Callable[[int], bytes]

_SHEET: Final = (
    'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    ' xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
)
_SLIDE: Final = (
    'xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main"'
    ' xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"'
    ' xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
)
_PROSE: Final = "The keeper of the bees went to the harbour; the day was cold. "


def workbook(*, rows: str = "", sheets: str = "", shared: str = "", styles: str = "") -> bytes:
    """A workbook of one worksheet part, which ``sheets`` names by ``a``; by default once, as ``s``."""
    sheets = sheets or '<sheet name="s" r:id="a"/>'
    return packed(
        {
            "_rels/.rels": relations(a=("officeDocument", "xl/workbook.xml")),
            "xl/workbook.xml": f"<workbook {_SHEET}><sheets>{sheets}</sheets></workbook>",
            "xl/_rels/workbook.xml.rels": relations(
                a=("worksheet", "worksheets/s.xml"),
                b=("sharedStrings", "shared.xml"),
                c=("styles", "styles.xml"),
            ),
            "xl/worksheets/s.xml": f"<worksheet {_SHEET}><sheetData>{rows}</sheetData></worksheet>",
            "xl/shared.xml": f"<sst {_SHEET}>{shared}</sst>",
            "xl/styles.xml": f"<styleSheet {_SHEET}>{styles}</styleSheet>",
        }
    )


def shared_text(size: int) -> bytes:
    """A workbook each of whose cells is the same long text."""
    cell = '<row><c t="s"><v>0</v></c></row>'
    return workbook(rows=cell * (size // len(cell)), shared=f"<si><t>{'a ' * 500}</t></si>")


def _wide_row(size: int) -> bytes:
    cell = '<c t="s"><v>0</v></c>'
    return workbook(rows=f"<row>{cell * (size // len(cell))}</row>", shared=f"<si><t>{_PROSE * 500}</t></si>")


def _repeated_sheet(size: int) -> bytes:
    rows = "<row><c><v>1</v></c></row>" * 50
    return workbook(rows=rows, sheets='<sheet name="s" r:id="a"/>' * (size // 26))


def _long_title(size: int) -> bytes:
    rows = "<row><c><v>1</v></c></row>" * (size // 50)
    return workbook(rows=rows, sheets=f'<sheet name="{"s" * (size // 2)}" r:id="a"/>')


def _brackets(size: int) -> bytes:
    code = f'<numFmts><numFmt numFmtId="200" formatCode="{"[" * size}"/></numFmts>'
    return workbook(rows="<row><c><v>1</v></c></row>", styles=code)


def _repeated_slide(size: int) -> bytes:
    listed = '<p:sldId r:id="a"/>' * (size // 19)
    shape = f"<p:sp><p:txBody><a:p><a:r><a:t>{_PROSE * 40}</a:t></a:r></a:p></p:txBody></p:sp>"
    return packed(
        {
            "_rels/.rels": relations(a=("officeDocument", "ppt/presentation.xml")),
            "ppt/presentation.xml": f"<p:presentation {_SLIDE}><p:sldIdLst>{listed}</p:sldIdLst></p:presentation>",
            "ppt/_rels/presentation.xml.rels": relations(a=("slide", "slides/s.xml")),
            "ppt/slides/s.xml": f"<p:sld {_SLIDE}><p:cSld><p:spTree>{shape}</p:spTree></p:cSld></p:sld>",
        }
    )


def large_chapter(size: int) -> bytes:
    """A book of one chapter, which packs to a two hundredth of its size."""
    return packed(
        {
            "META-INF/container.xml": '<container><rootfiles><rootfile full-path="c.opf"/></rootfiles></container>',
            "c.opf": '<package><manifest><item id="a" href="c.html" media-type="application/xhtml+xml"/></manifest>'
            '<spine><itemref idref="a"/></spine></package>',
            "c.html": f"<html><body><p>{_PROSE * (size // len(_PROSE))}</p></body></html>",
        }
    )


def _nested_tables(size: int) -> bytes:
    depth = 200
    inner = "<w:p><w:r><w:t>word </w:t></w:r></w:p>" * (size // 40)
    return docx(
        "<w:p/>" + "<w:tbl><w:tr><w:tc>" * depth + inner + "</w:tc></w:tr></w:tbl>" * depth + "<w:p/>"
    )


def shared_pieces(size: int) -> bytes:
    """A Word 97 document whose pieces are all the same bytes (MS-DOC 2.9.38)."""
    text, count, at = _PROSE * 500, min(size // 50, 100_000), 1024
    ends = [number * len(text) for number in range(count + 1)]
    place = struct.pack("<HIH", 0, at * 2 | 0x4000_0000, 0)
    table = struct.pack(f"<{count + 1}I", *ends) + place * count
    clx = b"\x02" + struct.pack("<I", len(table)) + table
    places = [(0, 0)] * 93
    places[33] = (0, len(clx))
    lengths = [0] * 22
    lengths[3] = ends[-1]
    base = struct.pack("<HHHHHHHIBBHHII", 0xA5EC, 0xC1, 0, 0x409, 0, 0x0200, 0xBF, 0, 0, 0, 0, 0, at, 0)
    header = base + struct.pack("<H14H", 14, *[0] * 14) + struct.pack("<H22I", 22, *lengths)
    header += struct.pack("<H", 93) + b"".join(struct.pack("<II", *pair) for pair in places)
    return compound({"WordDocument": header.ljust(at, b"\0") + text.encode("ascii"), "1Table": clx})


def packed_sections(size: int) -> bytes:
    """A Hangul document whose sections unpack to a thousand times their bytes, and hold no text."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    record = struct.pack("<I", 70 | 1000 << 20) + bytes(1000)
    section = deflate.compress(record * (size * 50 // len(record))) + deflate.flush()
    header = b"HWP Document File".ljust(32, b"\0") + struct.pack("<II", 0x05000300, 1)
    sections = {f"BodyText/Section{number}": section for number in range(20)}
    return compound({"FileHeader": header.ljust(256, b"\0"), "DocInfo": b"", **sections})


def _shared_pages(size: int) -> bytes:
    """A PDF whose pages share one content."""
    reader = PdfReader(BytesIO(pdf(_PROSE * 20)))
    writer = PdfWriter()
    writer.append(reader)
    page = writer.pages[0]
    for _ in range(size // 200):
        writer.add_page(page)
    out = BytesIO()
    writer.write(out)
    return out.getvalue()


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def many_descriptions(size: int) -> bytes:
    """A PNG with packed descriptions, each another one."""
    count = max(1, size // 150)
    texts = (b"%d " % number + b"a" * 60_000 for number in range(count))
    chunks = b"".join(_chunk(b"zTXt", b"Title\0\0" + zlib.compress(text)) for text in texts)
    head = _chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunks + _chunk(b"IEND", b"")


def _shared_exif(size: int) -> bytes:
    """A photograph whose entries of Exif begin one byte after another in the same text."""
    count = min(5000, size // 12)
    entries = b"".join(struct.pack("<HHII", 0x010E, 2, 60_000, number) for number in range(count))
    body = (b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<H", count) + entries)[:65_533]
    return b"\xff\xd8\xff\xe1" + struct.pack(">H", len(body) + 2) + body + b"\xff\xd9"


EXPANDING: Final[dict[str, tuple[str, Maker]]] = {
    "shared text": ("a.xlsx", shared_text),
    "a row of shared text": ("a.xlsx", _wide_row),
    "one sheet": ("a.xlsx", _repeated_sheet),
    "title of a sheet": ("a.xlsx", _long_title),
    "format of numbers": ("a.xlsx", _brackets),
    "one slide": ("a.pptx", _repeated_slide),
    "a large chapter": ("a.epub", large_chapter),
    "nested tables": ("a.docx", _nested_tables),
    "shared pieces": ("a.doc", shared_pieces),
    "packed sections": ("a.hwp", packed_sections),
    "one content": ("a.pdf", _shared_pages),
    "many descriptions": ("a.png", many_descriptions),
    "shared Exif": ("a.jpg", _shared_exif),
}
"""Documents that expand, by name: the name of the file, and its maker."""
