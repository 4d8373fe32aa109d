"""Pictures of measurements: horizontal bars, ours in colour, in the colours of a light or a dark page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import escape

_LINE: Final = 24
_NAMES: Final = 250
_BARS: Final = 360
_WIDTH: Final = 760
_STYLE: Final = (
    "<style>text{font:13px system-ui,sans-serif;fill:#222}.title{font-weight:600}.unit{fill:#666}"
    "rect{fill:#b8bcc4}.ours{fill:#2f6fdd}"
    "@media(prefers-color-scheme:dark){text{fill:#ddd}.unit{fill:#999}rect{fill:#5a606b}.ours{fill:#6ea0ff}}</style>"
)


@dataclass(frozen=True, slots=True)
class Chart:
    """One group of bars: its title, what a bar measures, the bars by name, and which of them are peers of ours."""

    title: str
    unit: str
    bars: Mapping[str, float]
    peers: frozenset[str]


def draw(charts: Sequence[Chart]) -> str:
    """The charts below one another, each with a scale of its own, as SVG."""
    parts, y = [], 8
    for chart in charts:
        y += _LINE
        parts.append(
            f'<text class="title" x="8" y="{y}">{escape(chart.title)}</text>'
            f'<text class="unit" x="8" y="{y + 18}">{escape(chart.unit)}</text>'
        )
        y += 28
        largest = max(chart.bars.values()) or 1.0
        for name, value in chart.bars.items():
            width = _BARS * value / largest
            kind = "" if name in chart.peers else ' class="ours"'
            parts.append(
                f'<text x="{_NAMES - 8}" y="{y + 15}" text-anchor="end">{escape(name)}</text>'
                f'<rect{kind} x="{_NAMES}" y="{y + 3}" width="{width:.1f}" height="{_LINE - 8}" rx="2"/>'
                f'<text x="{_NAMES + width + 6:.1f}" y="{y + 15}">{_number(value)}</text>'
            )
            y += _LINE
    size = f'width="{_WIDTH}" height="{y + 12}" viewBox="0 0 {_WIDTH} {y + 12}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{_STYLE}{"".join(parts)}</svg>\n'


def _number(value: float) -> str:
    """A value with three digits that count."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}" if value >= 1 else f"{value:.3f}"
