"""Verdicts of the experiment about faults, on services with a share of faults that is known."""

import math
import random
from typing import Final

from objlib.core.pacing import faults
from objlib.core.pacing.faults import FaultMode, FaultMonitor, Observation, Verdict

SHARES: Final = (0.01, 0.03, 0.06, 0.12, 0.25)
"""Of random faults, which come at any speed: a verdict of congestion there is false."""


def experiment(share: float, low_share: float, seed: int, answers: int = 4000) -> list[Verdict]:
    """Verdicts on a service whose share of faults is lower at the speed of a test."""
    chance, monitor, verdicts = random.Random(seed), FaultMonitor(), []
    now = 0.0
    for _ in range(answers):
        now += 0.05
        slow = monitor.mode in {FaultMode.TEST, FaultMode.OUTAGE} or monitor.congested
        fault = chance.random() < (low_share if slow else share)
        answer = Observation(now - 0.02, now, fault=fault, calm=True, send_rate=math.inf)
        monitor, verdict = faults.answered(monitor, answer)
        verdicts.append(verdict)
    return verdicts


def false_verdicts(share: float, seeds: int) -> int:
    """Runs of that many seeds that take random faults for congestion."""
    return sum(Verdict.CONGESTION in experiment(share, share, seed) for seed in range(seeds))
