"""Answers that concern every run on a ledger: a pause that the service asked for, a daily quota, a full store.

The run that got one writes it down, and the others read it: at once where the database tells them, else with their
next heartbeat.
"""

import json
import math
from typing import Any, Final

from objlib.core.ids import RunId
from objlib.core.pacing.closing import Closing
from objlib.ledger.database import CHANNEL, LedgerConnection
from objlib.ledger.settings import SettingTable
from objlib.ledger.table import Table, query, stamped

CLOSINGS_KEY: Final = "closings"
"""Setting that keeps the last pause, and the last answer after which nothing more is taken in."""
_NUMBERS: Final = (("pause", "until"), ("pause", "for"), ("end", "at"))


class ClosingTable(Table):
    """The last answers that concern every run."""

    @stamped
    def record(conn: LedgerConnection, now: float, run_id: RunId, closing: Closing) -> None:
        """Let the other runs know what this one was told just now."""
        said = _read(conn)
        left = _left(said, now)
        if closing.pause > left:
            said["pause"] = {"until": now + closing.pause, "for": closing.pause}
        if closing.kind:
            said["end"] = {"at": now, "kind": closing.kind, "message": closing.message}
        if closing.kind or closing.pause > left:
            SettingTable.set(conn, CLOSINGS_KEY, json.dumps(said))
            conn.dialect.tell(conn, CHANNEL)

    @query
    def read(conn: LedgerConnection, now: float, began: float) -> Closing:
        """The closing at ``now`` for a run that began at ``began`` (Unix seconds).

        It tries for itself what an earlier run was refused for good.
        """
        said = _read(conn)
        end = said.get("end", {})
        if not end or not began <= float(end["at"]) <= now:
            return Closing(_left(said, now))
        return Closing(_left(said, now), str(end["kind"]), str(end["message"]))


def _read(conn: LedgerConnection) -> dict[str, Any]:
    try:
        said = dict(json.loads(SettingTable.get(conn, CLOSINGS_KEY) or "{}"))
        sound = all(math.isfinite(float(said[part][key])) for part, key in _NUMBERS if part in said)
    except (ValueError, TypeError, KeyError):
        return {}  # it only saves requests: the next answer says it again
    return said if sound else {}


def _left(said: dict[str, Any], now: float) -> float:
    """Seconds that are left of the pause; never more than it had, also where the clock was set back."""
    pause = said.get("pause", {"until": -math.inf, "for": 0.0})
    return max(0.0, min(float(pause["until"]) - now, float(pause["for"])))
