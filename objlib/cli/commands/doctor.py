"""``objlib doctor``."""

# The engine is loaded when a command runs, so that --help stays fast.

import os
from typing import Annotated

from cyclopts import Parameter

from objlib.cli.config import settle
from objlib.cli.console.output import print_lines, print_object
from objlib.cli.options import CommonOptions
from objlib.core.config.resolve import unknown_variables
from objlib.core.errors import Exit
from objlib.core.events import Observer
from objlib.core.reports.status import Check, Health


def doctor(*, options: Annotated[CommonOptions | None, Parameter(name="*")] = None) -> int:
    """Check what is configured, reachable and writable, and say what to do about what is not."""
    settings = settle(options)
    from objlib.cli.runner import run, screen
    from objlib.engine.doctor import doctor as engine_doctor

    async def work(observer: Observer) -> list[Check]:
        return await engine_doctor(settings, observer)

    checks = [*run(settings, work), *misspelt()]
    healthy = not any(check.health is Health.PROBLEM for check in checks)
    if settings.json:
        print_object("doctor", {"healthy": healthy, "checks": checks})
    elif not settings.quiet or not healthy:
        from objlib.cli.render.doctor import doctor_lines

        print_lines(doctor_lines(checks, screen()))
    return Exit.OK if healthy else Exit.FATAL


def misspelt() -> list[Check]:
    """A warning for each variable that looks like ours and is not read by anything."""
    return [
        Check(
            "environment",
            Health.WARNING,
            f"{name} is not a variable of objlib and has no effect",
            f"did you mean {closest}?" if closest else "see docs/cli.md for the variables there are",
        )
        for name, closest in unknown_variables(os.environ)
    ]
