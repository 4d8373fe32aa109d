"""A picture of a run over time: requests per second as an area, throttled requests as bars."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from objlib.core.reports.runs import RunSample

SPAN: Final = 600.0
"""Seconds that the picture covers, up to now."""
WIDTH: Final = 600
"""Width of the picture in its own units: one for each second."""
HEIGHT: Final = 120
"""Height of the picture in its own units."""


@dataclass(frozen=True, slots=True)
class Chart:
    """A picture in the units of its own view.

    Attributes:
        area: the path of the requests per second.
        bars: (x, width, height) of the throttled requests of each interval that had some.
        peak: requests per second at the top.
        throttled: requests that were throttled in the whole span.
        span: seconds from its left edge to now.
    """

    area: str
    bars: tuple[tuple[float, float, float], ...]
    peak: float
    throttled: int
    span: float


def chart_of(samples: Sequence[RunSample], now: float) -> Chart | None:
    """The picture of the last minutes; None before there are two samples, or where nothing was sent."""
    recent = [sample for sample in samples if now - SPAN <= sample.at <= now]
    pairs = [(a, b) for a, b in pairwise(recent) if b.at > a.at]
    if not pairs:
        return None
    rates = [max(0, b.progress.requests - a.progress.requests) / (b.at - a.at) for a, b in pairs]
    refused = [max(0, b.progress.throttled - a.progress.throttled) for a, b in pairs]
    peak = max(rates)
    if peak <= 0:
        return None
    start = pairs[0][0].at
    span = max(now - start, 1.0)
    scale = WIDTH / span
    points = []
    for (a, b), rate in zip(pairs, rates, strict=True):
        y = HEIGHT - rate / peak * (HEIGHT - 6)
        points += [f"{(a.at - start) * scale:.1f},{y:.1f}", f"{(b.at - start) * scale:.1f},{y:.1f}"]
    end = (pairs[-1][1].at - start) * scale
    bars = tuple(
        ((a.at - start) * scale, (b.at - a.at) * scale, min(1.0, count / max(refused)) * HEIGHT / 2)
        for (a, b), count in zip(pairs, refused, strict=True)
        if count
    )
    area = f"M0,{HEIGHT} L{' '.join(points)} L{end:.1f},{HEIGHT} Z"
    return Chart(area, bars, peak, sum(refused), span)
