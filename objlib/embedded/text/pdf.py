"""PDF to text, with the offset of each page. The only module that imports pypdf."""

import io
import logging
import re
import unicodedata
from typing import Any

from objlib.embedded.text.decode import without_surrogates
from objlib.embedded.text.extracted import Extracted, UnreadableError

_ENCRYPTED = "The PDF is protected by a password. Save it without one and upload it again."
_BROKEN = "The PDF is damaged and cannot be read. Open it in a viewer and save it again."
_LIGATURE = re.compile("[\ufb00-\ufb06]")  # "fi" as one character belongs to the font and not to the text
_NO_TEXT = "The PDF has no text, only images (a scan). Run text recognition (OCR) over it first."


def pdf_text(data: bytes) -> Extracted:
    """Extract the text of a PDF, its pages, title and author.

    A page that cannot be read counts as empty, so one bad page does not cost the whole book.

    Raises:
        UnreadableError: encrypted, damaged, or without any text.
    """
    reader = _open(data)
    pages: list[str] = []
    starts: list[int] = []
    length = 0
    for number in range(len(reader.pages)):
        try:
            page = reader.pages[number].extract_text()
        except Exception:  # a damaged page can raise anything, as a damaged file can
            page = ""
        page = _LIGATURE.sub(lambda match: unicodedata.normalize("NFKC", match[0]), _clean(page))
        page = page.strip() + "\n\n"
        starts.append(length)
        pages.append(page)
        length += len(page)
    text = "".join(pages)
    if not text.strip():
        raise UnreadableError(_NO_TEXT)
    title, author = _title_and_author(reader)
    return Extracted(text, page_starts=tuple(starts), title=title, author=author)


def _clean(text: str) -> str:
    return without_surrogates(text.replace("\0", ""))


def _open(data: bytes) -> Any:
    """A reader whose pages can be counted."""
    import pypdf  # 60 ms that only a PDF should cost

    # pypdf logs every oddity of a file; the user gets the exception below.
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    try:
        reader = pypdf.PdfReader(io.BytesIO(data))
        # The empty password opens files that only forbid printing or copying.
        locked = reader.is_encrypted and not reader.decrypt("")
        len(reader.pages)
    except Exception as error:  # a damaged file can raise anything: KeyError, RecursionError, struct.error
        # AES needs the optional package `cryptography`; without it pypdf raises DependencyError.
        locked = type(error).__name__ in {"DependencyError", "FileNotDecryptedError", "WrongPasswordError"}
        raise UnreadableError(_ENCRYPTED if locked else _BROKEN) from error
    if locked:
        raise UnreadableError(_ENCRYPTED)
    return reader


def _title_and_author(reader: Any) -> tuple[str, str]:
    """Title and author of the file's information; empty where it has none or a program's default."""
    try:
        information = {key: str(value) for key, value in (reader.metadata or {}).items()}
    except Exception:  # a damaged file can raise anything
        return "", ""
    title = _clean(information.get("/Title", "")).strip()
    if title.lower().startswith(("untitled", "microsoft word", "microsoft powerpoint")):
        title = ""
    return title[:300], _clean(information.get("/Author", "")).strip()[:200]
