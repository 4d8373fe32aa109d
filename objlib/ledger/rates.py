"""What processes on one ledger tell each other about the service's quota, in one setting.

Each writes its own line and reads the others' in the same transaction, so that none of them is ever lost. What all
of them had learnt together stays when they are gone: the next run starts there.
"""

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Final

from objlib.core.identity import RunId
from objlib.ledger.settings import get_setting, set_setting

KEY: Final = "rates"
STALE: Final = 12.5
"""Seconds after which a process that said nothing counts as gone: two beats of its heart and a half."""
LONG_AGO: Final = 60.0
"""Seconds after which nobody takes its part: it is worth no more, and after a sleep of the machine all seem gone."""
LARGEST: Final = 1e12
"""No number in the note is as large, neither a rate nor a moment; what is was not written by this."""

Rates = dict[str, float]
"""Requests per second, by the name of what they are counted as."""


def exchange_rates(
    conn: sqlite3.Connection, *, run_id: RunId, rates: Mapping[str, float], now: float
) -> list[Rates]:
    """Publish what this run has learnt, and read what every living one has, this one last.

    A run that finds itself alone and has learnt nothing takes up what was learnt before it. One that is not takes up
    the part of one that has ended or died, and shares it with the others.
    """
    note = _read(conn)
    ages = {name: abs(now - line["at"]) for name, line in note.living.items() if name != run_id}
    others = {name: note.living[name] for name, age in ages.items() if age < STALE}
    died = [_rates(note.living[name]) for name, age in ages.items() if STALE <= age < LONG_AGO]
    own = _sum([dict(rates), note.left, *died])
    if not rates and not others:
        own = note.learnt
    everyone = [_rates(line) for line in others.values()] + [own]
    _write(conn, _Note({**others, run_id: {**own, "at": now}}, _sum(everyone) or note.learnt))
    return everyone


def leave_rates(conn: sqlite3.Connection, *, run_id: RunId, rates: Mapping[str, float], now: float) -> None:
    """The run is over: what it has learnt is kept, and its part of the quota is free for the others."""
    if rates:
        exchange_rates(conn, run_id=run_id, rates=rates, now=now)
    note = _read(conn)
    line = note.living.pop(run_id, None)
    if line is not None:
        left = _sum([note.left, _rates(line)]) if note.living else {}
        _write(conn, _Note(note.living, note.learnt, left))


def learnt_rates(conn: sqlite3.Connection) -> Rates:
    """What was learnt last, by all processes together."""
    return _read(conn).learnt


@dataclass(frozen=True, slots=True)
class _Note:
    """The setting.

    Attributes:
        living: what each process has learnt, and in ``at`` when it said so last.
        learnt: what all of them had together.
        left: the parts of those that ended while others were at work, until one of these takes them.
    """

    living: dict[str, Rates] = field(default_factory=dict)
    learnt: Rates = field(default_factory=dict)
    left: Rates = field(default_factory=dict)


def _read(conn: sqlite3.Connection) -> _Note:
    try:
        found = json.loads(get_setting(conn, KEY) or "{}")
        living = {str(name): _numbers(line) for name, line in dict(found.get("living", {})).items()}
        known = {name: line for name, line in living.items() if "at" in line}
        return _Note(known, _numbers(found.get("learnt", {})), _numbers(found.get("left", {})))
    except (ValueError, TypeError, AttributeError):
        return _Note()  # for speed only: what cannot be read is learnt anew


def _numbers(line: object) -> Rates:
    pairs = line.items() if isinstance(line, dict) else ()
    return {
        str(key): float(value)
        for key, value in pairs
        if isinstance(value, int | float) and 0 < value < LARGEST
    }


def _rates(line: Rates) -> Rates:
    return {purpose: rate for purpose, rate in line.items() if purpose != "at"}


def _sum(everyone: list[Rates]) -> Rates:
    purposes = {purpose for rates in everyone for purpose in rates}
    return {purpose: sum(rates.get(purpose, 0.0) for rates in everyone) for purpose in sorted(purposes)}


def _write(conn: sqlite3.Connection, note: _Note) -> None:
    set_setting(conn, KEY, json.dumps(asdict(note)))
