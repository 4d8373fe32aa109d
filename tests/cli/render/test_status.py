"""The status of the ledger as text."""

from dataclasses import replace
from typing import Any

from objlib.cli.render.status import status_lines
from objlib.core.reports.failed_files import FailedFile
from objlib.core.reports.status import StatusReport
from tests.cli.render.kit import COLOR, PLAIN, text


class TestStatus:
    def report(self, **more: Any) -> StatusReport:
        base = StatusReport(
            library="/lib",
            ledger="/led.db",
            backend="embedded",
            store="fileSearchStores/s",
            states={"indexed": 1200, "failed": 1},
            missing=0,
            changed=0,
            waiting=0,
            next_retry=None,
            superseded=0,
            intents=0,
            runs_alive=0,
            governor={},
        )
        return replace(base, **more)

    def test_counts_stand_under_each_other(self) -> None:
        output = text(status_lines(self.report(), PLAIN, 0.0))
        assert "  1,200  indexed     searchable\n" in output
        assert "      0  uploading " in output
        assert "      1  failed " in output
        assert "  1,201  files" in output

    def test_an_empty_ledger(self) -> None:
        assert text(status_lines(self.report(states={}, store=""), PLAIN, 0.0)).endswith(
            "No files yet: objlib upload"
        )

    def test_each_thing_that_waits_has_its_command(self) -> None:
        report = self.report(
            missing=1,
            changed=2,
            waiting=3,
            next_retry=90.0,
            superseded=1,
            intents=1,
            runs_alive=2,
            governor={"max_uploads": 16, "requests_per_second": 3.91234, "unknown": None},
            failures=(FailedFile("a", "failed", "", retryable=False),),
            failures_total=4,
        )
        output = text(status_lines(report, COLOR, 0.0))
        assert "3 files for another try, the next one in 1 min 30 s" in output
        assert "max uploads 16, requests per second 3.9\n" in output
        assert "None" not in output
        assert "no reason was recorded" in output
        assert "and 3 more files" in output
        assert "2 runs" in output
        assert "the next one now" in text(status_lines(report, PLAIN, 100.0))
