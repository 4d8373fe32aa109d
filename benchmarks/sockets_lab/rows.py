"""The rows of the issue's table: a model of the server, from which its ``--quota`` is written, and what is measured.

Each row is measured by the same functions on what a real server saw and on what a simulated one did, in the same
scenario of the same length: that is what the second column of the table is for. The rows are as short as they can be
to show what they are for; :func:`full` makes them as long as the scenarios of the same names in virtual time.
"""

import math
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Final

from tests.support.pacing_lab.faulty import AllPlaces, Faulty, Overload, faulty
from tests.support.pacing_lab.scenarios import CEILING, GOOD, WASTE, Measure, goodput, scenarios
from tests.support.pacing_lab.servers import Bucket, Open, Server, Window
from tests.support.pacing_lab.simulate import Trace, run
from tests.support.pacing_lab.strategies import Ours, one_ledger

from .served import Seen

Values = tuple[float, ...]
Reading = Callable[[Server, Trace, float], Values]
"""Values of a row from what the server counted."""


@dataclass(frozen=True, slots=True)
class Row:
    """One scenario with clients that have endless work.

    Attributes:
        name: as the table shows it.
        model: the server, as the laboratory in virtual time has it.
        latency: of an answer, in seconds.
        seconds: how long.
        measures: with their bars.
        reading: gives one value for each of them.
        starts: when each client begins.
        ceiling: requests in flight at most, of each client.
    """

    name: str
    model: Server
    latency: float
    seconds: float
    measures: tuple[Measure, ...]
    reading: Reading
    starts: tuple[float, ...] = (0.0,)
    ceiling: int = CEILING

    @property
    def sound(self) -> Server:
        """The model without its random faults, and with 429 for what it refuses."""
        model = self.model
        while isinstance(model, Faulty | Overload):
            model = model.inner
        return model

    @property
    def share(self) -> float:
        """Share of the answers that break."""
        return self.model.share if isinstance(self.model, Faulty) else 0.0

    @property
    def overload(self) -> bool:
        """Whether what it refuses is a server error."""
        inner = self.model.inner if isinstance(self.model, Faulty) else self.model
        return isinstance(inner, Overload)

    @property
    def unlimited(self) -> bool:
        """Whether the yardstick is a worker for each place, for want of a quota."""
        return isinstance(self.sound, Open)

    @property
    def quota(self) -> str:
        """The model in the words of ``objlib serve --quota``."""
        more = f",latency {self.latency:g}s"
        match self.sound:
            case Bucket(steps=steps, charge=charge, hint=hint):
                more += ",charged" * charge + ",silent" * (not hint)
                ends = [at for at, _ in steps[1:]]
                lasts = [f" for {end - at:g}s" for (at, _), end in zip(steps, ends, strict=False)] + [""]
                return " then ".join(
                    f"{rate:g}/s{more}{last}" for (_, rate), last in zip(steps, lasts, strict=True)
                )
            case Window(limit=limit):
                return f"{limit}/min,window{more}"
            case _:
                return f"latency {self.latency:g}s"

    @property
    def rate(self) -> float:
        """Requests per second that it means for the machine, about."""
        match self.sound:
            case Bucket(steps=steps):
                return max(rate for _, rate in steps)
            case Window(limit=limit, seconds=seconds):
                return limit / seconds
            case _:
                return self.ceiling / self.latency

    def read(self, server: Server, trace: Trace) -> Values:
        """One value for each measure."""
        return self.reading(server, trace, self.seconds)

    def model_of(self, seen: Sequence[Seen]) -> Server:
        """The model of the server that ran: when its fixed windows begin can be told from its refusals only."""
        refusal = next((each for each in seen if not each.admitted and each.wait), None)
        if not isinstance(self.model, Window) or refusal is None:
            return self.model
        ends = refusal.at - seen[0].at + self.latency / 2 + refusal.wait
        return replace(self.model, phase=-ends % self.model.seconds)

    def simulated(self, seed: int) -> Values:
        """The same in virtual time."""
        server = deepcopy(self.model)
        if isinstance(server, Window):
            server = replace(server, phase=seed * 60 / 20)
        clients = [Ours(self.ceiling) for _ in self.starts]
        # The first client's start is what the server would call 0.
        with one_ledger() if len(clients) > 1 else nullcontext() as meeting:
            trace = run(
                server, clients, seconds=self.seconds, latency=self.latency, seed=seed, starts=self.starts,
                meeting=meeting,
            )  # fmt: skip
        return self.read(server, trace)


