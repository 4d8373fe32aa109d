"""Reports on runs: who works on a ledger, how far each is, and what it sent."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class RunProgress:
    """How far a run is, as its heartbeat records it.

    Attributes:
        phase: the stretch of work that it is in; empty between two.
        files, bytes: done in that phase.
        total_files, total_bytes: of the phase; None where they are not known.
        done: files of each phase so far, by its name.
        sent_bytes: bytes of documents in all upload phases so far.
        requests: sent to the service so far.
        throttled: those among them that the service refused for being too many.
        requests_per_second: the pace; None while no limit is known.
        paused_for: seconds until the service is asked again.
        in_flight: uploads in flight.
        stopping: why it takes in nothing more; empty while it does.
        advice: what to do about that.
    """

    phase: str = ""
    files: int = 0
    bytes: int = 0
    total_files: int | None = None
    total_bytes: int | None = None
    done: Mapping[str, int] = field(default_factory=dict)
    sent_bytes: int = 0
    requests: int = 0
    throttled: int = 0
    requests_per_second: float | None = None
    paused_for: float = 0.0
    in_flight: int = 0
    stopping: str = ""
    advice: str = ""


@dataclass(frozen=True, slots=True)
class RunSample:
    """The progress of a run at one time (Unix seconds)."""

    at: float
    progress: RunProgress


@dataclass(frozen=True, slots=True)
class RunEntry:
    """A run of a command that changes something.

    Attributes:
        started, heartbeat, ended: Unix times; ``ended`` is None for one that runs, or was killed.
        alive: whether it works now.
        progress: as it last recorded; None for a run of an older version.
        stop_asked: Unix time at which the ledger asked it to stop; None where it did not.
    """

    run_id: str
    command: str
    host: str
    pid: int
    started: float
    heartbeat: float
    ended: float | None
    alive: bool
    progress: RunProgress | None = None
    stop_asked: float | None = None


@dataclass(frozen=True, slots=True)
class FileInFlight:
    """A file that a run is sending, or that the store is indexing: its path, its state, and since when."""

    path: str
    state: str
    size: int
    since: float


@dataclass(frozen=True, slots=True)
class RunReport:
    """One run in full.

    Attributes:
        samples: its progress over time, oldest first.
        in_flight: the first of the files that it has in flight.
    """

    run: RunEntry
    samples: tuple[RunSample, ...] = ()
    in_flight: tuple[FileInFlight, ...] = ()


@dataclass(frozen=True, slots=True)
class StopReport:
    """A run that was asked to stop, and what came of it.

    Attributes:
        run: as it was then.
        asked: whether it is asked now, and was not before; False for one that has ended or whose process is gone.
        dry_run: whether nothing was recorded, and the rest is what would be.
    """

    run: RunEntry
    asked: bool
    dry_run: bool = False
