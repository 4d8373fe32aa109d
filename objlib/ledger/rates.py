"""What processes on one ledger tell each other about the service's quota, in one setting.

Each writes its own line and reads the others' in the same transaction, so that none of them is ever lost. What all
of them had learnt together stays when they are gone: the next run starts there.
"""

import json
import sqlite3
from collections.abc import Mapping
from typing import Final

from objlib.core.identity import RunId
from objlib.ledger.settings import get_setting, set_setting

KEY: Final = "rates"
STALE: Final = 20.0
"""Seconds after which a process that said nothing counts as gone."""

Rates = dict[str, float]
"""Requests per second, by the name of what they are counted as."""


def exchange_rates(
    conn: sqlite3.Connection, *, run_id: RunId, rates: Mapping[str, float], now: float
) -> list[Rates]:
    """Publish what this run has learnt, and read what every living one has, this one last.

    A run that finds itself alone and has learnt nothing takes up what was learnt before it.
    """
    living, learnt = _read(conn)
    others = {name: line for name, line in living.items() if name != run_id and now - line["at"] < STALE}
    own = dict(rates)
    if not own and not others:
        own = learnt
    everyone = [_rates(line) for line in others.values()] + [own]
    _write(conn, {**others, run_id: {**own, "at": now}}, _sum(everyone) or learnt)
    return everyone


def leave_rates(conn: sqlite3.Connection, *, run_id: RunId, rates: Mapping[str, float], now: float) -> None:
    """The run is over: what it has learnt is kept, and its part of the quota is free."""
    if rates:
        exchange_rates(conn, run_id=run_id, rates=rates, now=now)
    living, learnt = _read(conn)
    if living.pop(run_id, None) is not None:
        _write(conn, living, learnt)


def learnt_rates(conn: sqlite3.Connection) -> Rates:
    """What was learnt last, by all processes together."""
    return _read(conn)[1]


def _read(conn: sqlite3.Connection) -> tuple[dict[str, Rates], Rates]:
    try:
        found = json.loads(get_setting(conn, KEY) or "{}")
        living = {str(name): _numbers(line) for name, line in dict(found.get("living", {})).items()}
        return {name: line for name, line in living.items() if "at" in line}, _numbers(
            found.get("learnt", {})
        )
    except (ValueError, TypeError, AttributeError):
        return {}, {}  # a note for speed only: what cannot be read is learnt anew


def _numbers(line: object) -> Rates:
    pairs = line.items() if isinstance(line, dict) else ()
    return {str(key): float(value) for key, value in pairs if isinstance(value, int | float) and value > 0}


def _rates(line: Rates) -> Rates:
    return {purpose: rate for purpose, rate in line.items() if purpose != "at"}


def _sum(everyone: list[Rates]) -> Rates:
    purposes = {purpose for rates in everyone for purpose in rates}
    return {purpose: sum(rates.get(purpose, 0.0) for rates in everyone) for purpose in sorted(purposes)}


def _write(conn: sqlite3.Connection, living: Mapping[str, Rates], learnt: Rates) -> None:
    set_setting(conn, KEY, json.dumps({"living": living, "learnt": learnt}))
