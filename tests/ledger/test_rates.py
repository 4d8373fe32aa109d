"""The exchange of rates between processes on one ledger."""

from functools import partial
from pathlib import Path

import pytest

from objlib.core.ids import RunId
from objlib.ledger import Ledger, open_ledger
from objlib.ledger.rates import STALE_AFTER, WORTHLESS_AFTER, Rates, RateTable
from objlib.testing.databases import raw
from objlib.threads import inline_runner

ONE, TWO = RunId("run-1"), RunId("run-2")


async def exchange(
    ledger: Ledger, now: float, run_id: RunId, rates: Rates, last_share: Rates | None = None
) -> list[Rates]:
    """Exchange at ``now``."""
    return await raw(ledger).write(
        lambda conn: RateTable.exchange(conn, now, run_id, rates=rates, last_share=last_share)
    )


async def leave(ledger: Ledger, now: float, run_id: RunId, rates: Rates) -> None:
    """Leave at ``now``."""
    await raw(ledger).write(lambda conn: RateTable.leave(conn, now, run_id, rates=rates))


async def test_each_hears_of_the_others_while_they_live(tmp_path: Path) -> None:
    async with open_ledger(tmp_path / "l.db", runner=inline_runner) as ledger:
        alone = await exchange(ledger, 100.0, ONE, {"upload": 6.0})
        assert alone == [{"upload": 6.0}]
        both = await exchange(ledger, 101.0, TWO, {})
        assert both == [{"upload": 3.0}, {"upload": 3.0}]
        later = 100.0 + WORTHLESS_AFTER
        late = await exchange(ledger, later, TWO, {"poll": 2.0})
        assert late == [{"poll": 2.0}]


async def test_the_sum_of_the_shares_is_kept_in_any_order_of_exchanges(tmp_path: Path) -> None:
    """Three runs that look one after the other, of which one knows the quota; what one learns comes on top."""
    async with open_ledger(tmp_path / "l.db", runner=inline_runner) as ledger:
        runs = [RunId(f"run-{number}") for number in range(3)]
        have: dict[RunId, dict[str, float]] = {runs[0]: {}, runs[1]: {}, runs[2]: {"requests": 10.0}}
        last_share: dict[RunId, dict[str, float] | None] = dict.fromkeys(runs)
        for beat in range(12):
            run = runs[beat % 3]
            if beat == 6:
                have[run]["requests"] += 6.0
            parts = await exchange(ledger, 100.0 + beat, run, have[run], last_share[run])
            have[run] = dict(parts[-1])
            last_share[run] = dict(parts[-1])
        assert all(each["requests"] == pytest.approx(16 / 3) for each in have.values())
        assert (await ledger.rates.learnt())["requests"] == pytest.approx(16)


async def test_the_part_of_a_process_that_died_goes_to_those_that_live(tmp_path: Path) -> None:
    """Its last word would pull the others down, and what they have together."""
    async with open_ledger(tmp_path / "l.db", runner=inline_runner) as ledger:
        await exchange(ledger, 100.0, ONE, {"requests": 1.0})
        await exchange(ledger, 101.0, TWO, {"requests": 9.0})
        ours = partial(exchange, ledger, run_id=TWO, rates={"requests": 5.0}, last_share={"requests": 5.0})
        assert await ours(now=100.0 + STALE_AFTER) == [{"requests": 10.0}]
        assert await ours(now=105.0 + STALE_AFTER) == [{"requests": 10.0}]  # once


async def test_a_clock_set_back_keeps_no_dead_run_alive(tmp_path: Path) -> None:
    async with open_ledger(tmp_path / "l.db", runner=inline_runner) as ledger:
        await exchange(ledger, 5000.0, ONE, {"requests": 1.0})
        ours = partial(exchange, ledger, run_id=TWO, rates={"requests": 9.0})
        assert await ours(now=100.0) == [{"requests": 9.0}]


async def test_what_was_learnt_together_stays_for_the_next_run(tmp_path: Path) -> None:
    async with open_ledger(tmp_path / "l.db", runner=inline_runner) as ledger:
        await exchange(ledger, 100.0, ONE, {"upload": 6.0})
        await leave(ledger, 101.0, TWO, {"upload": 4.0})
        assert await ledger.rates.learnt() == {"upload": 10.0}
        await leave(ledger, 102.0, ONE, {})
        third = await exchange(ledger, 200.0, RunId("run-3"), {})
        assert third == [{"upload": 10.0}]


async def test_the_part_of_a_process_that_ends_goes_to_those_that_go_on(tmp_path: Path) -> None:
    async with open_ledger(tmp_path / "l.db", runner=inline_runner) as ledger:
        await exchange(ledger, 100.0, ONE, {"requests": 5.0})
        await exchange(ledger, 100.0, TWO, {"requests": 5.0})
        await leave(ledger, 101.0, TWO, {"requests": 5.0})
        ours = partial(exchange, ledger, run_id=ONE, rates={"requests": 5.0})
        assert await ours(now=105.0) == [{"requests": 10.0}]
        assert await ours(now=110.0) == [{"requests": 5.0}]  # once, and not again
        await leave(ledger, 106.0, ONE, {"requests": 10.0})
        assert await ledger.rates.learnt() == {"requests": 10.0}


async def test_a_note_that_cannot_be_read_is_learnt_anew(tmp_path: Path) -> None:
    async with open_ledger(tmp_path / "l.db", runner=inline_runner) as ledger:
        for broken in (
            "no json",
            "[]",
            '{"living": {"x": 3}, "learnt": {"upload": "fast"}}',
            '{"living": 1}',
            '{"learnt": {"upload": 1e130}}',
            '{"learnt": {"upload": Infinity}, "left": {"upload": NaN}}',
        ):
            await ledger.settings.set("rates", broken)
            assert await exchange(ledger, 1.0, ONE, {}) == [{}]