def full(row: Row) -> Row:
    """The same, as long as ``just bench pacing`` has it, with a quota that changes at a moment that one seed gives."""
    scenario = next(each for each in [*scenarios(), *faulty()] if each.name == row.name)
    server = scenario.server(0)
    model = _exact(server) if isinstance(server, Bucket) else server
    return replace(row, model=model, seconds=scenario.seconds)


def _exact(model: Bucket) -> Bucket:
    """The service's hints are exact, in RetryInfo; the laboratory's default is whole seconds."""
    return replace(model, whole=False)


def _steady(server: Server, trace: Trace, seconds: float) -> Values:
    return goodput(server, trace, 0, seconds), trace.wasted(0, seconds)


def _changed(server: Server) -> tuple[float, float]:
    """When the quota of a bucket changed, and what it has been since."""
    assert isinstance(server, Bucket)
    return server.steps[-1]


def _good_and_wasted(good: float, waste: float) -> tuple[Measure, ...]:
    return Measure(GOOD, good, most=False), Measure(WASTE, waste, most=True)


def steady(
    name: str,
    model: Server,
    *,
    seconds: float,
    latency: float = 0.4,
    good: float = 0.97,
    waste: float = 0.01,
    ceiling: int = CEILING,
) -> Row:
    """A quota that does not change."""
    return Row(name, model, latency, seconds, _good_and_wasted(good, waste), _steady, ceiling=ceiling)


def first(begin: float, longest: float, holds: Callable[[float], bool]) -> float:
    """Seconds from ``begin`` until it holds, by quarters of a second; infinity if it never does."""
    return next((n / 4 for n in range(int(longest * 4)) if holds(begin + n / 4)), math.inf)


def drop(name: str, *, hint: bool, waste: float) -> Row:
    """20/s become 4/s. Settled: the first 10 s with 85 % of it and at most 5 % refused begin."""

    def read(server: Server, trace: Trace, _seconds: float) -> Values:
        at, low = _changed(server)
        settled = first(
            at, 60, lambda t: trace.count(t, t + 10) >= 0.85 * low * 10 and trace.wasted(t, t + 10) <= 0.05
        )
        return settled, trace.wasted(at, at + 60)

    measures = (Measure("settled", 12, most=True, percent=False), Measure("wasted", waste, most=True))
    model = _exact(Bucket(((0, 20.0), (45, 4.0)), hint=hint))
    return Row(name, model, 0.4, 117, measures, read)


def rise(name: str, *, low: float, latency: float, at: float, seconds: float, bar: float, span: float) -> Row:
    """A quota rises five-fold: seconds until the first ``span`` with 85 % of it begins."""

    def read(server: Server, trace: Trace, seconds: float) -> Values:
        at, high = _changed(server)
        noticed = first(at, seconds - at - span, lambda t: trace.count(t, t + span) >= 0.85 * high * span)
        return noticed, trace.wasted(0, seconds)

    measures = (Measure("85 % after", bar, most=True, percent=False), Measure("429s in all", 0.05, most=True))
    model = _exact(Bucket(((0, low), (at, 5 * low))))
    return Row(name, model, latency, seconds, measures, read)


def together(name: str, *, starts: tuple[float, ...], seconds: float) -> Row:
    """Processes on one ledger; their shares are those of the second half."""

    def read(server: Server, trace: Trace, seconds: float) -> Values:
        shares = [sum(seconds / 2 <= at < seconds for at in by) for by in trace.by]
        jain = sum(shares) ** 2 / max(1, len(shares) * sum(share**2 for share in shares))
        return jain, goodput(server, trace, 0, seconds), trace.wasted(0, seconds)

    measures = (Measure("Jain", 0.98, most=False, percent=False), *_good_and_wasted(0.95, 0.05))
    return Row(name, _bucket(10), 0.4, seconds, measures, read, starts)


