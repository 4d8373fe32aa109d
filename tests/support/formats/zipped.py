"""Documents that are ZIP files of XML: Word, PowerPoint, Excel, OpenDocument and EPUB."""

import io
import zipfile
from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
_W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
_P = (
    'xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main"'
    ' xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"'
    f' xmlns:r="{_OFFICE}"'
)
_TITLE = '<p:ph type="title"/>'
_FORMATS = '<cellXfs><xf numFmtId="0"/><xf numFmtId="14"/></cellXfs>'
_S = f'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="{_OFFICE}"'
_ODF = " ".join(
    f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
    for name in ("office", "text", "table", "meta", "manifest")
)


def packed(parts: Mapping[str, str | bytes]) -> bytes:
    """A ZIP file of some parts."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def relations(**targets: tuple[str, str]) -> str:
    """A part of relations: id to (type, target)."""
    items = "".join(
        f'<Relationship Id="{name}" Type="{_OFFICE}/{kind}" Target="{target}"/>'
        for name, (kind, target) in targets.items()
    )
    return f'{_HEAD}<Relationships xmlns="{_RELATIONS}">{items}</Relationships>'


def core(title: str, author: str) -> str:
    """The part that describes an Office file."""
    return (
        f'{_HEAD}<cp:coreProperties xmlns:cp="http://x/core" xmlns:dc="http://purl.org/dc/elements/1.1/">'
        f"<dc:title>{escape(title)}</dc:title><dc:creator>{escape(author)}</dc:creator></cp:coreProperties>"
    )


def paragraph(text: str, style: str = "") -> str:
    """A paragraph of Word."""
    look = f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else ""
    return f'<w:p>{look}<w:r><w:t xml:space="preserve">{escape(text)}</w:t></w:r></w:p>'


def docx(
    *body: str, title: str = "", author: str = "", more: Mapping[str, str | bytes] | None = None
) -> bytes:
    """A Word document; a text that begins with ``<`` is XML, one with ``# `` a heading, any other a paragraph."""
    blocks = [
        block
        if block.startswith("<")
        else paragraph(block[2:], "berschrift1")
        if block.startswith("# ")
        else paragraph(block)
        for block in body
    ]
    styles = (
        f'{_HEAD}<w:styles {_W}><w:style w:styleId="berschrift1"><w:name w:val="heading 1"/></w:style>'
        '<w:style w:styleId="Own"><w:basedOn w:val="berschrift1"/></w:style></w:styles>'
    )
    return packed(
        {
            "[Content_Types].xml": f'{_HEAD}<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>',
            "_rels/.rels": relations(
                a=("officeDocument", "word/document.xml"), b=("core-properties", "docProps/core.xml")
            ),
            "word/document.xml": f"{_HEAD}<w:document {_W}><w:body>{''.join(blocks)}</w:body></w:document>",
            "word/_rels/document.xml.rels": relations(
                a=("styles", "styles.xml"), b=("footnotes", "footnotes.xml"), c=("comments", "comments.xml")
            ),
            "word/styles.xml": styles,
            "docProps/core.xml": core(title, author),
            **(more or {}),
        }
    )


def pptx(slides: Sequence[Sequence[str]], notes: Mapping[int, str] | None = None) -> bytes:
    """A presentation: the first text of a slide is its title. The parts are numbered against their order."""
    count = len(slides)
    parts: dict[str, str | bytes] = {
        "_rels/.rels": relations(a=("officeDocument", "ppt/presentation.xml")),
        "ppt/presentation.xml": f"{_HEAD}<p:presentation {_P}><p:sldIdLst>"
        + "".join(f'<p:sldId id="{256 + n}" r:id="s{n}"/>' for n in range(count))
        + "</p:sldIdLst></p:presentation>",
        "ppt/_rels/presentation.xml.rels": relations(
            **{f"s{n}": ("slide", f"slides/slide{count - n}.xml") for n in range(count)}
        ),
    }
    for n, texts in enumerate(slides):
        shapes = "".join(
            f"<p:sp><p:nvSpPr><p:nvPr>{'' if at else _TITLE}</p:nvPr></p:nvSpPr>"
            f"<p:txBody><a:p><a:r><a:t>{escape(text)}</a:t></a:r></a:p></p:txBody></p:sp>"
            for at, text in enumerate(texts)
        )
        name = f"slide{count - n}.xml"
        parts[f"ppt/slides/{name}"] = (
            f"{_HEAD}<p:sld {_P}><p:cSld><p:spTree>{shapes}</p:spTree></p:cSld></p:sld>"
        )
        if notes and n in notes:
            parts[f"ppt/slides/_rels/{name}.rels"] = relations(a=("notesSlide", f"../notesSlides/n{n}.xml"))
            parts[f"ppt/notesSlides/n{n}.xml"] = (
                f"{_HEAD}<p:notes {_P}><p:sp><p:txBody><a:p><a:r><a:t>{escape(notes[n])}</a:t></a:r></a:p></p:txBody>"
                "</p:sp></p:notes>"
            )
    return packed(parts)


