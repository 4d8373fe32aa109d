"""The controller that measures: quotas by their refusals, faults by experiment."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from objlib.core.pacing import faults, rate_control
from objlib.core.pacing.faults import FaultMode, FaultMonitor, Observation, Verdict
from objlib.core.pacing.state import PaceState, PacingPhase, full_interval, probe_gain, send_rate
from objlib.core.pacing.tuning import TUNING


@dataclass(frozen=True, slots=True)
class MeasuredController:
    """See :class:`objlib.core.pacing.controller.Controller`.

    Attributes:
        pace: what is known about the quota.
        faults: what is known about faults.
    """

    pace: PaceState
    faults: FaultMonitor = field(default_factory=FaultMonitor)

    @property
    def rate(self) -> float | None:
        """See :class:`Controller`."""
        return self.pace.rate if self.pace.limited else None

    @property
    def send_rate(self) -> float | None:
        """See :class:`Controller`."""
        return self.pace.rate * self.pace.gain if self.pace.limited else None

    @property
    def achieved_rate(self) -> float | None:
        """See :class:`Controller`."""
        return self.pace.achieved_rate if self.pace.limited else None

    @property
    def gate(self) -> float:
        """See :class:`Controller`."""
        return self.pace.gate

    def tokens(self, now: float) -> int:
        """Tokens for the limiter: none while the gate is closed, else at least one.

        An overloaded service gets what its rate keeps in flight, and one request at a time in an outage.
        """
        total = rate_control.tokens(self.pace, now)
        if self.faults.congested and self.pace.limited:
            total = min(total, max(2, round(send_rate(self.pace) * self.pace.rtt + 0.25)))
        if self.faults.mode is FaultMode.OUTAGE:
            return min(total, 1)
        return total and max(1, total - self.faults.deficit)

    def departure(self, now: float) -> float:
        """See :class:`Controller`."""
        return max(rate_control.departure(self.pace, now), faults.departure(self.faults, now))

    def departed(self, now: float) -> "MeasuredController":
        """See :class:`Controller`."""
        return MeasuredController(rate_control.departed(self.pace, now), faults.departed(self.faults, now))

    def throttled(
        self, *, started: float, now: float, retry_after: float | None, in_use: int
    ) -> "MeasuredController":
        """See :class:`Controller`."""
        pace = rate_control.throttled(
            self.pace, started=started, now=now, retry_after=retry_after, in_use=in_use
        )
        changed = pace.throttled_at != self.pace.throttled_at
        return MeasuredController(pace, faults.restarted(self.faults, now) if changed else self.faults)

    def succeeded(self, *, started: float, now: float, in_use: int) -> "MeasuredController":
        """See :class:`Controller`."""
        return self._answered(started=started, now=now, in_use=in_use, fault=False)

    def failed(self, *, started: float, now: float, in_use: int) -> "MeasuredController":
        """See :class:`Controller`. A fault is an answer like any other until an experiment shows congestion."""
        return self._answered(started=started, now=now, in_use=in_use, fault=True)

    def shared(self, rates: Sequence[float], now: float) -> "MeasuredController":
        """See :class:`Controller`."""
        return replace(self, pace=rate_control.shared(self.pace, rates, now))

    def _answered(self, *, started: float, now: float, in_use: int, fault: bool) -> "MeasuredController":
        pace = self.pace
        calm = not pace.limited or pace.phase in {PacingPhase.CRUISE, PacingPhase.DRAIN}
        calm = calm and (started > pace.throttled_at or not self.faults.congested)
        interval = full_interval(pace) if pace.limited else 0.0
        answer = Observation(
            started, now, fault=fault, calm=calm, send_rate=send_rate(pace), interval=interval
        )
        monitor, verdict = faults.answered(self.faults, answer)
        if verdict is Verdict.REFUSED:
            refused = rate_control.throttled(pace, started=started, now=now, retry_after=None, in_use=in_use)
            return MeasuredController(refused, faults.restarted(monitor, now))
        if (
            monitor.mode is not FaultMode.CLEAR
        ):  # an experiment compares two speeds: no probe, no ramp meanwhile
            pace = pace._replace(busy=False)
        pace = rate_control.succeeded(pace, started=started, now=now, in_use=in_use)
        if verdict is Verdict.CONGESTION:
            rate = monitor.passed_rate / (1 - monitor.noise)
            if not pace.limited or rate < pace.rate:
                pace = _limited(pace, rate, now)
        sure = not pace.assessing and pace.measured_for > 1
        if (
            monitor.congested
            and pace.limited
            and sure
            and pace.rate > 0.8 * pace.ceiling / max(1e-3, pace.rtt)
        ):
            # All places are in use again and nothing is refused: the overload is over.
            monitor = monitor._replace(congested=False)
            pace = PaceState(ceiling=pace.ceiling, rtt=pace.rtt, window=float(pace.ceiling))
        return MeasuredController(pace, monitor)


def _limited(pace: PaceState, rate: float, now: float) -> PaceState:
    """Start at the rate that an overloaded service let through, and ramp up from there."""
    return pace._replace(
        rate=max(TUNING.min_rate, rate),
        measured_for=1.0,
        phase=PacingPhase.STARTUP,
        gain=probe_gain(pace),
        measured_since=now - 1,  # the bucket may hold something
        hint_until=now,
        admitted=0,
        saves=False,
        probe_since=now - 1,
        probe_admitted=0.0,
        throttled_at=now,
        last_departure=now,
        gated_for=0.0,
        assessing=False,
    )


def measured(ceiling: int) -> MeasuredController:
    """A controller that knows nothing yet."""
    return MeasuredController(PaceState(ceiling=ceiling, window=min(4.0, math.floor(ceiling))))
