"""How a pass over the store tells of an answer about the whole run: as it happens, and in its report."""

from objlib.engine.app import App
from objlib.engine.upload.file_task import STOPS


def ending(app: App) -> tuple[str, str]:
    """Why nothing more is sent, and what to do about it; two empty strings while nothing is wrong."""
    error = app.patience.ended
    if error is None:
        return "", ""
    why, advice = STOPS[error.kind], str(error)
    app.observer.event("stopping", reason=why, advice=advice)
    return why, advice
