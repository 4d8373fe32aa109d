"""Failed files, grouped by reason, so that one cause is printed once."""

from collections.abc import Iterable, Sequence

from objlib.cli.console.terminal import Terminal, more, safe, wrap
from objlib.core.advice import advise
from objlib.core.counting import plural
from objlib.core.reports.failed_files import UNREADABLE, FailedFile

SHOWN_FILES = 5
"""Files named under one reason; the rest is a number."""


def skip_lines(skips: Sequence[FailedFile], total: int, screen: Terminal) -> list[str]:
    """The files that no store takes, and why; ``skips`` are the first of ``total``."""
    if not total:
        return []
    lines = [screen.dim(f"{plural(total, 'file')} skipped:"), *failure_lines(skips, screen)]
    return lines + more(total - len(skips), "file")


def failure_lines(failures: Iterable[FailedFile], screen: Terminal) -> list[str]:
    """Each reason with the files it stopped, the most frequent first."""
    groups: dict[tuple[str, bool], list[str]] = {}
    for failed in failures:
        reason = failed.error.replace(failed.path, "it") if failed.error else "no reason was recorded"
        groups.setdefault((reason, failed.retryable and failed.state != UNREADABLE), []).append(failed.path)
    lines: list[str] = []
    for (reason, retryable), paths in sorted(groups.items(), key=lambda group: (-len(group[1]), group[0])):
        lines += [f"  {line}" for line in wrap(safe(reason), screen.width - 2)]
        lines += [f"    {screen.cyan(safe(path))}" for path in sorted(paths)[:SHOWN_FILES]]
        if len(paths) > SHOWN_FILES:
            lines.append(f"    and {plural(len(paths) - SHOWN_FILES, 'more file')}")
        if retryable:
            lines.append(screen.dim(f"    may work on another try: {advise('upload --retry-failed')}"))
    return lines
