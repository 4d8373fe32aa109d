"""The constants of the controller, in one place."""

from dataclasses import dataclass, field
from typing import Any, Final


def constant(default: float, unit: str, low: float, high: float, source: str) -> Any:
    """Declare a constant with its unit, its sensible range, and the source of its value."""
    return field(default=default, metadata={"unit": unit, "range": (low, high), "source": source})


@dataclass(frozen=True, slots=True)
class Tuning:
    """Constants of the controller.

    A source ``bench: NAME`` means rows of ``just bench pacing`` that are best near this value.
    """

    startup_growth: float = constant(0.5, "requests", 0.1, 1, "bench: no quota")
    """Requests that each success adds to the window while no limit is known: half a window in a round trip."""

    drain_gain: float = constant(1.2, "of the rate", 1.05, 1.5, "bench: steady")
    """Gain at which saved credit is spent."""

    ramp_growth: float = constant(1.7, "per round trip", 1.2, 2.9, "BBR's startup doubles (2.89)")
    """Factor by which a ramp's excess over the rate grows in each round trip."""

    min_ramp_rtt: float = constant(0.7, "s", 0.1, 1, "bench: rise")
    """Shortest round trip (s) assumed for the growth of a ramp: a bucket of one second hides faster growth."""

    min_epoch: float = constant(0.25, "s", 0.05, 0.5, "bench: drop, latency 0.05 s")
    """Shortest throttling epoch (s): on a quick link, refusals of one burst arrive over several round trips."""

    epoch_round_trips: float = constant(1.25, "round trips", 1, 2, "jitter of a round trip")
    """Round trips after a throttling until the answers to all that was in flight are in."""

    quiet_share: float = constant(0.5, "of the burst", 0.2, 1, "bench: steady")
    """Share of the burst that may be saved while the answers in flight arrive: the bucket keeps it."""

    search_ratio: float = constant(2.75, "ratio", 2, 4, "bench: cold start, strangers")
    """Ratio of the highest to the lowest rate that a first throttling allows, above which the search goes on."""

    window_waste: float = constant(0.018, "of the window", 0.005, 0.03, "bench: fixed minute")
    """Share of a window's requests that may be refused at its end: the first refusal, and what is in flight then."""

    min_duration: float = constant(0.001, "s", 0.0001, 0.01, "timer resolution")
    """Shortest duration (s) counted for a request; keeps divisions finite."""

    certainty: float = constant(2.0, "errors", 1, 3, "two standard errors")
    """Errors of a count by which it must miss the rate before the quota dropped: a wrong drop costs seconds."""

    cruise_gain: float = constant(0.975, "of the rate", 0.95, 1, "bench: steady")
    """Gain while the credit is below the reserve."""

    reserve_seconds: float = constant(0.4, "s", 0.1, 0.8, "bench: steady")
    """Seconds' worth of the rate kept as credit: the error of a measurement."""

    least_interval: float = constant(0.25, "of the interval", 0.1, 0.5, "bench: 429s count, rise")
    """Shortest probe interval as a share of the full one, however short the rate was measured."""

    least_requests: float = constant(100.0, "requests", 50, 200, "1 % refused")
    """Shortest probe interval in requests, whatever the full one."""

    max_cut: float = constant(0.5, "of the rate", 0.3, 0.8, "TCP halves (RFC 5681)")
    """Smallest share of the rate that one throttling leaves; also the gain until the answers in flight are in."""

    min_probe_requests: float = constant(14.0, "requests", 5, 30, "bench: rise 0.4/s")
    """Admitted requests between two probes at least: each probe costs one refusal."""

    probe_requests: float = constant(160.0, "requests", 100, 300, "1 % refused, with a margin")
    """Admitted requests between two probes of a service of 1/s; a fifth at 0.5/s, where a rise took minutes."""

    probe_seconds: float = constant(5.5, "s", 2, 10, "bench: rise")
    """Seconds between two probes of a service of 1/s if refusals were free; a quicker service can wait longer."""

    max_probe_seconds: float = constant(33.0, "s", 10, 60, "bench: rise")
    """Upper bound of `probe_seconds` for quick services."""

    probe_cost_factor: float = constant(50.0, "ratio", 20, 100, "1 % of the time idle, twice over")
    """Ratio of the time between two probes to the time for which a probe leaves the service idle."""

    min_rate: float = constant(1 / 12, "requests/s", 0.02, 0.5, "bench: killed processes")
    """Requests per second that are always tried.

    Slower quotas give a Retry-After, and the gate holds those. Refusals by overload give none: a rate lost to them has
    to come back within a run.
    """

    max_probe_wait: float = constant(60.0, "s", 30, 120, "bench: rise 0.4/s")
    """Upper bound of the probe interval in seconds where few requests are admitted: a slow rate would delay a rise."""

    contended_share: float = constant(0.7, "of the seconds", 0.4, 1, "bench: strangers")
    """Share of `probe_seconds` between two probes beside other clients: a small share grows within a minute."""

    min_contended_requests: float = constant(6.0, "requests", 3, 14, "5 % refused")
    """Admitted requests between two probes beside other clients; the bar for several processes is 5 % refused."""

    min_contended_round_trips: float = constant(5.0, "round trips", 2, 10, "bench: strangers")
    """Round trips between two probes beside other clients: the answers to the last probe must be in."""

    noise_floor: float = constant(0.005, "of the requests", 0.001, 0.02, "a good service answers 99.5 %")
    """Share of faults assumed of any service."""

    noise_memory: float = constant(1000.0, "requests", 100, 3000, "bench: faults; bench --drawn")
    """Requests that the noise estimate remembers."""

    alarm: float = constant(7.0, "log odds", 4, 9, "1000 to 1; bench --drawn")
    """CUSUM at which faults start an experiment, and log odds that show congestion.

    A wrong verdict of congestion costs more than a wrong verdict of noise, hence more than `sure`.
    """

    sure: float = constant(3.0, "log odds", 2, 5, "20 to 1")
    """Log odds that show noise, or a refusal where a limit is known."""

    expected_faults: float = constant(0.15, "of the requests", 0.05, 0.5, "bench: faults")
    """Least share of faults, beyond twice the noise, that the CUSUM looks for."""

    test_gain: float = constant(0.7, "of the throughput", 0.5, 0.9, "bench: overload")
    """Speed of the test, as a share of what passed before: far enough below to make a difference."""

    min_measure: float = constant(16, "answers", 8, 40, "bench: faults 25 %")
    """Answers before a test may start if about half are faults; an alarm's own sample is biased."""

    full_measure: float = constant(40, "answers", 20, 100, "bench: faults 6 %")
    """Answers before a test may start otherwise."""

    outage_odds: float = constant(1e-8, "probability", 1e-12, 0.0001, "once in a hundred million answers")
    """Probability of a run of faults below which noise cannot be its cause."""

    assumed_noise: float = constant(0.25, "of the requests", 0.1, 0.5, "the worst service that is no outage")
    """Share of faults that a run is judged by while less noise is known."""

    outage_probe: float = constant(3.0, "s", 1, 10, "20 requests in 30 s, with those in flight")
    """Seconds between two requests in an outage."""


TUNING: Final = Tuning()
"""The values in use."""
