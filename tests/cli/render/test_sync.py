"""The report of a sync as text."""

from dataclasses import replace

from objlib.cli.render.sync import sync_lines
from objlib.core.reports.upload import PruneReport, ScanReport, SyncReport, UploadReport
from objlib.core.stop_reason import StopReason
from tests.cli.render.kit import PLAIN

UPLOADED = UploadReport("r", "embedded", "s", "/lib", ScanReport(scanned=1), scanned=1, indexed=1)


def test_a_sync_names_removed_and_kept_documents() -> None:
    lines = sync_lines(
        SyncReport(
            UPLOADED,
            PruneReport(
                files=21,
                deleted=20,
                postponed=1,
                kept=2,
                kept_until=0.0,
                kept_last=90.0,
                grace=3600,
                paths=("a",) * 21,
            ),
        ),
        PLAIN,
    )
    text = "\n".join(lines)
    assert "Removed 20 documents of 21 files no longer in the library." in text
    assert "and 1 more" in text
    assert "1 document could not be removed now" in text
    assert "2 files gone for less than 1 h 0 min, kept for now: the first until 1970-01-01" in text
    assert ", the last until 1970-01-01" in text
    assert "Nothing to remove." in sync_lines(SyncReport(UPLOADED, PruneReport()), PLAIN)
    postponed = sync_lines(SyncReport(UPLOADED, PruneReport(postponed=3)), PLAIN)
    assert postponed[-1] == "3 documents could not be removed now; run the same command again later"
    assert "Nothing to remove." not in postponed
    assert (
        "not finished" in sync_lines(SyncReport(UPLOADED, PruneReport(skipped=StopReason.LIMIT)), PLAIN)[-1]
    )
    assert "objlib sync --prune" in sync_lines(SyncReport(replace(UPLOADED, missing=1), None), PLAIN)[-1]
