"""Totals outlive the runs that counted them."""

import pytest

from objlib.ledger import Ledger
from objlib.ledger.totals import TOTALS_KEY


async def test_totals_of_all_runs_are_added_up(ledger: Ledger) -> None:
    await ledger.totals.add({"events indexed": 3, "sent_bytes": 100})
    await ledger.totals.add({})
    await ledger.totals.add({"events indexed": 2, "request_seconds upload sum": 0.25})
    expected = {"events indexed": 5, "sent_bytes": 100, "request_seconds upload sum": 0.25}
    assert await ledger.totals.read() == expected


@pytest.mark.parametrize("text", ["", "[]", "nothing", '{"events": "many"}', '{"events": null}'])
async def test_totals_that_are_damaged_begin_anew(ledger: Ledger, text: str) -> None:
    await ledger.settings.set(TOTALS_KEY, text)
    assert await ledger.totals.read() == {}
    await ledger.totals.add({"events indexed": 1})
    assert await ledger.totals.read() == {"events indexed": 1}
