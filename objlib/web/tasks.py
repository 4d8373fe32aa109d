"""Runs that were started from a page: tasks of the server, one at a time, with their end for the next page."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import trio

from objlib.api import Library
from objlib.core.errors import ObjlibError, RefusedError
from objlib.core.reports.store import StoreSyncReport
from objlib.core.reports.stores import AdoptionReport, StoreDeletion, StoreMade
from objlib.core.reports.upload import RecoverReport, SyncReport, UploadReport

Report = (
    UploadReport | SyncReport | RecoverReport | StoreSyncReport | StoreMade | StoreDeletion | AdoptionReport
)
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class PageRun:
    """A run of a page, as it goes on or as it ended.

    Attributes:
        command: as in the ledger's record of the run.
        report: None while it goes on, and where it ended in an error.
        error: why it ended early; empty where it did not.
        stopping: whether it was asked to stop.
        ended: set at its end.
    """

    command: str
    report: Report | None = None
    error: str = ""
    stopping: bool = False
    ended: trio.Event = field(default_factory=trio.Event)

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return self.report is not None or bool(self.error)


class PageRuns:
    """Starts and stops runs for the pages of one library.

    The nursery is the server's, so that a run goes on while pages come and go, and ends with the server.
    """

    def __init__(self, library: Library, nursery: trio.Nursery) -> None:
        self._library = library
        self._nursery = nursery
        self.last: PageRun | None = None

    @property
    def busy(self) -> bool:
        """Whether a run of a page goes on."""
        return self.last is not None and not self.last.over

    def start(self, command: str, work: Callable[[], Awaitable[Report]]) -> None:
        """Start a run.

        Raises:
            RefusedError: one goes on already; two would share the work, and the page could stop neither alone.
        """
        if self.busy:
            raise RefusedError("a run that was started here goes on; stop it, or wait until it ends")
        self.last = PageRun(command)
        self._nursery.start_soon(self._run, self.last, work)

    def stop(self) -> None:
        """Interrupt the run: the first time it finishes what is in flight, the second time it ends at once."""
        if self.last is not None and self.busy:
            self.last.stopping = True
            self._library.stop()

    async def _run(self, run: PageRun, work: Callable[[], Awaitable[Report]]) -> None:
        try:
            run.report = await work()
        except ObjlibError as error:
            run.error = str(error)
        except Exception:
            _log.exception("a run failed")
            run.error = "an internal error has occurred; the log of the server has it"
        finally:
            if not run.over:
                run.error = "it was cancelled; the next upload finishes it"
            run.ended.set()
