"""The workload of one simulated world, drawn from its seed: independent steps, so that a failing plan can shrink."""

from dataclasses import dataclass
from random import Random
from typing import Final

from objlib.testing.library import EDITS


@dataclass(frozen=True, slots=True)
class Edit:
    """One edit of the library; see :meth:`objlib.testing.library.Library.edit`."""

    kind: str
    seed: int


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a command, and its fate.

    Attributes:
        command: ``upload``, ``recover``, ``sync`` (with ``--prune`` and no grace) or ``store-sync`` (with
            ``--apply``).
        delay: virtual seconds from the start of the step.
        die_at: number of the point at which it dies, from 1.
        freeze_at: number of the point at which it freezes, and the seconds until it thaws.
        stop_after: seconds until its first signal.
        elsewhere: it runs on another host.
        limit: as ``--limit``.
    """

    command: str = "upload"
    delay: float = 0.0
    die_at: int | None = None
    freeze_at: tuple[int, float] | None = None
    stop_after: float | None = None
    elsewhere: bool = False
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class Runs:
    """Runs at once on one ledger, with edits meanwhile, against a faulty service.

    Attributes:
        seed: seed of the nemesis.
        density: share of requests with a fault.
        edits: (virtual seconds from the start of the step, edit).
        jump: (seconds from the start of the step, seconds by which the clock of this machine jumps).
        honest: no response is untrue of a document. ``store-sync`` depends on that: after two reports that a
            document is missing it lets the next upload send the file again, as it should.
    """

    runs: tuple[Run, ...]
    seed: int
    density: float
    edits: tuple[tuple[float, Edit], ...] = ()
    jump: tuple[float, float] | None = None
    honest: bool = False


@dataclass(frozen=True, slots=True)
class Pause:
    """Virtual time passes; with ``amnesia`` the service forgets its upload sessions."""

    seconds: float
    amnesia: bool = False


Step = Edit | Runs | Pause
Plan = tuple[Step, ...]

_DENSITIES: Final = (0.0, 0.03, 0.1, 0.25, 0.5)


def plan_of(seed: int) -> Plan:
    """Draw the plan of a seed."""
    rng = Random(f"plan {seed}")
    steps: list[Step] = [Edit("new", rng.getrandbits(32)) for _ in range(rng.randint(1, 8))]
    for _ in range(rng.randint(1, 4)):
        steps += [_edit(rng) for _ in range(rng.randint(0, 3))]
        steps.append(_runs(rng))
        if rng.random() < 0.3:
            steps.append(Pause(rng.choice([1.0, 70.0, 200_000.0]), amnesia=rng.random() < 0.5))
    return tuple(steps)


def _edit(rng: Random) -> Edit:
    return Edit(rng.choice(EDITS), rng.getrandbits(32))


def _runs(rng: Random) -> Runs:
    count = rng.choice([1, 1, 1, 2, 2, 3])
    edits = tuple(
        (round(rng.expovariate(0.5), 3), _edit(rng))
        for _ in range(rng.randint(1, 3) if rng.random() < 0.3 else 0)
    )
    jump = (round(rng.uniform(0, 20), 2), rng.choice([-3600.0, 90.0, 3600.0])) if rng.random() < 0.1 else None
    runs = tuple(_run(rng) for _ in range(count))
    honest = any(run.command == "store-sync" for run in runs)
    return Runs(runs, rng.getrandbits(32), rng.choice(_DENSITIES), edits, jump, honest)


def _run(rng: Random) -> Run:
    return Run(
        command=rng.choice(["upload"] * 8 + ["recover", "sync", "store-sync"]),
        delay=rng.choice([0.0, 0.0, round(rng.uniform(0, 5), 3)]),
        die_at=rng.randint(1, rng.choice([20, 60, 120])) if rng.random() < 0.5 else None,
        freeze_at=(rng.randint(5, 90), rng.choice([1.0, 65.0, 400.0])) if rng.random() < 0.2 else None,
        stop_after=round(rng.uniform(0, 8), 3) if rng.random() < 0.1 else None,
        elsewhere=rng.random() < 0.2,
        limit=rng.randint(1, 3) if rng.random() < 0.1 else None,
    )
