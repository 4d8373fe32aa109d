"""How a pass over the store tells of an answer about the whole run: as it happens, and in its report."""

from objlib.core.events import EventKind
from objlib.core.stop_reason import StopReason
from objlib.engine.app import App


def ending(app: App) -> tuple[StopReason, str]:
    """Why nothing more is sent, and what to do about it; nothing, twice, while nothing is wrong."""
    error = app.patience.ended
    if error is None:
        return StopReason.NONE, ""
    why, advice = error.kind.stop_reason, str(error)
    app.observer.event(EventKind.STOPPING, reason=why, advice=advice)
    return why, advice
