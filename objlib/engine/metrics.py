"""The numbers for a monitor."""

import json

from objlib.core.config.settings import Backend
from objlib.core.errors import ObjlibError
from objlib.core.lifecycle.drift import INFORMATION, REPAIRABLE
from objlib.core.reports.metrics import MetricsReport
from objlib.core.reports.upload import VectorReport
from objlib.engine.app import App
from objlib.engine.bootstrap.open_app import Command
from objlib.engine.requests.governor import Purpose
from objlib.engine.run_list import list_runs
from objlib.engine.sessions import OpenApps
from objlib.engine.status import status
from objlib.ledger import DRIFT_KEY


async def measure(apps: OpenApps, look: Command, search: Command) -> MetricsReport:
    """Read what a monitor wants to know. No request leaves for it.

    Args:
        apps: the open applications.
        look: the command that needs only the ledger.
        search: the one that searches. It is opened for an embedded store alone.
    """
    app = await apps.share(look)
    ledger = app.ledger
    backlog = await ledger.files.backlog()
    deletions = await ledger.intents.page(limit=1)
    drift = json.loads(await ledger.settings.get(DRIFT_KEY) or "{}")
    kinds = {str(kind): 0 for kind in sorted(REPAIRABLE - INFORMATION)} if drift else {}
    return MetricsReport(
        status=await status(app),
        runs=await list_runs(app),
        totals=await ledger.totals.read(),
        bytes={str(state): each.size for state, each in backlog.items()},
        oldest={str(state): each.oldest for state, each in backlog.items()},
        oldest_deletion=deletions[0].created_at if deletions else None,
        compared=drift.get("at"),
        drift=kinds | drift.get("kinds", {}),
        vectors=await _vectors(apps, app, search),
        searches=_searches(apps.shared(search)),
    )


async def _vectors(apps: OpenApps, app: App, search: Command) -> VectorReport | None:
    """The passages of an embedded store; None before the first upload made it, and where it cannot be read."""
    if app.settings.backend is not Backend.EMBEDDED:
        return None
    try:
        service = (await apps.share(search)).service
    except ObjlibError:
        return None
    return None if service is None else await service.vectors()


def _searches(app: App | None) -> dict[str, float]:
    if app is None:
        return {}
    of_questions = f"request_seconds {Purpose.ASK} "
    return {
        key: value for key, value in app.governor.tally.totals.numbers.items() if key.startswith(of_questions)
    }
