"""How the runs on one ledger share what they learn about the service's quota, in one setting.

Each run writes its own share and reads the others' in the same transaction, so that no update is lost. The sum of
all shares stays when the runs are gone: the next run starts from it.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Final

from objlib.core.ids import RunId
from objlib.ledger.database import LedgerConnection
from objlib.ledger.settings import SettingTable
from objlib.ledger.table import Table, query, stamped

RATES_KEY: Final = "rates"
"""Setting that keeps the shares."""

STALE_AFTER: Final = 12.5
"""Seconds without an exchange after which a run counts as dead: two and a half heartbeats."""

WORTHLESS_AFTER: Final = 60.0
"""Seconds without an exchange after which no run takes over the share of a dead one. It is outdated by then, and after
a sleep of the machine every other run seems dead."""

LARGEST: Final = 1e12
"""Upper bound of every number in the setting, rate or Unix time: a larger one is corrupt and dropped."""

Rates = dict[str, float]
"""Requests per second, by the kind of request."""


class RateTable(Table):
    """Rates that the runs on this ledger share."""

    @stamped
    def exchange(
        conn: LedgerConnection,
        now: float,
        run_id: RunId,
        *,
        rates: Mapping[str, float],
        last_share: Mapping[str, float] | None = None,
    ) -> list[Rates]:
        """Add what this run has learnt to the sum of all runs, and give each an equal share: one for each of them.

        A share belongs to its run until that run's next exchange, and what the run learns meanwhile comes on top. So
        the sum is kept, however long ago a run last looked. A run that is alone and has learnt nothing takes up what
        was learnt before it. One that is not alone takes over the shares of runs that have ended or died, and splits
        them with the others.

        Args:
            run_id: this run.
            rates: its present rates; empty if it has learnt nothing.
            last_share: the share from its last exchange; None the first time.
        """
        shares = _read(conn)
        ages = {run: abs(now - share["at"]) for run, share in shares.living.items() if run != run_id}
        others = {run: shares.living[run] for run, age in ages.items() if age < STALE_AFTER}
        died = [
            _rates(shares.living[run]) for run, age in ages.items() if STALE_AFTER <= age < WORTHLESS_AFTER
        ]
        own = dict(rates)
        if last_share is not None and run_id in shares.living:
            own = _grown(_rates(shares.living[run_id]), rates, last_share)
        if not own and not others:
            own = shares.learnt
        total = _sum([own, shares.left, *died, *map(_rates, others.values())])
        share = {kind: rate / (len(others) + 1) for kind, rate in total.items()}
        times = {**{run: line["at"] for run, line in others.items()}, run_id: now}
        _write(conn, _Shares({run: {**share, "at": at} for run, at in times.items()}, total or shares.learnt))
        return [dict(share) for _ in times]

    @stamped
    def leave(
        conn: LedgerConnection,
        now: float,
        run_id: RunId,
        *,
        rates: Mapping[str, float],
        last_share: Mapping[str, float] | None = None,
    ) -> None:
        """End a run: keep what it has learnt, and leave its share to the others."""
        if rates:
            RateTable.exchange(conn, now, run_id, rates=rates, last_share=last_share)
        shares = _read(conn)
        share = shares.living.pop(run_id, None)
        if share is not None:
            left = _sum([shares.left, _rates(share)]) if shares.living else {}
            _write(conn, _Shares(shares.living, shares.learnt, left))

    @query
    def learnt(conn: LedgerConnection) -> Rates:
        """The last sum of all runs."""
        return _read(conn).learnt


@dataclass(frozen=True, slots=True)
class _Shares:
    """The setting; the names are those of its JSON.

    Attributes:
        living: the share of each run, and in ``at`` the Unix time of its last exchange.
        learnt: the last sum of all.
        left: the shares of runs that ended while others went on, until one of those takes them over.
    """

    living: dict[str, Rates] = field(default_factory=dict)
    learnt: Rates = field(default_factory=dict)
    left: Rates = field(default_factory=dict)


def _read(conn: LedgerConnection) -> _Shares:
    try:
        setting = json.loads(SettingTable.get(conn, RATES_KEY) or "{}")
        shares = {run: _numbers(share) for run, share in dict(setting.get("living", {})).items()}
        living = {run: share for run, share in shares.items() if "at" in share}
        return _Shares(living, _numbers(setting.get("learnt", {})), _numbers(setting.get("left", {})))
    except (ValueError, TypeError, AttributeError):
        return _Shares()  # it only saves time: runs learn again what cannot be read


def _write(conn: LedgerConnection, shares: _Shares) -> None:
    SettingTable.set(conn, RATES_KEY, json.dumps(asdict(shares)))


def _grown(share: Rates, rates: Mapping[str, float], last_share: Mapping[str, float]) -> Rates:
    """A run's share in the ledger plus what it has learnt since its last exchange; at least a tenth of its rate."""
    return {
        kind: max(share.get(kind, 0.0) + rate - last_share.get(kind, 0.0), 0.1 * rate)
        for kind, rate in rates.items()
    } or share


def _numbers(share: object) -> Rates:
    pairs = share.items() if isinstance(share, dict) else ()
    return {
        key: float(value) for key, value in pairs if isinstance(value, int | float) and 0 < value < LARGEST
    }


def _rates(share: Rates) -> Rates:
    return {kind: rate for kind, rate in share.items() if kind != "at"}


def _sum(shares: Iterable[Rates]) -> Rates:
    total: Rates = {}
    for share in shares:
        for kind, rate in share.items():
            total[kind] = total.get(kind, 0.0) + rate
    return dict(sorted(total.items()))
