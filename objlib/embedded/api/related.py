"""The body of a multipart upload: metadata in JSON, then the bytes (RFC 2387, as Google's upload protocols use it)."""

import re
from typing import Final

from objlib.embedded.api.request import check_json_type
from objlib.embedded.wire.errors import ApiError, invalid

_BOUNDARY: Final = re.compile(r"""\bboundary=(?:"([^"]{1,200})"|([^\s;"]{1,200}))""", re.IGNORECASE)
_TYPE: Final = re.compile(rb"^content-type:[ \t]*([^\r\n]+)", re.IGNORECASE | re.MULTILINE)
_MAX_HEAD: Final = 4096
"""Bytes of a part's headers at most."""


def split_related(content_type: str, body: bytes) -> tuple[bytes, str, bytes]:
    """The metadata, the type of the bytes and the bytes.

    Raises:
        ApiError: the body does not consist of two parts, or the first is not declared as JSON.
    """
    match = _BOUNDARY.search(content_type)
    if match is None or not content_type.lower().startswith("multipart/"):
        raise invalid("A multipart upload needs a Content-Type of multipart/related with a boundary.")
    mark = b"--" + (match[1] or match[2]).encode()
    if not body.startswith(mark):
        raise _malformed()
    first_end = body.find(b"\r\n" + mark, len(mark))
    last_end = body.rfind(b"\r\n" + mark + b"--")
    if first_end < 0 or last_end <= first_end:
        raise _malformed()
    json_type, metadata = _part(body[len(mark) : first_end])
    mime_type, data = _part(body[first_end + 2 + len(mark) : last_end])
    check_json_type(json_type)
    return metadata, mime_type, data


def _part(part: bytes) -> tuple[str, bytes]:
    """The type of a part, and its content."""
    if part.startswith(b"\r\n\r\n"):
        return "", part[4:]
    end = part.find(b"\r\n\r\n", 0, _MAX_HEAD)
    if not part.startswith(b"\r\n") or end < 0:
        raise _malformed()
    match = _TYPE.search(part[2:end])
    return match[1].decode("latin-1").strip() if match else "", part[end + 4 :]


def _malformed() -> ApiError:
    return invalid(
        "The multipart body is malformed: two parts were expected, metadata in JSON and the bytes."
    )
