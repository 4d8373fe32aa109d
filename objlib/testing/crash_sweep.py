"""The sweep: from one state a run dies at point after point, and each aftermath is ruled on."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from objlib.testing.crash_child import ChildReport, ChildRun, prepare_library
from objlib.testing.library import LibraryFiles
from objlib.testing.snapshot import digest, restore_snapshot, take_snapshot


@dataclass(slots=True)
class Aftermath:
    """The state of the disk after a death, and the ruling on it.

    Attributes:
        points: points of death; all of these deaths left this same state.
        broken: every broken promise, of the run that died or of the one that settled the rest.
    """

    points: list[int]
    broken: list[str]


@dataclass
class CrashSweep:
    """A half indexed library, in a folder in which every run works.

    A ledger belongs to the path of its library, so all runs work in one folder, and snapshots are restored there.

    Attributes:
        folder: parent of the work folder and of the snapshots.
        density: share of requests with a fault, in the runs that die.
    """

    folder: Path
    density: float
    library: LibraryFiles = field(init=False)

    def __post_init__(self) -> None:
        self.library = prepare_library(self.work)
        self.take_snapshot("start")

    @property
    def work(self) -> Path:
        """The folder in which runs work."""
        return self.folder / "work"

    def take_snapshot(self, name: str) -> None:
        """Keep the current state under a name."""
        take_snapshot(self.work, self.folder / name)

    def restore(self, name: str) -> None:
        """Restore the state with this name."""
        restore_snapshot(self.folder / name, self.work)

    def die(self, run: int, point: int) -> ChildReport:
        """Let a run die at a point.

        Raises:
            RuntimeError: it lived on, though the same run from the same state passed this point before.
        """
        child = ChildRun(self.work, run, self.density, point)
        report = child.play_in_child(child.upload)
        if not report.died:
            raise RuntimeError(f"run {run} did not die at point {point}: {report.broken}")
        return report

    def settle(self, run: int) -> ChildReport:
        """Let a run finish the work, and rule on the result."""
        child = ChildRun(self.work, run)
        return child.play_in_child(partial(child.settle, self.library))

    def points(self, name: str, run: int) -> ChildReport:
        """Let a run live, from a snapshot; its report has the number of points."""
        self.restore(name)
        child = ChildRun(self.work, run, self.density)
        return child.play_in_child(child.upload)

    def aftermaths(self, name: str, run: int, points: Iterable[int]) -> list[Aftermath]:
        """Let a run die at each of the points, from a snapshot, and rule on each different aftermath once.

        The next run is a function of the aftermath (see :mod:`objlib.testing.crash_child`), so a second ruling on
        the same one would be the same.
        """
        aftermaths: dict[bytes, Aftermath] = {}
        for point in points:
            self.restore(name)
            report = self.die(run, point)
            aftermath = aftermaths.setdefault(digest(self.work, self.folder / "scratch"), Aftermath([], []))
            if not aftermath.points:
                aftermath.broken += self.settle(run + 1).broken
            aftermath.points.append(point)
            aftermath.broken += [line for line in report.broken if line not in aftermath.broken]
        return list(aftermaths.values())
