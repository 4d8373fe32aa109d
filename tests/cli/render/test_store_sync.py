"""The report of a comparison as text."""

from dataclasses import replace

from objlib.cli.render.store_sync import store_sync_lines
from objlib.core.lifecycle.drift import Drift, DriftKind
from objlib.core.reports.store import StoreSyncReport
from objlib.core.stop_reason import StopReason
from tests.cli.render.kit import PLAIN

LINE = Drift(DriftKind.ORPHAN, "a/b.txt", "fileSearchStores/s/documents/d", "f")


def test_a_comparison_names_each_finding_and_the_command_for_it() -> None:
    agree = StoreSyncReport("s", "l", documents=4, well=2, in_flight=1, foreign=1)
    assert store_sync_lines(agree, PLAIN) == [
        "✓ Store and ledger agree: 4 documents (2 as it should be, 1 on the way, 1 not ours)."
    ]
    report = StoreSyncReport("s", "l", documents=30, drift={"orphan": 25}, findings=(LINE,) * 25, left=25)
    lines = store_sync_lines(report, PLAIN)
    assert lines[0] == "25 differences between store and ledger; 30 documents."
    assert lines[1] == "  orphan          a/b.txt: the ledger knows no such file"
    assert lines[-2].startswith("  and 5 more")
    assert "--apply" in lines[-1]
    repaired = replace(
        report,
        applied=True,
        deleted=20,
        requeued=1,
        changed=1,
        postponed=1,
        unanswered=1,
        left=3,
        interrupted=True,
    )
    text = "\n".join(store_sync_lines(repaired, PLAIN))
    assert "Repaired: 20 deleted, 1 to be sent again, 1 no longer so." in text
    assert "1 deletion without an answer" in text
    assert "1 step without an answer" in text
    assert "Interrupted" in text
    stopped = replace(
        repaired, interrupted=False, stopped=StopReason.DAILY_QUOTA, advice="come back tomorrow"
    )
    text = "\n".join(store_sync_lines(stopped, PLAIN))
    assert "metadata" not in text
    assert text.endswith("Stopped: the daily quota is used up; come back tomorrow.")
    rest = "\n".join(store_sync_lines(replace(repaired, interrupted=False), PLAIN))
    assert "2 documents with wrong metadata left" in rest
