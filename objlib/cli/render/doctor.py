"""The checks of doctor: a sign, the thing that was checked, how it is, and what to do."""

from collections.abc import Sequence

from objlib.cli.console.terminal import Terminal, columns, safe, wrap
from objlib.core.counting import plural
from objlib.core.reports.status import Check, Health


def doctor_lines(checks: Sequence[Check], screen: Terminal) -> list[str]:
    """One line for each check, advice below it."""
    signs = {
        Health.OK: screen.green(screen.sign("✓", "ok")),
        Health.WARNING: screen.yellow(screen.sign("!", "! ")),
        Health.PROBLEM: screen.red(screen.sign("✗", "X ")),
    }
    margin = max((columns(check.name) for check in checks), default=0)
    indent = " " * (margin + (5 if screen.unicode else 6))
    lines: list[str] = []
    for check in checks:
        name = safe(check.name) + " " * (margin - columns(check.name))
        first, *rest = wrap(safe(check.found), max(30, screen.width - len(indent))) or [""]
        lines.append(f"{signs[check.health]} {screen.bold(name)}  {first}".rstrip())
        lines += [f"{indent[:-1]}{line}" for line in rest]
        if check.advice:
            advice = wrap(safe(check.advice), max(30, screen.width - len(indent) - 2))
            lines += [f"{indent[:-1]}{screen.dim(line)}" for line in advice]
    lines.append(_verdict(checks, screen))
    return lines


def _verdict(checks: Sequence[Check], screen: Terminal) -> str:
    problems = sum(check.health is Health.PROBLEM for check in checks)
    warnings = sum(check.health is Health.WARNING for check in checks)
    if problems:
        return screen.red(
            f"{plural(problems, 'problem')} to solve"
            + (f", {plural(warnings, 'warning')}" if warnings else "")
        )
    if warnings:
        return screen.yellow(f"ready, with {plural(warnings, 'warning')}")
    return screen.green("all is well")
