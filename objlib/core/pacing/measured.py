"""The controller that measures: quota by refusals, faults by a sequential test."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from objlib.core.pacing import controller, faults
from objlib.core.pacing.faults import FaultMode, FaultMonitor, Verdict
from objlib.core.pacing.state import (
    LOW_CONFIDENCE,
    Assessment,
    PaceState,
    PacingPhase,
    probe_gain,
    send_rate,
)


@dataclass(frozen=True, slots=True)
class Measured:
    """See :class:`Controller`."""

    pace: PaceState
    faults: FaultMonitor = field(default_factory=FaultMonitor)

    def tokens(self, now: float) -> int:
        total = controller.tokens(self.pace, now)
        if self.faults.congested and self.pace.limited:
            total = min(total, max(2, round(send_rate(self.pace) * self.pace.rtt + 0.25)))
        if self.faults.mode is FaultMode.OUTAGE:
            return min(total, 1)
        return total and max(1, total - self.faults.deficit)

    def departure(self, now: float) -> float:
        return max(controller.departure(self.pace, now), faults.departure(self.faults, now))

    def departed(self, now: float) -> "Measured":
        return Measured(controller.departed(self.pace, now), faults.departed(self.faults, now))

    def throttled(self, *, started: float, now: float, retry_after: float | None, in_use: int) -> "Measured":
        pace = controller.throttled(
            self.pace, started=started, now=now, retry_after=retry_after, in_use=in_use
        )
        monitor = (
            faults.throttled(self.faults, now) if pace.throttled_at != self.pace.throttled_at else self.faults
        )
        return Measured(pace, monitor)

    def succeeded(self, *, started: float, now: float, in_use: int) -> "Measured":
        return self._answered(started=started, now=now, in_use=in_use, fault=False)

    def failed(self, *, started: float, now: float, in_use: int) -> "Measured":
        return self._answered(started=started, now=now, in_use=in_use, fault=True)

    def shared(self, rates: Sequence[float], now: float) -> "Measured":
        return Measured(controller.shared(self.pace, rates, now), self.faults)

    def _answered(self, *, started: float, now: float, in_use: int, fault: bool) -> "Measured":
        calm = not self.pace.limited or self.pace.phase in (PacingPhase.CRUISE, PacingPhase.DRAIN)
        monitor, verdict = faults.answered(
            self.faults,
            started=started,
            now=now,
            fault=fault,
            counted=(calm and started > self.pace.throttled_at) or not self.faults.congested,
            speed=send_rate(self.pace),
        )
        pace = self.pace
        if verdict is Verdict.REFUSED:
            pace = controller.throttled(pace, started=started, now=now, retry_after=None, in_use=in_use)
            return Measured(pace, faults.throttled(monitor, now))
        pace = controller.succeeded(pace, started=started, now=now, in_use=in_use)
        if verdict is Verdict.CONGESTION:
            rate = monitor.passed_rate / (1 - monitor.noise)
            if not pace.limited or rate < pace.rate:
                pace = replace(
                    pace, rate=rate, measured_for=1.0, phase=PacingPhase.STARTUP, gain=probe_gain(pace),
                    confidence=LOW_CONFIDENCE, measured_since=now, hint_until=now, admitted=0, throttled_at=now,
                    last_departure=now, gated_for=0.0, assessment=Assessment.NOTHING,
                )  # fmt: skip
        if monitor.congested and pace.limited and pace.rate > 0.8 * pace.ceiling / max(1e-3, pace.rtt):
            monitor = replace(monitor, congested=False)
            pace = PaceState(ceiling=pace.ceiling, rtt=pace.rtt, window=float(pace.ceiling))
        return Measured(pace, monitor)
