"""Page sizes and page tokens of the lists."""

import base64
import binascii
from math import isnan
from typing import Final

from objlib.embedded.wire.errors import invalid

Position = tuple[float, int]
"""The createTime and the row after which a list goes on; the row itself need not exist any more."""
START: Final[Position] = (float("-inf"), 0)
"""The position before every row."""
DEFAULT_PAGE_SIZE: Final = 10
"""Items of a page where the request does not say."""


def page_size(value: str | None, *, max_size: int) -> int:
    """The requested page size, clamped to ``max_size``; ApiError if it is negative or not a number."""
    if not value:
        return DEFAULT_PAGE_SIZE
    try:
        size = int(value)
    except ValueError:
        raise invalid("Invalid value at 'page_size' (TYPE_INT32).") from None
    if size < 0:
        raise invalid("page_size must not be negative.")
    return min(size, max_size) if size else DEFAULT_PAGE_SIZE


def page_token(position: Position) -> str:
    """An opaque token for a position."""
    time, row = position
    return base64.urlsafe_b64encode(f"{time.hex()}~{row}".encode()).decode().rstrip("=")


def read_token(token: str | None) -> Position:
    """The position of a page token, :data:`START` without one; ApiError for a token that is not ours."""
    if not token:
        return START
    try:
        text = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode("ascii")
        time, row = text.split("~")
        position = (float.fromhex(time), int(row))
    except (ValueError, OverflowError, binascii.Error):
        raise invalid("Invalid page token.") from None
    if isnan(position[0]) or not 0 <= position[1] < 2**63:  # beyond what the database can compare
        raise invalid("Invalid page token.")
    return position
