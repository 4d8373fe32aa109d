"""The report of a compaction as text."""

from dataclasses import replace

from objlib.cli.render.ledger import compact_lines
from objlib.core.reports.ledger import CompactReport
from tests.cli.render.kit import ASCII, PLAIN, text

REPORT = CompactReport(
    0.0, events=1200, attempts=1, deletes=0, runs=3, bytes_before=9_000_000, bytes_after=4_000_000
)


def test_what_was_removed_is_said_with_the_room_that_it_took() -> None:
    said = text(compact_lines(REPORT, ASCII))
    assert said.startswith("ok: Removed 1,200 events, 1 attempt, 3 runs from before 1970-01-01")
    assert said.endswith("; the ledger took 9.0 MB, and takes 4.0 MB.")


def test_a_plan_says_what_would_be() -> None:
    lines = compact_lines(replace(REPORT, dry_run=True), PLAIN)
    assert lines[0].startswith("Plan: remove 1,200 events")
    assert lines[0].endswith("; the ledger took 9.0 MB, and would take 4.0 MB.")
    assert "dry-run" in lines[1]


def test_where_nothing_is_old_it_says_so_and_a_room_that_is_not_known_is_left_out() -> None:
    nothing = replace(REPORT, events=0, attempts=0, runs=0, bytes_after=9_000_000)
    assert text(compact_lines(nothing, PLAIN)).endswith("is there to be removed; the ledger takes 9.0 MB.")
    unknown = replace(REPORT, bytes_before=None, bytes_after=None, dry_run=True)
    assert "ledger" not in compact_lines(unknown, PLAIN)[0]
