"""One place where runs die, again and again: from one state at point after point, and what each death leaves."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from objlib.testing.crash_child import ChildReport, ChildRun, prepare_library
from objlib.testing.library import Library
from objlib.testing.snapshot import digest, keep, put_back


@dataclass(slots=True)
class Aftermath:
    """What is left on the disk after a death, and the ruling on it.

    Attributes:
        points: where the run died; all of these deaths left this same world.
        broken: every broken promise, of the run that died or of the one that cleaned up.
    """

    points: list[int]
    broken: list[str]


@dataclass
class CrashSweep:
    """A library that is half indexed, in a folder in which every run works.

    A ledger belongs to the place of its library, so all runs work in one place and what they start from is put
    back.

    Attributes:
        folder: for everything.
        density: the share of requests that something happens to, in the runs that die.
    """

    folder: Path
    density: float
    library: Library = field(init=False)

    def __post_init__(self) -> None:
        self.library = prepare_library(self.work)
        self.keep("start")

    @property
    def work(self) -> Path:
        """Where runs work."""
        return self.folder / "work"

    def keep(self, name: str) -> None:
        """Keep the world as it is now under a name."""
        keep(self.work, self.folder / name)

    def put_back(self, name: str) -> None:
        """Make the world what was kept."""
        put_back(self.folder / name, self.work)

    def die(self, run: int, point: int) -> ChildReport:
        """Let a run die.

        Raises:
            RuntimeError: it did not. The same run, from the same state, had so many points when it lived.
        """
        account = ChildRun(self.work, run, self.density, point).end()
        if not account.died:
            raise RuntimeError(f"run {run} did not die at point {point}: {account.broken}")
        return account

    def settle(self, run: int) -> ChildReport:
        """Let a next run finish the work, and rule on what it leaves."""
        return ChildRun(self.work, run).end_well(self.library)

    def points(self, name: str, run: int) -> ChildReport:
        """Let a run live, from a state that was kept: its account says how many points there are."""
        self.put_back(name)
        return ChildRun(self.work, run, self.density).end()

    def worlds(self, name: str, run: int, points: Iterable[int]) -> list[Aftermath]:
        """Let a run die, from a state that was kept, at each of the points, and rule on every world it leaves.

        What the next run does is a function of that world (see :mod:`objlib.testing.crash_child`), so a world
        that was met before is not ruled on again.
        """
        found: dict[bytes, Aftermath] = {}
        for point in points:
            self.put_back(name)
            account = self.die(run, point)
            world = found.setdefault(digest(self.work, self.folder / "aside"), Aftermath([], []))
            if not world.points:
                world.broken += self.settle(run + 1).broken
            world.points.append(point)
            world.broken += [line for line in account.broken if line not in world.broken]
        return list(found.values())
