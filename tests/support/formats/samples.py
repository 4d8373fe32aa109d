"""One real file of every format that a store takes, each with a word of its own."""

import json
from collections.abc import Callable
from io import BytesIO
from typing import NamedTuple

from pypdf import PdfWriter
from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject

from objlib.core.library.mime import type_of_suffix
from tests.support.formats import compound, zipped

FILLER = "There was little else to see that evening, and nobody who passed said a word about it."


class Sample(NamedTuple):
    """A file: its name, its bytes, the word that only it has, and the place of that word; None where it has none."""

    name: str
    data: bytes
    word: str
    place: str | None


def text(word: str) -> str:
    """A sentence with a word."""
    return f"In the evening the {word} stood in the yard of the inn."


def pdf(*pages: str, title: str = "") -> bytes:
    """A PDF with a line of text on each page."""
    writer = PdfWriter()
    font = DictionaryObject(
        {
            NameObject("/Type"): NameObject("/Font"),
            NameObject("/Subtype"): NameObject("/Type1"),
            NameObject("/BaseFont"): NameObject("/Helvetica"),
        }
    )
    for line in pages:
        page = writer.add_blank_page(612, 792)
        stream = DecodedStreamObject()
        stream.set_data(f"BT /F1 12 Tf 72 700 Td ({line}) Tj ET".encode())
        page[NameObject("/Resources")] = DictionaryObject(
            {NameObject("/Font"): DictionaryObject({NameObject("/F1"): font})}
        )
        page[NameObject("/Contents")] = writer._add_object(stream)
    if title:
        writer.add_metadata({"/Title": title})
    out = BytesIO()
    writer.write(out)
    return out.getvalue()


def notebook(*cells: tuple[str, str]) -> bytes:
    """A notebook of (type, source)."""
    listed = [{"cell_type": kind, "source": source.splitlines(keepends=True)} for kind, source in cells]
    return json.dumps({"cells": listed, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()


def rtf(*paragraphs: str) -> bytes:
    """An RTF file."""
    return b"{\\rtf1\\ansi\\ansicpg1252 " + "\\par ".join((*paragraphs, "")).encode("ascii") + b"}"


def message(subject: str, body: str) -> bytes:
    """A message of two alternatives."""
    return (
        f"From: Ann <ann@example.org>\r\nTo: Bob <bob@example.org>\r\nSubject: {subject}\r\n"
        "Date: Mon, 2 Mar 2026 10:00:00 +0100\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/alternative; boundary="b"\r\n\r\n'
        f"--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{body}\r\n"
        f"--b\r\nContent-Type: text/html\r\n\r\n<p>{body}</p>\r\n--b--\r\n"
    ).encode()


_TWO_SHEETS = {"Rooms": [["Room", "Guest"], ["1", FILLER]], "Stock": [["Thing", "Count"], ["x", 1]]}


def _sheets(word: str) -> dict[str, list[list[str | float]]]:
    return {"Rooms": [["Room", "Guest"], ["1", "Ann"]], "Stock": [["Thing", "Count"], ["rope", 2], [word, 7]]}


_MADE: dict[str, tuple[str, str | None, Callable[[str], bytes]]] = {
    # suffix: (word, place, maker)
    "docx": (
        "gramophone",
        "paragraph 3",
        lambda w: zipped.docx("# Yard", FILLER * 8, f"{text(w)} {FILLER * 8}"),
    ),
    "dotx": ("barometer", "paragraphs 1 to 2", lambda w: zipped.docx("# Form", text(w))),
    "pptx": ("telescope", "slide 2", lambda w: zipped.pptx([["One", FILLER], ["Two", text(w)]])),
    "xlsx": ("abacus", "sheet Stock, rows 1 to 3", lambda w: zipped.xlsx(_sheets(w))),
    "odt": ("harpsichord", "paragraphs 1 to 2", lambda w: zipped.odt("# Yard", text(w))),
    "epub": ("sundial", "chapter Dusk", lambda w: zipped.epub([("Dawn", FILLER), ("Dusk", text(w))])),
    "doc": ("mandolin", "paragraphs 1 to 2", lambda w: compound.doc([FILLER, text(w)])),
    "xls": ("metronome", "sheet Stock, rows 1 to 3", lambda w: compound.xls(_sheets(w))),
    "hwp": ("spinnaker", "paragraphs 1 to 2", lambda w: compound.hwp([FILLER, text(w)])),
    "rtf": ("windlass", "paragraphs 1 to 2", lambda w: rtf(FILLER, text(w))),
    "pdf": ("theodolite", None, lambda w: pdf(FILLER, text(w))),
    "ipynb": (
        "alembic",
        "cells 1 to 2",
        lambda w: notebook(("markdown", "# Run"), ("code", f"print('{text(w)}')")),
    ),
    "eml": ("pantograph", "message 1", lambda w: message("News", text(w))),
    "mbox": (
        "zoetrope",
        "message 2",
        lambda w: b"".join(
            b"From ann@example.org Mon Mar  2 10:00:00 2026\n" + message("News", body) + b"\n"
            for body in (FILLER, text(w))
        ),
    ),
    "srt": ("castanets", "at 00:00:01", lambda w: f"1\n00:00:01,000 --> 00:00:04,000\n{text(w)}\n".encode()),
    "vtt": (
        "bagpipes",
        "at 00:00:01",
        lambda w: f"WEBVTT\n\n00:01.000 --> 00:04.000\n<v Ann>{text(w)}\n".encode(),
    ),
    "csv": ("hourglass", "rows 1 to 3", lambda w: f'thing,note\nrope,"a\nb"\n{w},"{text(w)}"\n'.encode()),
    "tsv": ("quadrant", "rows 1 to 2", lambda w: f"thing\tnote\n{w}\t{text(w)}\n".encode()),
    "json": (
        "sextant",
        "items things[0] to things[1]",
        lambda w: json.dumps({"things": [{"a": 1}, {"b": text(w)}]}).encode(),
    ),
    "jsonl": ("astrolabe", "lines 1 to 2", lambda w: f'{{"a": 1}}\n{{"b": "{text(w)}"}}\n'.encode()),
    "md": ("clavichord", None, lambda w: f"# Yard\n\n{text(w)}\n".encode()),
    "html": ("orrery", None, lambda w: f"<h1>Yard</h1><p>{text(w)}</p>".encode()),
    "xml": ("planimeter", None, lambda w: f"<yard><note>{text(w)}</note></yard>".encode()),
    "txt": ("hurdy-gurdy", None, lambda w: text(w).encode()),
    "py": ("chronograph", None, lambda w: f'def yard() -> str:\n    return "{text(w)}"\n'.encode()),
    "zip": ("", None, lambda _: zipped.packed({"a.txt": text("accordion")})),
}

SAMPLES = tuple(
    Sample(f"sample.{suffix}", make(word), word, place) for suffix, (word, place, make) in _MADE.items()
)


def sample_of(mime_type: str) -> tuple[bytes, str]:
    """A file of a MIME type, and its word: of a binary format the sample above, of any other a text."""
    suffix = {
        "application/vnd.ibm.secure-container": "txt",
        "application/x-hwp-v5": "hwp",
        "application/vnd.jupyter": "ipynb",
        "text/rtf": "rtf",
    }.get(mime_type)
    if suffix is None:
        known = (name for name in _MADE if type_of_suffix(f"a.{name}") == mime_type)
        suffix = next(known, "txt")
    word, _, make = _MADE[suffix]
    return make(word), word
