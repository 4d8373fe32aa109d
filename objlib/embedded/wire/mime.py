"""Which types of bytes a store takes, as the service documents it (file-search page, 2026)."""

import re
from typing import Final

from objlib.embedded.wire.json import invalid

_OFFICE: Final = "vnd.openxmlformats-officedocument."

_APPLICATION: Final = frozenset(
    {
        *("dart", "ecmascript", "json", "ms-java", "msword", "pdf", "sql", "typescript", "xml", "zip"),
        *("vnd.curl", "vnd.dart", "vnd.ibm.secure-container", "vnd.jupyter", "vnd.ms-excel"),
        *("vnd.oasis.opendocument.text", f"{_OFFICE}presentationml.presentation"),
        *(f"{_OFFICE}spreadsheetml.sheet", f"{_OFFICE}wordprocessingml.document"),
        *(f"{_OFFICE}wordprocessingml.template", "x-csh", "x-hwp", "x-hwp-v5", "x-latex", "x-php"),
        *("x-powershell", "x-sh", "x-shellscript", "x-tex", "x-zsh"),
    }
)


def base_type(value: str) -> str:
    """A content type in lower case and without its parameters."""
    return value.partition(";")[0].strip().lower()


def check_supported(mime_type: str) -> None:
    """Refuse a type that no store takes. Every ``text/*`` is taken: the service lists 156 of them.

    Whether text can be got out of these very bytes shows when they are indexed.

    Args:
        mime_type: what :func:`base_type` gave.

    Raises:
        ApiError: the type is missing, malformed or not supported.
    """
    main, _, sub = mime_type.partition("/")
    if not re.fullmatch(r"[a-z0-9!#$&^_.+-]+", sub) or not (
        main == "text" or (main == "application" and sub in _APPLICATION)
    ):
        raise invalid(f"Unsupported MIME type: {mime_type or '(none)'}.")
