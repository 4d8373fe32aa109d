"""The exit codes of store-sync."""

import pytest

from objlib.cli.commands.store_sync import store_sync_exit
from objlib.core.errors import Exit
from objlib.core.reports.store import StoreSyncReport
from objlib.core.stop_reason import StopReason


@pytest.mark.parametrize(
    ("report", "code"),
    [
        (StoreSyncReport("s", "l"), Exit.OK),
        (StoreSyncReport("s", "l", left=1), Exit.DRIFT),
        (StoreSyncReport("s", "l", applied=True, deleted=1), Exit.OK),
        (StoreSyncReport("s", "l", applied=True, left=1, unanswered=1), Exit.SOME_FAILED),
        (StoreSyncReport("s", "l", applied=True, postponed=1), Exit.SOME_FAILED),
        (StoreSyncReport("s", "l", interrupted=True, left=1), Exit.INTERRUPTED),
        (StoreSyncReport("s", "l", applied=True, stopped=StopReason.DAILY_QUOTA), Exit.SOME_FAILED),
        (StoreSyncReport("s", "l", applied=True, stopped=StopReason.UNAUTHORIZED), Exit.FATAL),
    ],
)
def test_exit_codes_of_store_sync(report: StoreSyncReport, code: Exit) -> None:
    assert store_sync_exit(report) is code
