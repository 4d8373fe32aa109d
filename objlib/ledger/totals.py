"""The totals of all runs on a ledger, which outlive the runs: their rows are thinned."""

import json
from collections.abc import Mapping
from typing import Final

from objlib.core.totals import RunTotals
from objlib.ledger.database import LedgerConnection
from objlib.ledger.settings import SettingTable
from objlib.ledger.table import Table, command, query

TOTALS_KEY: Final = "totals"
"""Setting that keeps the totals of all runs."""


class TotalTable(Table):
    """The totals of all runs."""

    @command
    def add(conn: LedgerConnection, more: Mapping[str, float]) -> None:
        """Add what a run counted."""
        if more:
            totals = RunTotals(TotalTable.read(conn))
            totals.merge(more)
            SettingTable.set(conn, TOTALS_KEY, json.dumps(totals.take()))

    @query
    def read(conn: LedgerConnection) -> dict[str, float]:
        """The totals by name and labels, as :class:`RunTotals` has them."""
        try:
            numbers = json.loads(SettingTable.get(conn, TOTALS_KEY) or "{}")
            return {str(key): float(number) for key, number in numbers.items()}
        except (ValueError, TypeError, AttributeError):
            return {}  # they only serve a monitor, which takes a smaller number for a new beginning
