"""``objlib doctor``."""

import os
from dataclasses import replace
from functools import partial

from objlib.cli.config import load_settings
from objlib.cli.options import Common
from objlib.core.config.resolve import unknown_variables
from objlib.core.errors import Exit
from objlib.core.reports.status import Check, Health


def doctor(*, options: Common = None) -> int:
    """Check what is configured, reachable and writable, and say what to do about what is not."""
    settings = load_settings(options)
    from objlib.cli.render.doctor import doctor_lines
    from objlib.cli.runner import run_without_app, show
    from objlib.engine.doctor import doctor as engine_doctor

    checks = [*run_without_app(settings, partial(engine_doctor, settings)), *misspelt_variables()]
    healthy = not any(check.health is Health.PROBLEM for check in checks)
    # A problem is what a quiet doctor is asked for.
    settings = replace(settings, quiet=settings.quiet and healthy)
    show(settings, "doctor", {"healthy": healthy, "checks": checks}, partial(doctor_lines, checks))
    return Exit.OK if healthy else Exit.FATAL


def misspelt_variables() -> list[Check]:
    """A warning for each variable that looks like ours and that nothing reads."""
    return [
        Check(
            "environment",
            Health.WARNING,
            f"{name} is not a variable of objlib and has no effect",
            f"did you mean {closest}?" if closest else "see docs/cli.md for the variables there are",
        )
        for name, closest in unknown_variables(os.environ)
    ]
