"""Checks that say what they saw, and the report that two harnesses print."""

import re
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

Seen = tuple[bool, str]
"""Whether a claim held, and the evidence with a measured number in it."""

PASSED: Final = "ALL CHECKS PASSED"
FAILED: Final = "FAILURES DETECTED"


@dataclass(frozen=True, slots=True)
class Check:
    """One claim and what was seen of it."""

    name: str
    passed: bool
    evidence: str

    def line(self) -> str:
        """Format for the user: one line, more where the evidence has more."""
        return f"  [{'PASS' if self.passed else 'FAIL'}] {self.name}: {self.evidence}"


@dataclass(slots=True)
class Report:
    """The findings of a harness, printed as they come, so that a run that hangs shows where."""

    checks: list[Check] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)

    def say(self, text: str = "") -> None:
        """Print a line and keep it."""
        self.lines.append(text)
        print(text, flush=True)

    def add(self, name: str, seen: Seen) -> None:
        """Add one check. A claim without evidence does not count as held."""
        passed, evidence = seen
        check = Check(name, passed and any(map(str.isdigit, evidence)), evidence or "no evidence")
        self.checks.append(check)
        self.say(check.line())

    async def run(self, name: str, check: Callable[[], Awaitable[Seen]]) -> None:
        """Run one check; an error that it did not expect is a failure."""
        try:
            seen = await check()
        except Exception as error:
            seen = False, f"raised {short_trace(error)}"
        self.add(name, seen)

    def close(self) -> int:
        """Print the last line; the exit code. No checks at all is a failure too."""
        bad = [check.name for check in self.checks if not check.passed]
        sound = bool(self.checks) and not bad
        self.say()
        self.say(f"{len(self.checks) - len(bad)} of {len(self.checks)} checks passed")
        for name in bad:
            self.say(f"  failed: {name}")
        self.say(PASSED if sound else FAILED)
        return 0 if sound else 1


def short_trace(error: BaseException) -> str:
    """The end of a traceback without any path of this machine, as it can stand in a document."""
    text = "".join(traceback.format_exception(error, limit=-4)).rstrip()
    return re.sub(r'File "[^"]*?((?:[^/\\"]+[/\\]){0,2}[^/\\"]+)"', r'File "\1"', text)
