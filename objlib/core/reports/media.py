"""A picture that was fetched from a store."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MediaReport:
    """A picture and the file that it was written to; ``size`` is in bytes."""

    media: str
    mime_type: str
    size: int
    file: str
