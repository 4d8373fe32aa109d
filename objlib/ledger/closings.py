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
_SOUND: Final = (("pause", "until"), ("pause", "for"), ("pause", "number"), ("end", "number"))


class ClosingTable(Table):
    """The last answers that concern every run, numbered in their order.

    A run heeds each once, by its number and not by its time: the clock of a file's ledger may be set back, and then
    what is over long ago would seem to be told just now, again and again.
    """

    @stamped
    def record(conn: LedgerConnection, now: float, run_id: RunId, closing: Closing) -> None:
        """Let the other runs know what this one was told just now."""
        said = _read(conn)
        number, left = _last(said) + 1, _left(said, now)
        if closing.pause > left:
            said["pause"] = {"number": number, "until": now + closing.pause, "for": closing.pause}
        if closing.kind:
            said["end"] = {"number": number, "kind": closing.kind, "message": closing.message}
        if closing.kind or closing.pause > left:
            SettingTable.set(conn, CLOSINGS_KEY, json.dumps(said))
            conn.dialect.tell(conn, CHANNEL)

    @query
    def read(conn: LedgerConnection, now: float, after: int) -> tuple[Closing, int]:
        """The words after number ``after`` that are to be heeded at ``now``, and the number of the last."""
        said = _read(conn)
        pause, end = (_part(said, part, after) for part in ("pause", "end"))
        closing = Closing(
            _left(said, now) if pause else 0.0, str(end.get("kind", "")), str(end.get("message", ""))
        )
        return closing, _last(said)


def _read(conn: LedgerConnection) -> dict[str, Any]:
    try:
        said = dict(json.loads(SettingTable.get(conn, CLOSINGS_KEY) or "{}"))
        sound = all(math.isfinite(float(said[part][key])) for part, key in _SOUND if part in said)
    except (ValueError, TypeError, KeyError):
        return {}  # it only saves requests: the next answer says it again
    return said if sound else {}


def _part(said: dict[str, Any], part: str, after: int) -> dict[str, Any]:
    there: dict[str, Any] = said.get(part, {"number": 0})
    return there if there["number"] > after else {}


def _last(said: dict[str, Any]) -> int:
    return max((int(part["number"]) for part in said.values()), default=0)


def _left(said: dict[str, Any], now: float) -> float:
    """Seconds that are left of the pause; never more than it had, also where the clock was set back."""
    pause = said.get("pause", {"until": -math.inf, "for": 0.0})
    return max(0.0, min(float(pause["until"]) - now, float(pause["for"])))
