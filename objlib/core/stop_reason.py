"""Why a run ended before its end: one value for the engine, the reports, the headline and the exit code."""

from enum import StrEnum

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
    REFUSED = "refused"
    """The service refused for a reason that has no name of its own; the advice has its words."""

    @property
    def headline(self) -> str:
        """The reason in a few words, for the user; empty for :attr:`NONE`."""
        match self:
            case StopReason.NONE:
                return ""
            case StopReason.INTERRUPTED:
                return "Interrupted"
            case StopReason.LIMIT:
                return "Stopped at --limit"
            case StopReason.DAILY_QUOTA:
                return "Stopped: the daily quota is used up"
            case StopReason.STORE_FULL:
                return "Stopped: the store is full"
            case StopReason.UNAUTHORIZED:
                return "Stopped: the service refuses the API key"
            case StopReason.STORE_GONE:
                return "Stopped: the store is gone"
            case StopReason.UNREACHABLE | StopReason.REFUSED:
                return "Stopped"  # the advice says the rest

    @property
    def exit_code(self) -> Exit:
        """The exit code of a run that ended for this reason and failed at nothing else."""
        match self:
            case StopReason.NONE | StopReason.LIMIT:
                return Exit.OK
            case StopReason.INTERRUPTED:
                return Exit.INTERRUPTED
            case StopReason.DAILY_QUOTA | StopReason.STORE_FULL:
                return Exit.SOME_FAILED  # the rest waits for its time, and nothing is wrong
            case (
                StopReason.UNREACHABLE | StopReason.UNAUTHORIZED | StopReason.STORE_GONE | StopReason.REFUSED
            ):
                return Exit.FATAL
