"""The older resumable protocol, by ``Content-Range``: that of google-resumable-media and of Google's Java client."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from objlib.embedded.wire.errors import invalid

GRANULARITY: Final = 256 * 1024
"""Bytes that each chunk of this protocol but the last is a multiple of."""
_RANGE: Final = re.compile(
    r"bytes (?:(?P<start>\d{1,18})-(?P<stop>\d{1,18})|\*)/(?P<total>\d{1,18}|\*)", re.ASCII
)


@dataclass(frozen=True, slots=True)
class ContentRange:
    """The span of a request: bytes from ``start`` on, perhaps the last ones; a question for the state without it."""

    start: int | None
    last: bool

    @property
    def commands(self) -> set[str]:
        """The commands of the other protocol that mean the same."""
        if self.start is None:
            return {"finalize"} if self.last else {"query"}
        return {"upload", "finalize"} if self.last else {"upload"}


def read_range(headers: Mapping[str, str]) -> ContentRange | None:
    """The range of a request; None without one.

    Raises:
        ApiError: it is malformed.
    """
    text = headers.get("content-range")
    if text is None:
        return None
    match = _RANGE.fullmatch(text.strip())
    if match is None:
        raise invalid("The header Content-Range is malformed: bytes FIRST-LAST/TOTAL was expected.")
    start, stop, total = match.group("start", "stop", "total")
    if start is None:
        return ContentRange(None, total == "0")
    if int(stop) < int(start) or (total != "*" and int(stop) >= int(total)):
        raise invalid("The header Content-Range names bytes that are not there.")
    return ContentRange(int(start), total != "*" and int(stop) + 1 == int(total))
