"""The types of bytes that a store takes."""

import re
from typing import Final

from objlib.core.library.mime import ACCEPTED
from objlib.embedded.wire.errors import invalid

_TEXT: Final = re.compile(r"text/[a-z0-9!#$&^_.+-]+")


def check_supported(mime_type: str) -> None:
    """Refuse a type that no store takes; every ``text/*`` is taken, since the service lists 156 of them.

    Whether these very bytes hold text shows when they are indexed.

    Args:
        mime_type: in lower case and without parameters.

    Raises:
        ApiError: the type is missing, malformed or not supported.
    """
    if mime_type not in ACCEPTED and not _TEXT.fullmatch(mime_type):
        raise invalid(f"Unsupported MIME type: {mime_type or '(none)'}.")
