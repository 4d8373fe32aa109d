"""Messages (eml) and mailboxes (mbox) to text: who, when, about what, and the words (RFC 5322, RFC 4155)."""

import email
import re
from collections.abc import Iterator
from contextlib import suppress
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import Message
from typing import Final

from objlib.core.library.decode import UnreadableError, decode, without_inline_data
from objlib.embedded.text.builder import TextBuilder
from objlib.embedded.text.extracted import Extracted
from objlib.embedded.text.html import html_text

MAX_HEADER: Final = 4096
"""Characters of a header that are decoded: the standard library takes quadratic time for long ones."""
MAX_BOUNDARIES: Final = 200
"""Borders of parts in one message: the standard library compares each line with all that are open."""
_SHOWN: Final = ("Subject", "From", "To", "Cc", "Date")
_FROM_LINE: Final = re.compile(rb"^From [^\r\n]+ [^\r\n]*\d{4}\r?\n", re.MULTILINE)
_CONTENT: Final = re.compile(
    rb"^content-(?:type|disposition):[^\r\n]*+(?:\r?\n[ \t][^\r\n]*+)*+", re.IGNORECASE | re.MULTILINE
)
_NO_MAIL: Final = "The file is no message: it has neither headers nor text. Export it again from its program."
_NESTED: Final = "The message has too many parts, or a header without end. Export it again, part by part."


def is_message(data: bytes) -> bool:
    """Whether a file begins as a message does: with headers, or as a mailbox."""
    return (
        re.match(rb"(?:From [^\r\n]+\r?\n)?(?:[!-9;-~]+:[^\r\n]*\r?\n(?:[ \t][^\r\n]*\r?\n)*){2}", data)
        is not None
    )


def mail_text(data: bytes) -> Extracted:
    """Extract the text of one message, or of a mailbox, in which each message is a place of its own.

    Raises:
        UnreadableError: there is no message, or one has too many parts.
    """
    builder = TextBuilder()
    subjects = []
    for number, message in enumerate(_messages(data), 1):
        subjects.append(_message(builder, message, number))
    if not builder.length:
        raise UnreadableError(_NO_MAIL)
    return builder.finish(subjects[0] if len(subjects) == 1 else "")


def _messages(data: bytes) -> Iterator[bytes]:
    if not data.startswith(b"From "):
        yield data
        return
    start = None
    for line in _FROM_LINE.finditer(data):
        if start is not None:
            yield data[start : line.start()]
        start = line.end()
    if start is not None:
        yield data[start:]


def _message(builder: TextBuilder, data: bytes, number: int) -> str:
    """Write a message with its headers and its texts; its subject."""
    long = any(header.end() - header.start() > MAX_HEADER for header in _CONTENT.finditer(data))
    if long or data.lower().count(b"boundary=") > MAX_BOUNDARIES:
        raise UnreadableError(_NESTED)
    try:
        message = email.message_from_bytes(data)
        parts = list(message.walk())
    except RecursionError as error:
        raise UnreadableError(_NESTED) from error
    subject = _header(message, "Subject")
    builder.place("message", number, alone=True)
    builder.context(subject)
    builder.add("\n".join(f"{name}: {value}" for name in _SHOWN if (value := _header(message, name))))
    bodies = [part for part in parts if part.get_content_maintype() == "text" and not part.is_multipart()]
    plain = any(part.get_content_type() != "text/html" and not _file_name(part) for part in bodies)
    attached, readable = [], {id(part) for part in bodies}
    for part in parts:
        name = _file_name(part)
        if name:
            attached.append(name)
        if id(part) in readable and (name or not plain or part.get_content_type() != "text/html"):
            text = _body(part)
            if name and text.strip():
                builder.place("attachment", name, f"message {number}", alone=True)
            builder.add(text)
        elif name and not part.is_multipart():
            builder.remark(f"message {number}: the attachment {name} is not read")
    if attached:
        builder.place("message", number)
        builder.add("Attachments: " + ", ".join(attached))
    return subject


def _body(part: Message) -> str:
    """The text of a part; empty for one that is none."""
    data = part.get_payload(decode=True)
    if not isinstance(data, bytes) or not data.strip():
        return ""
    try:
        text = decode(data, part.get_content_charset()).text
    except UnreadableError:
        return ""
    text = without_inline_data(text)
    return html_text(text).text if part.get_content_type() == "text/html" else text


def _file_name(part: Message) -> str:
    if part.get_content_maintype() == "multipart":
        return ""
    try:
        name = part.get_filename("")
    except (ValueError, LookupError):
        return ""
    return _decoded(name or "")


def _header(message: Message, name: str) -> str:
    value = message.get(name)
    return "" if value is None else _decoded(str(value))


def _decoded(value: str) -> str:
    """A header with the words that RFC 2047 encodes."""
    value = value[:MAX_HEADER]
    with suppress(HeaderParseError, LookupError, ValueError, AssertionError):
        value = str(make_header(decode_header(value)))
    return " ".join(value.split())
