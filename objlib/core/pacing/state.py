"""State of the controller: an estimate of one quota, and a copy of its token bucket.

The copy counts the requests that the service allowed and the client did not use. That credit can be spent without a
risk; without credit, only a probe can tell whether more is allowed.
"""

import math
from dataclasses import dataclass
from enum import Enum
from typing import Final

CRUISE_GAIN: Final = 0.975
"""Gain while the credit is below the reserve."""
RESERVE_SECONDS: Final = 0.4
"""Seconds' worth of the rate kept as credit: the error of a measurement."""
LOW_CONFIDENCE: Final = 0.25
"""Confidence after a surprise; it doubles with each probe interval that held."""
MAX_CUT: Final = 0.5
"""Smallest share of the rate that one throttling leaves; also the gain until the answers in flight are in."""
MIN_PROBE_REQUESTS: Final = 14.0
"""Admitted requests between two probes at least: each probe costs one refusal."""
PROBE_REQUESTS: Final = 150.0
"""Admitted requests between two probes of a service of 1/s; a fifth at 0.5/s, where a rise took minutes."""
PROBE_SECONDS: Final = 5.0
"""Seconds between two probes of a service of 1/s if refusals were free; a quicker service can wait longer."""
MAX_PROBE_SECONDS: Final = 30.0
"""Upper bound of `PROBE_SECONDS` for quick services."""
PROBE_COST_FACTOR: Final = 50.0
"""Ratio of the time between two probes to the time for which a probe leaves the service idle."""
MIN_RATE: Final = 1 / 12
"""Requests per second that are always tried.

Slower quotas give a Retry-After, and the gate holds those. Broken answers give none: a rate lost to them has to come
back within a run.
"""
MAX_PROBE_WAIT: Final = 60.0
"""Upper bound of the probe interval in seconds where few requests are admitted: a slow rate would delay a rise."""
CONTENDED_SHARE: Final = 0.7
"""Share of `PROBE_SECONDS` between two probes beside other clients: a small share grows within a minute."""
MIN_CONTENDED_REQUESTS: Final = 6.0
"""Admitted requests between two probes beside other clients; the bar for several processes is 5 % refused."""
MIN_CONTENDED_ROUND_TRIPS: Final = 5.0
"""Round trips between two probes beside other clients: the answers to the last probe must be in."""


class Assessment(Enum):
    """The question that the answers to the requests in flight at a throttling decide."""

    NOTHING = "nothing: they are all in, or carry no information"
    FIRST_LIMIT = "how high the first rate is"
    RAMP_TOP = "where a ramp ended, between the old rate and the last send rate"
    DROP = "whether the quota dropped, and how far"


class PacingPhase(Enum):
    """Phases of the controller, as in BBR (Cardwell et al., ACM Queue 14, 2016); a throttling ends each."""

    DRAIN = "spends the credit that was saved behind a gate"
    CRUISE = "sends at the rate"
    PROBE = "sends a little faster than the rate"
    STARTUP = "ramps up: the send rate grows in each round trip"


@dataclass(frozen=True, slots=True)
class Suspicion:
    """A separate measurement over refusals in a row that came too early; earlier measurements have no weight in it.

    Attributes:
        rate: the rate before the first of them.
        confident: whether that rate was confident.
        seconds: their time in all, without overflow and without the cost of refusals.
        admitted: requests admitted in that time.
    """

    rate: float
    confident: bool
    seconds: float = 0.0
    admitted: float = 0.0


