"""Files that failed or were skipped, as several reports list them."""

from dataclasses import dataclass
from typing import Final

UNREADABLE: Final = "unreadable"
"""The state, in reports, of a folder or an entry that the scan could not look at."""
SKIPPED: Final = "skipped"
"""The state, in reports, of a file that no store takes."""


@dataclass(frozen=True, slots=True)
class FailedFile:
    """A row of ``failures`` or ``skips`` in the JSON output; ``state`` is "failed", or one of the two above."""

    path: str
    state: str
    error: str
    retryable: bool