def cold(rate: float, seconds: float) -> Row:
    """A cold start: from the first refusal, when the bucket is empty, until the first second at 85 % of the quota."""

    def read(server: Server, trace: Trace, seconds: float) -> Values:
        begin = trace.refused[0] if trace.refused else 0.0
        steady = first(begin, seconds - begin - 1, lambda t: trace.count(t, t + 1) >= 0.85 * rate)
        return steady, goodput(server, trace, 0, seconds), trace.wasted(0, seconds)

    measures = (Measure("85 % after", 3, most=True, percent=False), *_good_and_wasted(0.95, 0.03))
    return Row(f"cold start, {rate:g}/s", _bucket(rate), 0.05, seconds, measures, read)


def unlimited(latency: float, seconds: float) -> Row:
    """No quota: what is admitted of what the best fixed concurrency gets, which is a worker for each place."""

    def read(_server: Server, trace: Trace, seconds: float) -> Values:
        return (float(trace.count(0, seconds)),)

    measures = (Measure("of best fixed", 0.95, most=False),)
    return Row(f"no quota, latency {latency:g} s", Open(), latency, seconds, measures, read)


def best_fixed(row: Row) -> Values:
    """Count the requests of one worker for each place in virtual time, without a quota."""
    places = [AllPlaces(row.ceiling)]
    trace = run(deepcopy(row.model), places, seconds=row.seconds, latency=row.latency, seed=0)
    return row.read(row.model, trace)


def broken(share: float, seconds: float) -> Row:
    """Answers that break at random, and no quota: sound answers beside those of a worker for each place."""

    def read(_server: Server, trace: Trace, seconds: float) -> Values:
        return (float(trace.count(0, seconds)),)

    measures = (Measure(GOOD, 0.95, most=False),)
    name = f"faults {share:.0%}, latency 0.4 s"
    return Row(name, Faulty(Open(), share, 0), 0.4, seconds, measures, read)


def _bucket(rate: float, *, charge: bool = False, hint: bool = True) -> Bucket:
    return _exact(Bucket(((0, rate),), charge=charge, hint=hint))


ROWS: Final = [
    steady("steady 10/s", _bucket(10), seconds=150),
    steady("steady 100/s", _bucket(100), seconds=60, ceiling=64),
    steady("steady 1/s", _bucket(1), seconds=300),
    steady("steady 10/s, no hint", _bucket(10, hint=False), seconds=150),
    drop("drop 20 → 4/s", hint=True, waste=0.05),
    drop("drop 20 → 4/s, no hint", hint=False, waste=0.08),
    rise("rise 4 → 20/s", low=4, latency=0.4, at=60, seconds=115, bar=20, span=5),
    rise("rise 0.4 → 2/s", low=0.4, latency=4, at=150, seconds=300, bar=60, span=10),
    steady("0.5/s, latency 0.4 s", _bucket(0.5), seconds=300, good=0.95, waste=0.06),
    steady("0.5/s, latency 4 s", _bucket(0.5), seconds=300, latency=4, good=0.95, waste=0.06),
    steady("429s count, 20/s", _bucket(20, charge=True), seconds=120, good=0.93, waste=0.03),
    steady("150 per fixed minute", Window(150), seconds=290, good=0.97, waste=0.03),
    together("3 processes, 10/s, one ledger", starts=(0.0, 20.0, 40.0), seconds=125),
    cold(40, 30),
    broken(0.03, 90),
    broken(0.12, 90),
    steady("10/s, faults 5%", Faulty(_bucket(10), 0.05, 0), seconds=120, good=0.95, waste=0.015),
    steady("overload 20/s", Overload(_bucket(20)), seconds=120, latency=0.05, good=0.92, waste=0.05),
    unlimited(0.2, 20),
    unlimited(2.0, 80),
]
