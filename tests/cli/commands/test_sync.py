"""The exit codes of sync."""

from dataclasses import replace

import pytest

from objlib.cli.commands.sync import sync_exit
from objlib.core.errors import Exit
from objlib.core.reports.upload import PruneReport, ScanReport, SyncReport, UploadReport
from objlib.core.stop_reason import StopReason

UPLOADED = UploadReport("r", "embedded", "s", "/lib", ScanReport(scanned=1), scanned=1, indexed=1)


@pytest.mark.parametrize(
    ("report", "code"),
    [
        (SyncReport(UPLOADED, None), Exit.OK),
        (SyncReport(UPLOADED, PruneReport(files=1, deleted=1)), Exit.OK),
        (SyncReport(UPLOADED, PruneReport(files=1, postponed=1)), Exit.SOME_FAILED),
        (
            SyncReport(
                replace(UPLOADED, stopped=StopReason.INTERRUPTED), PruneReport(skipped=StopReason.INTERRUPTED)
            ),
            Exit.INTERRUPTED,
        ),
        (
            SyncReport(
                replace(UPLOADED, stopped=StopReason.DAILY_QUOTA), PruneReport(skipped=StopReason.DAILY_QUOTA)
            ),
            Exit.SOME_FAILED,
        ),
        (SyncReport(replace(UPLOADED, failed=1), PruneReport(postponed=1)), Exit.SOME_FAILED),
        (SyncReport(replace(UPLOADED, stopped=StopReason.INTERRUPTED), PruneReport()), Exit.INTERRUPTED),
    ],
)
def test_exit_codes_of_sync(report: SyncReport, code: Exit) -> None:
    assert sync_exit(report) is code
