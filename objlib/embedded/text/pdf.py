"""PDF to text, with the offset of each page. The only module that imports pypdfium2."""

import re
import threading
import unicodedata
from collections.abc import Sequence
from typing import Any, Final

from objlib.core.library.decode import UnreadableError, without_surrogates
from objlib.embedded.text.builder import check_length
from objlib.embedded.text.extracted import DocumentPlace, Extracted

_ENCRYPTED = "The PDF is protected by a password. Save it without one and upload it again."
_FORBIDDEN = (
    "The PDF is encrypted in a way that cannot be read here. Save it without encryption and upload it again."
)
_BROKEN = "The PDF is damaged and cannot be read. Open it in a viewer and save it again."
_NO_PAGES = "The PDF has no pages. Open it in a viewer and save it again."
_ALL_BROKEN = "No page of the PDF can be read. Open it in a viewer and save it again."
_NO_TEXT = "The PDF has no text, only images or drawings (a scan). Run text recognition (OCR) over it first."
_BLANK = "The pages of the PDF hold neither text nor images: they are blank or damaged."
_LIGATURE = re.compile("[\ufb00-\ufb06]")  # "fi" as one character belongs to the font and not to the text
_LABEL: Final = 40
"""Characters of a page's label that are kept; an honest one has a prefix and a number."""
_ERRORS: Final = {4: _ENCRYPTED, 5: _FORBIDDEN}
"""Messages for the codes that PDFium gives a reason by (fpdfview.h, ``FPDF_ERR_PASSWORD`` and ``_SECURITY``)."""
_ONE_AT_A_TIME = threading.Lock()  # PDFium is not made for threads


def pdf_text(data: bytes) -> Extracted:
    """Extract the text of a PDF, its pages, title and author.

    A page that cannot be read counts as empty, so one bad page does not cost the whole book; the remarks name it.

    Raises:
        UnreadableError: encrypted, damaged, or without any text.
    """
    import pypdfium2  # 50 ms that only a PDF should cost

    with _ONE_AT_A_TIME:
        try:
            document = pypdfium2.PdfDocument(data)  # the empty password opens files that only forbid printing
        except pypdfium2.PdfiumError as error:
            raise UnreadableError(_ERRORS.get(error.err_code or 0, _BROKEN)) from error
        with document:
            return _read(document, pypdfium2)


def _read(document: Any, pypdfium2: Any) -> Extracted:
    pages: list[str] = []
    starts: list[int] = []
    broken: list[int] = []
    pictures: list[int] = []
    blank: list[int] = []
    length = 0
    for number in range(len(document)):
        try:
            text = _text(document[number])
            if not text:
                (pictures if any(document[number].get_objects()) else blank).append(number + 1)
        except pypdfium2.PdfiumError:
            text = ""
            broken.append(number + 1)
        starts.append(length)
        pages.append(text + "\n\n")
        length += len(text) + 2
        check_length(length)  # pages may share one content
    if not "".join(pages).strip():
        raise UnreadableError(
            _NO_TEXT if pictures else _ALL_BROKEN if broken else _BLANK if pages else _NO_PAGES
        )
    title, author = _title_and_author(document)
    remarks = (
        *_named(broken, "cannot be read"),
        *_named(pictures, "only images or drawings"),
        *_named(blank, "neither text nor images"),
    )
    places = _labels(document, starts)
    return Extracted("".join(pages), tuple(starts), title, author, remarks=remarks, places=places)


def _labels(document: Any, starts: Sequence[int]) -> tuple[DocumentPlace, ...]:
    """The pages as they are numbered in print, such as ``iv``; none where that is how they follow each other."""
    numbers = [str(number) for number in range(1, len(starts) + 1)]
    labels = [_clean(document.get_page_label(index)).strip()[:_LABEL] for index in range(len(starts))]
    if all(label in {"", number} for label, number in zip(labels, numbers, strict=True)):
        return ()
    return tuple(
        DocumentPlace(start, "page", label or number, alone=True)
        for start, label, number in zip(starts, labels, numbers, strict=True)
    )


def _text(page: Any) -> str:
    text = page.get_textpage().get_text_range().replace("\r\n", "\n")
    return _LIGATURE.sub(lambda match: unicodedata.normalize("NFKC", match[0]), _clean(text)).strip()


def _named(pages: Sequence[int], why: str) -> list[str]:
    """One remark for all pages of a kind."""
    numbers = ", ".join(map(str, pages[:20])) + (f" and {len(pages) - 20} more" if len(pages) > 20 else "")
    return [f"page{'s' if len(pages) > 1 else ''} {numbers}: {why}"] if pages else []


def _clean(text: str) -> str:
    return without_surrogates(text.replace("\0", "").replace("\ufffe", ""))


def _title_and_author(document: Any) -> tuple[str, str]:
    """Title and author of the file's information; empty where it has none or a program's default."""
    title = _clean(document.get_metadata_value("Title")).strip()
    if title.lower().startswith(("untitled", "microsoft word", "microsoft powerpoint")):
        title = ""
    return title[:300], _clean(document.get_metadata_value("Author")).strip()[:200]
