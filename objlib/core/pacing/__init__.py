"""How fast to send: rate control, the window of pending documents, backoff and quotas, as arithmetic."""

from collections.abc import Callable, Mapping
from typing import Final

from objlib.core.pacing.aimd import PacedAimd
from objlib.core.pacing.controller import Controller
from objlib.core.pacing.measured import MeasuredController, measured
from objlib.core.pacing.tuning import Tuning

CONTROLLERS: Final[Mapping[str, Callable[[int], Controller]]] = {"measured": measured, "aimd": PacedAimd}
"""Controllers by the names that the setting ``pacing`` has; each takes the requests in flight at most."""

__all__ = ["CONTROLLERS", "Controller", "MeasuredController", "PacedAimd", "Tuning"]
