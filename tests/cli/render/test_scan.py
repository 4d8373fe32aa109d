"""The report of a scan as text."""

from objlib.cli.render.scan import scan_lines
from objlib.core.reports.upload import ScanReport
from tests.cli.render.kit import EVIL, PLAIN, text


class TestScan:
    def test_a_scan_shows_counts_changes_and_entries_left_out(self) -> None:
        report = ScanReport(
            scanned=5,
            bytes=5000,
            new=1,
            missing=1,
            unchanged=4,
            skipped=((EVIL, "a dangling link"),) * 21,
            changes=(("new", EVIL),),
        )
        output = text(scan_lines(report, PLAIN))
        assert output.startswith("5 files on disk, 5.0 kB: 1 new, 1 missing, 4 unchanged\n")
        assert "21 entries left out" in output
        assert "and 1 more" in output
        assert output.endswith("objlib upload")

    def test_an_empty_folder(self) -> None:
        assert scan_lines(ScanReport(), PLAIN) == ["0 files on disk, 0 B: nothing to keep"]
