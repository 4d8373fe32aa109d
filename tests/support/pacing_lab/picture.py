"""A picture of one run as SVG: what was allowed, sent and served in each second."""

from collections.abc import Callable, Sequence

WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 900, 260, 50, 30, 30


def draw(title: str, seconds: float, lines: Sequence[tuple[str, str, Callable[[float], float]]]) -> str:
    """An SVG of several lines over time; each is (name, colour, requests per second at a time)."""
    step = max(1.0, seconds / 300)
    times = [step * n for n in range(int(seconds / step))]
    most = max(max(value(at) for at in times) for _, _, value in lines) * 1.1 or 1.0

    def x(at: float) -> float:
        return LEFT + at / seconds * (WIDTH - LEFT - 10)

    def y(value: float) -> float:
        return TOP + (1 - value / most) * (HEIGHT - TOP - BOTTOM)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
        f'font-size="12"><rect width="100%" height="100%" fill="white"/><text x="{LEFT}" y="18">{title}</text>'
    ]
    for n in range(5):
        level = most * n / 4
        parts.append(
            f'<line x1="{LEFT}" x2="{WIDTH - 10}" y1="{y(level):.1f}" y2="{y(level):.1f}" stroke="#ddd"/>'
            f'<text x="{LEFT - 6}" y="{y(level) + 4:.1f}" text-anchor="end">{level:.3g}</text>'
            f'<text x="{x(seconds * n / 4):.1f}" y="{HEIGHT - 10}">{seconds * n / 4:.0f} s</text>'
        )
    for index, (name, colour, value) in enumerate(lines):
        points = " ".join(f"{x(at):.1f},{y(value(at)):.1f}" for at in times)
        parts.append(
            f'<polyline fill="none" stroke="{colour}" stroke-width="1.5" points="{points}"/>'
            f'<text x="{WIDTH - 330 + 110 * index}" y="18" fill="{colour}">{name}</text>'
        )
    return "".join([*parts, "</svg>\n"])