def xlsx(sheets: Mapping[str, Sequence[Sequence[str | float | bool]]], dates: Sequence[str] = ()) -> bytes:
    """A workbook; the cells that ``dates`` names (``B2``) show their number as a date."""
    strings: list[str] = []
    parts: dict[str, str | bytes] = {}
    for number, rows in enumerate(sheets.values(), 1):
        xml = ""
        for r, row in enumerate(rows, 1):
            cells = ""
            for c, value in enumerate(row):
                place = f"{chr(65 + c)}{r}"
                style = ' s="1"' if place in dates else ""
                if isinstance(value, bool):
                    cells += f'<c r="{place}" t="b"><v>{value:d}</v></c>'
                elif isinstance(value, str):
                    strings.append(value)
                    cells += f'<c r="{place}" t="s"><v>{len(strings) - 1}</v></c>'
                else:
                    cells += f'<c r="{place}"{style}><v>{value!r}</v></c>'
            xml += f'<row r="{r}">{cells}</row>' if cells else ""
        parts[f"xl/worksheets/sheet{number}.xml"] = (
            f"{_HEAD}<worksheet {_S}><sheetData>{xml}</sheetData></worksheet>"
        )
    listed = "".join(
        f'<sheet name="{escape(name)}" sheetId="{n}" r:id="r{n}"/>' for n, name in enumerate(sheets, 1)
    )
    targets = {f"r{n}": ("worksheet", f"worksheets/sheet{n}.xml") for n in range(1, len(sheets) + 1)}
    return packed(
        {
            "_rels/.rels": relations(a=("officeDocument", "xl/workbook.xml")),
            "xl/workbook.xml": f"{_HEAD}<workbook {_S}><sheets>{listed}</sheets></workbook>",
            "xl/_rels/workbook.xml.rels": relations(
                **targets, t=("sharedStrings", "sharedStrings.xml"), f=("styles", "styles.xml")
            ),
            "xl/sharedStrings.xml": f"{_HEAD}<sst {_S}>"
            + "".join(f'<si><t xml:space="preserve">{escape(text)}</t></si>' for text in strings)
            + "</sst>",
            "xl/styles.xml": f"{_HEAD}<styleSheet {_S}>{_FORMATS}</styleSheet>",
            **parts,
        }
    )


def odt(*body: str, title: str = "") -> bytes:
    """An OpenDocument text; a text that begins with ``<`` is XML, one with ``# `` a heading."""
    blocks = [
        block
        if block.startswith("<")
        else f'<text:h text:outline-level="1">{escape(block[2:])}</text:h>'
        if block.startswith("# ")
        else f"<text:p>{escape(block)}</text:p>"
        for block in body
    ]
    return packed(
        {
            "mimetype": "application/vnd.oasis.opendocument.text",
            "META-INF/manifest.xml": f"{_HEAD}<manifest:manifest {_ODF}/>",
            "content.xml": f"{_HEAD}<office:document-content {_ODF}><office:body><office:text>"
            f"{''.join(blocks)}</office:text></office:body></office:document-content>",
            "meta.xml": f'{_HEAD}<office:document-meta {_ODF} xmlns:dc="http://purl.org/dc/elements/1.1/">'
            f"<office:meta><dc:title>{escape(title)}</dc:title></office:meta></office:document-meta>",
        }
    )


def epub(chapters: Sequence[tuple[str, str]], title: str = "", author: str = "") -> bytes:
    """A book of (heading, text)."""
    parts: dict[str, str | bytes] = {
        "mimetype": "application/epub+zip",
        "META-INF/container.xml": '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
        '<rootfile full-path="OEBPS/book.opf"/></rootfiles></container>',
        "OEBPS/book.opf": '<package xmlns="http://www.idpf.org/2007/opf"><metadata '
        f'xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>{escape(title)}</dc:title>'
        f"<dc:creator>{escape(author)}</dc:creator></metadata><manifest>"
        + "".join(f'<item id="c{n}" href="text/chapter%20{n}.xhtml"/>' for n in range(len(chapters)))
        + "</manifest><spine>"
        + "".join(f'<itemref idref="c{n}"/>' for n in range(len(chapters)))
        + "</spine></package>",
    }
    for n, (heading, text) in enumerate(chapters):
        parts[f"OEBPS/text/chapter {n}.xhtml"] = (
            f'<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><head><title>{escape(heading)}</title>'
            f"</head><body><h1>{escape(heading)}</h1><p>{escape(text)}</p></body></html>"
        )
    return packed(parts)
