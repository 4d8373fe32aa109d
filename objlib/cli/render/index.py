"""How far search by meaning is."""

from objlib.cli.console.terminal import Terminal, duration, safe, wrap
from objlib.cli.render.plan import NOTHING_DONE
from objlib.core.advice import advise
from objlib.core.counting import plural
from objlib.core.reports.upload import IndexReport, VectorReport


def index_lines(report: IndexReport, screen: Terminal) -> list[str]:
    """The result of ``objlib index``."""
    vectors = report.vectors
    if report.dry_run:
        rest = vectors.total - vectors.done
        lines = [f"Plan: {plural(rest, 'passage')} to prepare." if rest else "Plan: nothing to do."]
        return [
            *lines,
            *([] if vectors.available else vector_lines(vectors, screen)),
            screen.dim(NOTHING_DONE),
        ]
    if not vectors.available or vectors.done < vectors.total:
        return vector_lines(vectors, screen)
    if not vectors.total:
        return [f"Nothing to do: {safe(vectors.reason) or 'the store has no passages yet'}."]
    mark = screen.green(screen.sign("✓", "ok:"))
    made = f"{plural(report.made, 'passage')} in {duration(report.seconds)}; " if report.made else ""
    return [f"{mark} {made}search by meaning covers all {plural(vectors.total, 'passage')}."]


def index_problems(report: IndexReport) -> str:
    """The line of a quiet call after which something is left to do; empty otherwise."""
    vectors = report.vectors
    if not vectors.available:
        return vectors.reason
    return _rest(vectors) if vectors.done < vectors.total else ""


def vector_lines(report: VectorReport | None, screen: Terminal) -> list[str]:
    """The gap in search by meaning, and the way to close it; nothing where it is complete."""
    if report is None or (report.available and report.done >= report.total):
        return []
    text = _rest(report) if report.available else f"search works by words only: {safe(report.reason)}"
    return [screen.dim(line) for line in wrap(text, screen.width)]


def _rest(report: VectorReport) -> str:
    left = report.seconds_left
    time = "" if left is None else f" in about {duration(left) if left >= 60 else f'{max(1, round(left))} s'}"
    return (
        f"search by meaning covers {report.done:,} of {plural(report.total, 'passage')} so far "
        f"(by words all of them); `{advise('index')}` does the rest{time}"
    )
