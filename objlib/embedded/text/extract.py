"""From a document's bytes to its text, by MIME type."""

import re
from pathlib import PurePosixPath

from objlib.embedded.text.decode import decode
from objlib.embedded.text.extracted import Extracted, UnreadableError
from objlib.embedded.text.markdown import front_matter, headings

_CHARSET = re.compile(r"\bcharset\s*=\s*[\"']?([^\s\"';]+)", re.IGNORECASE)
_EMPTY = "The file is empty: there is no text in it to search."
_MARKDOWN = frozenset({"text/markdown", "text/x-markdown", "text/x-r-markdown"})
_HTML = frozenset({"text/html", "application/xhtml+xml"})
# The application types of the service's list that are text, and their usual other names.
_TEXT_SUBTYPES = """
    dart ecmascript javascript x-javascript json x-ndjson jsonl ld+json ms-java sql typescript vnd.curl
    vnd.dart vnd.jupyter x-ipynb+json x-csh x-latex x-php x-httpd-php x-powershell x-sh x-shellscript
    x-tex x-zsh xml toml yaml x-yaml x-subrip x-perl x-python x-ruby x-bibtex graphql
"""
_TEXT_APPLICATIONS = frozenset(_TEXT_SUBTYPES.split())
_UNSAID = frozenset({"", "application/octet-stream", "binary/octet-stream", "application/x-unknown"})
_TEXT_SUFFIXES = """
    .txt .text .rst .org .tex .csv .tsv .json .jsonl .ndjson .xml .yaml .yml .toml .ini .cfg .log .srt
    .vtt .py .js .ts .jsx .tsx .java .c .h .cpp .hpp .cs .go .rs .rb .php .sh .sql .css .r .jl .lua .pl
    .swift .kt .scala .bib
"""
_BY_SUFFIX = {
    ".md": "text/markdown",
    ".markdown": "text/markdown",
    ".html": "text/html",
    ".htm": "text/html",
    ".xhtml": "text/html",
    ".pdf": "application/pdf",
} | dict.fromkeys(_TEXT_SUFFIXES.split(), "text/plain")


def extract(data: bytes, *, mime_type: str, name: str) -> Extracted:
    """Get the text out of a document.

    Args:
        data: the bytes that were uploaded.
        mime_type: their MIME type, with or without a ``charset``; if it says nothing, the name's suffix
            decides.
        name: a file name, for that and nothing else.

    Returns:
        The text; it has at least one character that is not white space from ``body_start`` on.

    Raises:
        UnreadableError: empty, binary, encrypted, a scan without text, or a type that has no text.
    """
    kind, charset = _kind(mime_type, name)
    if not data.strip():
        raise UnreadableError(_EMPTY)
    if kind == "application/pdf":
        from objlib.embedded.text.pdf import pdf_text

        text, pages, title, author = pdf_text(data)
        return Extracted(text, page_starts=pages, title=title, author=author)
    if kind in _HTML:
        from objlib.embedded.text.html import declared_charset, html_text

        text, title, author, found = html_text(decode(data, charset or declared_charset(data)))
        extracted = Extracted(text, title=title, author=author, headings=found)
    elif kind in _MARKDOWN:
        extracted = _markdown(decode(data, charset))
    elif _is_text(kind):
        extracted = Extracted(decode(data, charset))
    else:
        raise UnreadableError(f"{kind} cannot be read here. Convert it to text, Markdown, HTML or PDF.")
    if not extracted.text[extracted.body_start :].strip():
        raise UnreadableError(_EMPTY)
    return extracted


def _kind(mime_type: str, name: str) -> tuple[str, str | None]:
    """The type in lower case without parameters (or what the suffix says), and the stated charset."""
    kind, _, parameters = mime_type.partition(";")
    kind = kind.strip().lower()
    charset = _CHARSET.search(parameters)
    if kind in _UNSAID:
        kind = _BY_SUFFIX.get(PurePosixPath(name).suffix.lower(), kind or "A file without a type")
    return kind, charset[1] if charset else None


def _is_text(kind: str) -> bool:
    family, _, subtype = kind.partition("/")
    if family == "application":
        return subtype in _TEXT_APPLICATIONS or subtype.endswith(("+json", "+xml", "+yaml"))
    return family == "text" or kind == "message/rfc822"


def _markdown(text: str) -> Extracted:
    fields, start = front_matter(text)
    found = headings(text, start)
    title = fields.get("title", "")
    if not title and found and not text[start : found[0][0]].strip():
        title = found[0][1]  # a heading that opens the text is its title
    return Extracted(text, title=title, author=fields.get("author", ""), body_start=start, headings=found)
