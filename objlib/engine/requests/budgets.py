"""The purposes of requests, and tokens for each."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import trio


class Purpose(StrEnum):
    """Purpose of a request; each has its own tokens, so that polling cannot starve uploading."""

    UPLOAD = "upload"
    POLL = "poll"
    LIST = "list"
    DELETE = "delete"
    ASK = "ask"


CEILINGS: Final = {Purpose.POLL: 16, Purpose.LIST: 2, Purpose.DELETE: 8, Purpose.ASK: 4}
"""Requests in flight at most, by purpose; that of uploads is a setting.

Eight deletes carry a thousand in ten seconds where an answer takes 50 ms; with four it is 13.
"""
REQUEST_RATE: Final = "requests"
"""Name of the rate in the ledger, which keeps it for the next run and for other processes."""


@dataclass(frozen=True, slots=True)
class Budget:
    """Tokens for one purpose.

    Attributes:
        ceiling: requests of this purpose in flight at most.
        limiter: the tokens.
    """

    ceiling: int
    limiter: trio.CapacityLimiter

    def resize(self, total: int) -> None:
        """Set the tokens, up to the ceiling."""
        total = min(total, self.ceiling)
        if total != self.limiter.total_tokens:
            self.limiter.total_tokens = total
