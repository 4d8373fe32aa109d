"""PDF to text, with the place where each page begins. The only module that knows pypdf."""

import io
import logging
import re
import unicodedata
from typing import Any

from objlib.embedded.text.decode import without_surrogates
from objlib.embedded.text.extracted import UnreadableError

_ENCRYPTED = "The PDF is protected by a password. Save it without one and upload it again."
_BROKEN = "The PDF is damaged and cannot be read. Open it in a viewer and save it again."
_LIGATURE = re.compile("[\ufb00-\ufb06]")  # "fi" as one character: a matter of the font, not of the text
_NO_TEXT = "The PDF has no text, only images (a scan). Run text recognition (OCR) over it first."


def pdf_text(data: bytes) -> tuple[str, tuple[int, ...], str, str]:
    """Draw the text out of a PDF.

    A page that cannot be read counts as an empty page, so that one bad page does not cost the whole book.

    Returns:
        text, offset of each page, title, author.

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
        except Exception:  # as above, for one page
            page = ""
        page = _LIGATURE.sub(lambda found: unicodedata.normalize("NFKC", found[0]), _clean(page))
        page = page.strip() + "\n\n"
        starts.append(length)
        pages.append(page)
        length += len(page)
    text = "".join(pages)
    if not text.strip():
        raise UnreadableError(_NO_TEXT)
    title, author = _facts(reader)
    return text, tuple(starts), title, author


def _clean(text: str) -> str:
    return without_surrogates(text.replace("\0", ""))


def _open(data: bytes) -> Any:
    """A reader whose pages can be counted."""
    import pypdf  # 60 ms that only a PDF should cost

    # pypdf reports every oddity of a file as a log line; what matters to a person is the exception below.
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


def _facts(reader: Any) -> tuple[str, str]:
    """Title and author, if the file says something worth keeping."""
    try:
        facts = {key: str(value) for key, value in (reader.metadata or {}).items()}
    except Exception:  # as above
        return "", ""
    title = _clean(facts.get("/Title", "")).strip()
    if title.lower().startswith(("untitled", "microsoft word", "microsoft powerpoint")):
        title = ""
    return title[:300], _clean(facts.get("/Author", "")).strip()[:200]
