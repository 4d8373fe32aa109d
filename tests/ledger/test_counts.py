"""Counts of files, as status and every page of the browser show them."""

import sqlite3
from pathlib import Path

import pytest

from objlib.core.lifecycle.table import State
from objlib.ledger import Ledger
from objlib.ledger.database import LedgerConnection
from objlib.ledger.schema import MIGRATIONS
from objlib.testing.databases import raw
from tests.support.clock import Clock
from tests.support.ledger import add_many, bring, lose, put_off

FEW = {"files_missing", "files_changed", "files_renamed", "intents_to_do"}
"""Indices that hold only what is not well."""
SENT_PATH = 8
"""The migration that keeps the path under which a file was sent."""


async def test_counts_are_of_files_on_disk(ledger: Ledger, clock: Clock) -> None:
    rows = await add_many(ledger, 8)
    await put_off(ledger, rows[0], clock.time + 1)
    await put_off(ledger, rows[1], clock.time - 1)
    await bring(ledger, rows[2], State.INDEXED)
    await bring(ledger, rows[3], State.INDEXED)
    await bring(ledger, rows[4], State.FAILED)
    await bring(ledger, rows[5], State.PROCESSING)
    await lose(ledger, rows[6])
    await bring(ledger, rows[7], State.INDEXED)
    await lose(ledger, rows[7])
    await raw(ledger).write(
        lambda conn: (
            conn.execute(
                "UPDATE files SET content_hash = 'x' WHERE file_id IN (?, ?)",
                (rows[2].file_id, rows[7].file_id),
            ).rowcount
        )
    )
    counts = await ledger.files.counts(now=ledger.now())
    assert counts.states == {
        State.UNTRACKED: 2,
        State.UPLOADING: 0,
        State.PROCESSING: 1,
        State.INDEXED: 2,
        State.FAILED: 1,
    }
    # The lost file that was never sent is in no store, so nothing of it is missing.
    assert (counts.missing, counts.changed, counts.waiting) == (1, 1, 1)
    assert (counts.superseded, counts.open_intents) == (0, 0)


@pytest.mark.parametrize("state", State)
async def test_each_state_is_counted_on_disk_and_not_where_the_file_is_gone(
    ledger: Ledger, state: State
) -> None:
    rows = await add_many(ledger, 3)
    for row in rows:
        await bring(ledger, row, state)
    await lose(ledger, rows[1])
    assert (await ledger.files.counts(now=ledger.now())).states == dict.fromkeys(State, 0) | {state: 2}


async def test_a_ledger_from_before_the_sent_path_counts_the_renames_it_holds(ledger: Ledger) -> None:
    rows = await add_many(ledger, 5)
    for row in rows[:4]:
        await bring(ledger, row, State.INDEXED)
    await lose(ledger, rows[2])

    def as_before(conn: LedgerConnection) -> None:
        conn.execute("DROP INDEX files_renamed")
        conn.execute("ALTER TABLE files DROP COLUMN sent_path")
        renamed = "UPDATE files SET file_path = 'new/' || file_path WHERE file_id <> ?"
        conn.execute(renamed, (rows[0].file_id,))
        unknown = "UPDATE attempts SET file_path = NULL WHERE file_id = ?"
        conn.execute(unknown, (rows[3].file_id,))  # as an attempt of a still older ledger
        for statement in MIGRATIONS[SENT_PATH - 1].statements:
            conn.execute(conn.dialect.ddl(statement))

    await raw(ledger).write(as_before)
    assert (await ledger.files.counts(now=ledger.now())).stale_names == 1
    paths = await raw(ledger).read(
        lambda conn: conn.execute(
            "SELECT sent_path FROM files WHERE sent_path IS NOT NULL ORDER BY 1"
        ).fetchall()
    )
    assert paths == sorted((row.file_path,) for row in rows[1:3])


async def test_no_count_reads_the_rows_of_files_that_are_well(ledger: Ledger, path: Path) -> None:
    said: list[str] = []
    await raw(ledger).read(lambda conn: conn.set_trace_callback(said.append))
    await ledger.files.counts(now=1.0)
    await ledger.deletions.prune_totals(cutoff=1.0)
    await raw(ledger).read(lambda conn: conn.set_trace_callback(None))

    def plan(conn: sqlite3.Connection) -> list[str]:
        counts = [statement for statement in said if statement.startswith("SELECT")]
        return [step[3] for each in counts for step in conn.execute(f"EXPLAIN QUERY PLAN {each}")]

    steps = await raw(ledger).read(plan)
    scans = [step for step in steps if step.startswith("SCAN") and "COVERING" not in step]
    assert {scan.rpartition(" ")[2] for scan in scans} <= FEW
    assert len(steps) > 10
