"""What processes on one ledger tell each other about the service's quota, in one setting.

Each writes its own line and reads the others' in the same transaction, so that none of them is ever lost. What all
of them had learnt together stays when they are gone: the next run starts there.
"""

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Final

from objlib.core.ids import RunId
from objlib.ledger.settings import SettingTable
from objlib.ledger.table import Table, query, stamped

KEY: Final = "rates"
STALE: Final = 12.5
"""Seconds after which a process that said nothing counts as gone: two beats of its heart and a half."""
LONG_AGO: Final = 60.0
"""Seconds after which nobody takes its part: it is worth no more, and after a sleep of the machine all seem gone."""
LARGEST: Final = 1e12
"""No number in the note is as large, neither a rate nor a moment; what is was not written by this."""

Rates = dict[str, float]
"""Requests per second, by the name of what they are counted as."""


class RateTable(Table):
    """Rates that the runs on this ledger share."""

    @stamped
    def exchange(
        conn: sqlite3.Connection,
        now: float,
        run_id: RunId,
        *,
        rates: Mapping[str, float],
        taken: Mapping[str, float] | None = None,
    ) -> list[Rates]:
        """Add what this run has learnt to the sum of all runs, and give each an equal part; one for each of them.

        The parts of the others are theirs from now on, whenever they look, and what they learn meanwhile comes
        on top. So the sum is kept, however long ago one of them last looked. A run that is alone and has learnt
        nothing takes up what was learnt before it. One that is not alone takes up the parts of runs that have
        ended or died, and shares them with the others.

        Args:
            conn: the ledger's connection, inside a write transaction.
            run_id: this run.
            rates: what it has now; empty if it has learnt nothing.
            taken: the part that it took last; None the first time.
        """
        note = _read(conn)
        ages = {name: abs(now - line["at"]) for name, line in note.living.items() if name != run_id}
        others = {name: note.living[name] for name, age in ages.items() if age < STALE}
        died = [_rates(note.living[name]) for name, age in ages.items() if STALE <= age < LONG_AGO]
        mine = dict(rates)
        if taken is not None and run_id in note.living:
            mine = _changed(_rates(note.living[run_id]), rates, taken)
        if not mine and not others:
            mine = note.learnt
        total = _sum([mine, note.left, *died, *map(_rates, others.values())])
        part = {purpose: rate / (len(others) + 1) for purpose, rate in total.items()}
        times = {**{name: line["at"] for name, line in others.items()}, run_id: now}
        _write(conn, _Note({name: {**part, "at": at} for name, at in times.items()}, total or note.learnt))
        return [dict(part) for _ in times]

    @stamped
    def leave(
        conn: sqlite3.Connection,
        now: float,
        run_id: RunId,
        *,
        rates: Mapping[str, float],
        taken: Mapping[str, float] | None = None,
    ) -> None:
        """The run is over: what it has learnt is kept, and its part of the quota is free for the others."""
        if rates:
            RateTable.exchange(conn, now, run_id, rates=rates, taken=taken)
        note = _read(conn)
        line = note.living.pop(run_id, None)
        if line is not None:
            left = _sum([note.left, _rates(line)]) if note.living else {}
            _write(conn, _Note(note.living, note.learnt, left))

    @query
    def learnt(conn: sqlite3.Connection) -> Rates:
        """What was learnt last, by all processes together."""
        return _read(conn).learnt


def _changed(line: Rates, rates: Mapping[str, float], taken: Mapping[str, float]) -> Rates:
    """The part that others left to a run, with what the run has learnt since it took one; a tenth of it at least."""
    return {
        purpose: max(line.get(purpose, 0.0) + rate - taken.get(purpose, 0.0), 0.1 * rate)
        for purpose, rate in rates.items()
    } or line


@dataclass(frozen=True, slots=True)
class _Note:
    """The setting.

    Attributes:
        living: the part of each process, and in ``at`` when it looked last.
        learnt: what all of them had together.
        left: the parts of those that ended while others were at work, until one of these takes them.
    """

    living: dict[str, Rates] = field(default_factory=dict)
    learnt: Rates = field(default_factory=dict)
    left: Rates = field(default_factory=dict)


def _read(conn: sqlite3.Connection) -> _Note:
    try:
        found = json.loads(SettingTable.get(conn, KEY) or "{}")
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
    SettingTable.set(conn, KEY, json.dumps(asdict(note)))