@dataclass(frozen=True, slots=True)
class PaceState:
    """The controller's knowledge about one quota.

    Attributes:
        ceiling: the most requests that may ever be in flight.
        window: requests in flight allowed while no limit is known.
        rtt: smoothed seconds per request; 0 before the first answer.
        rate: requests per second that the service admits; infinity before the first throttling.
        phase: the phase.
        gain: send rate as a multiple of the rate.
        measured_for: seconds over which the rate was measured, its weight in a new measurement; 0 for a guess. Where
            the quota is a window of time, the seconds of the last window.
        confidence: current probe interval as a share of the full one; 1 when the rate held for a whole interval.
        peers: processes that share the quota and exchange their rates.
        contended: whether other clients seem to use the quota: a confident rate was refused at cruise, and no two
            probes in a row held since.
        suspicion: the measurement over refusals that came too early; None while there are none.
        measured_since: start of the measurement: a moment at which the quota was exhausted.
        hint_until: the same plus the Retry-After given then.
        gated_for: seconds for which that closed the gate; 0 where a window of time was used up.
        window_left: seconds that were left of that window; 0 where there was none.
        burst: capacity of the service's bucket in seconds' worth of the rate, at most one.
        admitted: requests admitted since ``measured_since``, scaled to the present rate.
        throttled_at: when the last throttling epoch began; refusals of requests that started before belong to it.
        assessment: what the answers that were in flight then will decide.
        lower_bound: the rate to which these answers can lower the rate at most.
        upper_bound: the implied rate from which on they change nothing.
        passed_in_flight: of those in flight, admitted requests that started after the first refused one.
        refused_in_flight: of those in flight, refused requests that started after the first refused one.
        hint_drift: growth of Retry-After (s) across these refusals; infinity without a hint.
        rate_before_drop: the rate before the quota dropped, at which a ramp stops; 0 if it did not drop.
        last_departure: when the last request started, or should have.
        busy: whether requests wait for their turn; an idle controller learns nothing.
        gate: no request may start before this time.
    """

    ceiling: int
    window: float = 4.0
    rtt: float = 0.0
    rate: float = math.inf
    phase: PacingPhase = PacingPhase.CRUISE
    gain: float = CRUISE_GAIN
    measured_for: float = 0.0
    confidence: float = LOW_CONFIDENCE
    peers: int = 1
    contended: bool = False
    suspicion: Suspicion | None = None
    measured_since: float = math.nan
    hint_until: float = math.nan
    gated_for: float = 0.0
    window_left: float = 0.0
    burst: float = 1.0
    admitted: float = 0.0
    throttled_at: float = -math.inf
    assessment: Assessment = Assessment.NOTHING
    lower_bound: float = 0.0
    upper_bound: float = 0.0
    passed_in_flight: int = 0
    refused_in_flight: int = 0
    hint_drift: float = math.inf
    rate_before_drop: float = 0.0
    last_departure: float = -math.inf
    busy: bool = False
    gate: float = -math.inf

    @property
    def limited(self) -> bool:
        """Whether a limit is known."""
        return self.rate < math.inf

    @property
    def achieved_rate(self) -> float:
        """The rate, or the achieved throughput of an unfinished ramp if that is higher."""
        span = self.last_departure - self.measured_since
        return max(self.rate, self.admitted / span if self.phase is PacingPhase.STARTUP and span > 1 else 0.0)

    @property
    def assessing(self) -> bool:
        """Whether answers to requests in flight at the last throttling are still to come."""
        return self.assessment is not Assessment.NOTHING

    @property
    def confident(self) -> bool:
        """Whether the last probe interval held: a surprise is then not put down to the rate."""
        return self.confidence > LOW_CONFIDENCE


def send_rate(state: PaceState) -> float:
    """Requests per second to start now; infinity while no limit is known."""
    return state.rate * (MAX_CUT if state.assessing and state.gate <= state.throttled_at else state.gain)


def credit(state: PaceState, at: float) -> float:
    """Requests allowed and not used since the measurement began: the level of the copied bucket."""
    return state.rate * (at - state.measured_since - lost_seconds(state)) - state.admitted


def lost_seconds(state: PaceState) -> float:
    """Seconds' worth of the quota lost to overflow and to refusals."""
    return overflow_seconds(state) + refusal_cost(state)


def overflow_seconds(state: PaceState) -> float:
    """Seconds' worth of the quota that overflowed the bucket while the gate was closed.

    A bucket holds one request at least; a larger one is taken to hold one already at the refusal.
    """
    return max(0.0, state.gated_for - max(state.burst - 1 / state.rate, 1 / state.rate))


def refusal_cost(state: PaceState) -> float:
    """Seconds' worth of the quota that refusals may have cost.

    A service that counts refusals gives each a longer Retry-After; so does one that admits a request in between.
    Without a hint each refusal is taken to be counted.
    """
    return max(
        0.0, min(state.refused_in_flight / state.rate, state.hint_drift - state.passed_in_flight / state.rate)
    )


def reserve(state: PaceState) -> float:
    """Credit in requests that is kept while cruising."""
    return max(0.0, RESERVE_SECONDS * state.rate - 0.5)


def probe_interval(state: PaceState) -> float:
    """Admitted requests before a probe: rare enough for 1 % refused, frequent enough to notice a rise.

    Beside other clients it is a time that grows with the rate. A probe takes about the same from the others whichever
    client sends it, and a refusal takes a share of the client's own rate; so the rates converge, as with additive
    increase and multiplicative decrease (Chiu and Jain, Computer Networks and ISDN Systems 17, 1989).
    """
    rate = state.rate
    seconds: float = min(MAX_PROBE_SECONDS, PROBE_SECONDS * rate**0.68)
    if state.contended and not state.confident:
        wait = max(CONTENDED_SHARE * seconds, MIN_CONTENDED_ROUND_TRIPS * state.rtt)
        return max(min(MIN_CONTENDED_REQUESTS, MAX_PROBE_WAIT * rate), state.peers * wait * rate)
    seconds = max(seconds, PROBE_COST_FACTOR * max(0.0, state.gated_for - state.burst))
    count: float = max(PROBE_REQUESTS * min(rate**2.4, rate**-0.9), seconds * rate)
    return max(min(MIN_PROBE_REQUESTS, MAX_PROBE_WAIT * rate), state.confidence * state.peers * count)


def probe_gain(state: PaceState) -> float:
    """Gain of a probe: half a request more in a round trip, between 1.1 and 1.5."""
    return 1 + min(0.5, max(0.1, 0.55 / max(1e-9, state.rate * state.rtt)))
