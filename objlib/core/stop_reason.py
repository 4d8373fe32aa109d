"""Why a run ended before its end: one value for the engine, the reports, the headline and the exit code."""

from enum import StrEnum
from typing import Final

from objlib.core.errors import Exit


class StopReason(StrEnum):
    """Why nothing more is sent; the value stands in the JSON of a report."""

    NONE = ""
    """Nothing stopped the run. False, as the empty text in the JSON is."""
    INTERRUPTED = "interrupted"
    LIMIT = "limit"
    """``--limit`` is reached, which is what the user asked for."""
    DAILY_QUOTA = "daily_quota"
    STORE_FULL = "store_full"
    UNREACHABLE = "unreachable"
    """The service takes no connection."""
    UNAUTHORIZED = "unauthorized"
    STORE_GONE = "store_gone"
    LIBRARY_GONE = "library_gone"
    """The folder was moved or unmounted while its files were being sent."""
    REFUSED = "refused"
    """The service refused for a reason that has no name of its own; the advice has its words."""

    @property
    def headline(self) -> str:
        """The reason in a few words, for the user; empty for :attr:`NONE`."""
        return _MEANING[self][0]

    @property
    def exit_code(self) -> Exit:
        """The exit code of a run that ended for this reason and failed at nothing else."""
        return _MEANING[self][1]


_MEANING: Final = {
    StopReason.NONE: ("", Exit.OK),
    StopReason.INTERRUPTED: ("Interrupted", Exit.INTERRUPTED),
    StopReason.LIMIT: ("Stopped at --limit", Exit.OK),
    # The rest waits for its time, and nothing is wrong.
    StopReason.DAILY_QUOTA: ("Stopped: the daily quota is used up", Exit.SOME_FAILED),
    StopReason.STORE_FULL: ("Stopped: the store is full", Exit.SOME_FAILED),
    StopReason.UNAUTHORIZED: ("Stopped: the service refuses the API key", Exit.FATAL),
    StopReason.STORE_GONE: ("Stopped: the store is gone", Exit.FATAL),
    StopReason.LIBRARY_GONE: ("Stopped: the library is gone", Exit.REFUSED),
    # The advice says the rest.
    StopReason.UNREACHABLE: ("Stopped", Exit.FATAL),
    StopReason.REFUSED: ("Stopped", Exit.FATAL),
}
"""Headline and exit code of each reason."""
