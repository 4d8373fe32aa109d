"""State of the controller: a measurement of one quota, and a copy of its token bucket.

The copy counts the requests that the service allowed and the client did not use. That credit can be spent without a
risk; without credit, only a probe can tell whether more is allowed.
"""

import math
from enum import Enum
from typing import NamedTuple

from objlib.core.pacing.tuning import TUNING


class PacingPhase(Enum):
    """Phases of the controller, as in BBR (Cardwell et al., ACM Queue 14, 2016); a throttling ends each."""

    DRAIN = "spends the credit that was saved behind a gate"
    CRUISE = "sends at the rate"
    PROBE = "sends a little faster than the rate"
    STARTUP = "ramps up: the send rate grows in each round trip"


class PaceState(NamedTuple):
    """The controller's knowledge about one quota.

    Attributes:
        ceiling: the most requests that may ever be in flight.
        window: requests in flight allowed while no limit is known.
        rtt: smoothed seconds per request; 0 before the first answer.
        jitter: smoothed deviation (s) of a request's time from that, as RTTVAR in RFC 6298.
        rate: requests per second that the service admits; infinity before the first throttling.
        measured_for: seconds over which the rate was measured. Its error is one request in that time.
        phase: the phase.
        gain: send rate as a multiple of the rate.
        peers: processes that share the quota and exchange their rates.
        contended: whether other clients seem to use the quota: a confident rate was refused at cruise, and no two
            probes in a row held since.
        early_seconds: time of the refusals in a row that came too early.
        early_admitted: requests admitted in it.
        measured_since: start of the measurement: a moment at which the quota was exhausted.
        hint_until: the same plus the Retry-After given then.
        gated_for: seconds for which that closed the gate; 0 where a window of time was used up.
        window_left: seconds that were left of that window; 0 where there was none.
        burst: capacity of the service's bucket in seconds' worth of the rate, at most one.
        saves: whether the service saves unused requests, as a quota does and an overloaded service need not.
        held_first: requests that the bucket held before the first throttling, at least.
        admitted: requests admitted since ``measured_since``, scaled to the present rate.
        probe_since: start of the last probe, less the seconds that fill the bucket; minus infinity before the first.
        probe_admitted: requests admitted before it.
        throttled_at: when the last throttling epoch began; refusals of requests that started before belong to it.
        assessing: whether answers to requests in flight then are still to come, and carry information.
        trusted: whether the rate was confident then.
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
    jitter: float = 0.0
    rate: float = math.inf
    measured_for: float = 0.0
    phase: PacingPhase = PacingPhase.CRUISE
    gain: float = TUNING.cruise_gain
    peers: int = 1
    contended: bool = False
    early_seconds: float = 0.0
    early_admitted: float = 0.0
    measured_since: float = math.nan
    hint_until: float = math.nan
    gated_for: float = 0.0
    window_left: float = 0.0
    burst: float = 1.0
    saves: bool = True
    held_first: float = 1.0
    admitted: float = 0.0
    probe_since: float = -math.inf
    probe_admitted: float = 0.0
    throttled_at: float = -math.inf
    assessing: bool = False
    trusted: bool = False
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
    def confident(self) -> bool:
        """Whether the rate was measured for half of a full probe interval: a surprise is not put down to it."""
        return self.measured_for * self.rate >= 0.5 * full_interval(self)


def send_rate(state: PaceState) -> float:
    """Requests per second to start now; infinity while no limit is known."""
    return state.rate * (
        TUNING.max_cut if state.assessing and state.gate <= state.throttled_at else state.gain
    )


def credit(state: PaceState, at: float) -> float:
    """Requests allowed and not used since the measurement began: the level of the copied bucket."""
    return state.rate * (at - state.measured_since - lost_seconds(state)) - state.admitted


def probe_credit(state: PaceState, at: float) -> float:
    """The credit if the bucket was full when the probe began, which it cannot exceed."""
    return state.rate * (at - state.probe_since) - (state.admitted - state.probe_admitted)


def common_burst(state: PaceState) -> float:
    """Seconds' worth of this process's rate in a full bucket: what the others have saved is in the same one."""
    return state.burst * state.peers


def uncertainty(state: PaceState, seconds: float) -> float:
    """Requests by which a count over that time may differ from the rate.

    A count errs by a request, and by those that jitter moves across its ends; and so did the count that gave the rate.
    """
    error = 1 + state.rate * state.jitter
    return error * (1 + min(1.0, seconds / max(state.measured_for, TUNING.min_duration)))


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
    return max(0.0, TUNING.reserve_seconds * state.rate - 0.5)


def _probe_seconds(rate: float) -> float:
    """Seconds between two probes if refusals were free; a quicker service can wait longer."""
    seconds: float = min(TUNING.max_probe_seconds, TUNING.probe_seconds * rate**0.68)
    return seconds


def full_interval(state: PaceState) -> float:
    """Admitted requests between two probes of a rate that is sure."""
    rate = state.rate
    seconds = max(
        _probe_seconds(rate),
        TUNING.probe_cost_factor * max(0.0, state.gated_for - state.burst),
    )
    count: float = max(TUNING.probe_requests * min(rate**2.6, rate**-0.9), seconds * rate)
    return count


def probe_interval(state: PaceState) -> float:
    """Admitted requests before a probe: as long as the rate was measured, so that each probe that holds doubles it.

    Beside other clients it is a time that grows with the rate. A probe takes about the same from the others whichever
    client sends it, and a refusal takes a share of the client's own rate; so the rates converge, as with additive
    increase and multiplicative decrease (Chiu and Jain, Computer Networks and ISDN Systems 17, 1989).
    """
    rate = state.rate
    if state.contended and not state.confident:
        wait = max(
            TUNING.contended_share * _probe_seconds(rate), TUNING.min_contended_round_trips * state.rtt
        )
        return max(
            min(TUNING.min_contended_requests, TUNING.max_probe_wait * rate), state.peers * wait * rate
        )
    least = min(TUNING.least_interval * full_interval(state), TUNING.least_requests)
    count = min(full_interval(state), max(least, rate * state.measured_for))
    # All probe at once as long as they know no more than an earlier run did: what it learnt may be far too low by now.
    peers = state.peers if _measured_here(state) else 1
    return max(min(TUNING.min_probe_requests, TUNING.max_probe_wait * rate), peers * count)


def _measured_here(state: PaceState) -> bool:
    """Whether more is known than what was learnt by an earlier run or another process."""
    return state.measured_for * state.rate > 1.01 * TUNING.least_interval * full_interval(state)


def probe_gain(state: PaceState) -> float:
    """Gain of a probe: half a request more in a round trip, between 1.1 and 1.5."""
    return 1 + min(0.5, max(0.1, 0.55 / max(1e-9, state.rate * state.rtt)))
