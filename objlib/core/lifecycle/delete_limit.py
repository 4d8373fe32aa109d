"""The limit on deletions of one command: what ``--max-delete`` means."""

import math
import re
from dataclasses import dataclass
from typing import Final

from objlib.core.errors import RefusedError, UsageError

DEFAULT_PERCENT: Final = 10
"""Percent of the indexed files whose documents a command may delete by default."""
DEFAULT_COUNT: Final = 25
"""Documents that a command may delete in any case: a tenth of a small library is nothing."""

_LIMIT: Final = re.compile(r"([0-9]{1,9})(%?)")


@dataclass(frozen=True, slots=True)
class DeleteLimit:
    """A bound on deletions; one that names neither number is the default.

    Attributes:
        count: documents, at most.
        percent: percent of the indexed files, at most.
    """

    count: int | None = None
    percent: int | None = None

    @classmethod
    def parse(cls, text: str | None) -> "DeleteLimit":
        """The limit that ``25`` or ``10%`` stands for; None for the default.

        Raises:
            UsageError: it is neither a count nor a percentage up to 100.
        """
        if text is None:
            return cls()
        match = _LIMIT.fullmatch(text.strip())
        if match is None or (match[2] and int(match[1]) > 100):
            raise UsageError(f"--max-delete must be a count such as 25 or a share such as 10%, not {text!r}")
        number = int(match[1])
        return cls(percent=number) if match[2] else cls(count=number)

    def allowed(self, indexed: int) -> int:
        """Documents that may be deleted where ``indexed`` files have one."""
        if self.count is not None:
            return self.count
        percent = DEFAULT_PERCENT if self.percent is None else self.percent
        share = math.floor(indexed * percent / 100)
        return share if self.percent is not None else max(share, DEFAULT_COUNT)

    def check(self, deletions: int, indexed: int, command: str) -> None:
        """Refuse more deletions than the limit allows, all of them.

        Raises:
            RefusedError: they are too many; the message says how many, and the option that allows them.
        """
        allowed = self.allowed(indexed)
        if deletions > allowed:
            raise RefusedError(
                f"{command} would delete {deletions:,} of {indexed:,} documents, and at most {allowed:,} are allowed; "
                f"nothing was deleted: if that many are meant to go, add --max-delete {deletions}"
            )
