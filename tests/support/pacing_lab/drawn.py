"""Scenarios drawn from a distribution of services, half for choosing constants and half for judging them.

A number gives the scenario. A fixed hash of the number decides the half, so that a scenario never moves from the
judging half to the choosing one.
"""

import hashlib
import math
import random
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Final

from .faulty import Faulty, Outage, Overload, best
from .scenarios import strategy
from .servers import Bucket, Decision, Open, Server, Steps, Window
from .simulate import run
from .strategies import one_ledger

COUNT: Final = 500
"""Scenarios in all."""
REQUESTS: Final = 4_000
"""Requests of a scenario, about: a quick service is watched for a shorter time."""
JUDGED: Final = "judging"
CHOSEN: Final = "choosing"


@dataclass(frozen=True, slots=True)
class Drawn:
    """One scenario.

    Attributes:
        number: gives it again.
        kind: of limit: none, bucket, window or overload.
        rate: requests per second that are allowed at first; infinity without a limit.
        latency: of a request (s).
        burst: of the bucket (s).
        hint: exact, whole, wrong or absent.
        charge: whether refusals count.
        share: of requests that break at random.
        outage: seconds in which nothing works; 0 for none.
        steps: factors of the rate, and the shares of the time at which they begin.
        processes: clients.
        ledger: whether they share one.
        seconds: how long it takes.
    """

    number: int
    kind: str
    rate: float
    latency: float
    burst: float
    hint: str
    charge: bool
    share: float
    outage: float
    steps: tuple[tuple[float, float], ...]
    processes: int
    ledger: bool
    seconds: float

    @property
    def half(self) -> str:
        """The half that it belongs to."""
        return JUDGED if hashlib.sha256(f"pacing {self.number}".encode()).digest()[0] % 2 else CHOSEN

    @property
    def ceiling(self) -> int:
        """Requests in flight at most, of each client."""
        return 16

    @property
    def outage_at(self) -> tuple[float, float]:
        """When the outage begins and ends."""
        begin = 0.4 * self.seconds
        return begin, begin + self.outage

    def server(self) -> Server:
        """A fresh service."""
        inner: Server = Open()
        if self.kind in {"bucket", "overload"}:
            steps: Steps = tuple((at * self.seconds, self.rate * factor) for at, factor in self.steps)
            hint = self.hint != "absent"
            inner = Bucket(
                steps, burst=self.burst, least=1.0, hint=hint, whole=self.hint == "whole", charge=self.charge
            )
            if self.hint == "wrong":
                inner = WrongHints(inner, self.number)
            if self.kind == "overload":
                inner = Overload(inner)
        elif self.kind == "window":
            inner = Window(max(2, round(60 * self.rate)), hint=self.hint != "absent", phase=self.number % 60)
        if self.outage:
            inner = Outage(inner, *self.outage_at)
        return Faulty(inner, self.share, self.number) if self.share else inner


@dataclass
class WrongHints:
    """A service whose hints are a half to twice of the truth."""

    inner: Server
    seed: int

    def __post_init__(self) -> None:
        self.rng = random.Random(f"hints {self.seed}")

    def ask(self, now: float) -> Decision:
        """See :class:`Server`."""
        outcome, wait = self.inner.ask(now)
        return outcome, None if wait is None else wait * 2 ** self.rng.uniform(-1, 1)

    def allowed(self, begin: float, end: float) -> float:
        """See :class:`Server`."""
        return self.inner.allowed(begin, end)


def draw(number: int) -> Drawn:
    """Draw a scenario: rates and latencies log-uniform, a third with faults, a fifth with several processes."""
    rng = random.Random(f"drawn {number}")

    def log_uniform(low: float, high: float) -> float:
        return math.exp(rng.uniform(math.log(low), math.log(high)))

    kind = rng.choice(("none", "bucket", "bucket", "bucket", "window", "overload"))
    rate = log_uniform(0.3, 1000) if kind != "none" else math.inf
    latency = log_uniform(0.005, 5)
    burst = log_uniform(min(3.0, 1 / rate), 3) if kind != "none" else 0.0  # from one request to 3 s
    hint = rng.choice(("exact", "whole", "whole", "absent", "wrong"))
    charge = rng.random() < 0.15
    share = rng.uniform(0, 0.25) if rng.random() < 0.35 else 0.0
    speed = min(rate, 16 / latency)
    seconds = min(600.0, max(60.0, 20 * latency, REQUESTS / speed))
    outage = rng.uniform(5, 0.2 * seconds) if rng.random() < 0.1 and seconds > 60 else 0.0
    changes = rng.choice((0, 0, 0, 1, 2))
    steps = [(0.0, 1.0), *((rng.uniform(0.2, 0.8), log_uniform(0.2, 5)) for _ in range(changes))]
    processes = rng.choice((1, 1, 1, 1, rng.randint(2, 8)))
    ledger = rng.random() < 0.5
    return Drawn(
        number, kind, rate, latency, burst, hint, charge and kind != "window", share, outage, tuple(sorted(steps)),
        processes, ledger, seconds,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Result:
    """Result of a rule.

    Attributes:
        goodput: requests done, of those that the service could give.
        refused: share of the requests that were refused.
    """

    goodput: float
    refused: float


def measure(scenario: Drawn, who: str) -> Result:
    """Run a rule in a scenario."""
    server = scenario.server()
    clients = [
        strategy(who, scenario.number + 1000 * n, ceiling=scenario.ceiling) for n in range(scenario.processes)
    ]
    together = scenario.ledger and scenario.processes > 1 and who == "ours"
    with one_ledger() if together else nullcontext() as meeting:
        trace = run(
            server,
            clients,
            seconds=scenario.seconds,
            latency=scenario.latency,
            seed=scenario.number,
            meeting=meeting,
        )
    return Result(len(trace.served) / max(1.0, possible(scenario)), trace.wasted())


def possible(scenario: Drawn) -> float:
    """Requests that the service can give to all processes together."""
    places = scenario.ceiling * scenario.processes
    return best(
        lambda _seed: scenario.server(), 0, seconds=scenario.seconds, latency=scenario.latency, ceiling=places
    )


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which that share of them is."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
