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
            skipped_total=21,
            changes=(("new", EVIL),),
        )
        output = text(scan_lines(report, PLAIN))
        assert output.startswith("5 files on disk, 5.0 kB: 1 new, 1 missing, 4 unchanged\n")
        assert "21 entries left out" in output
        assert "and 1 more" in output
        assert output.endswith("objlib upload")

    def test_the_numbers_of_cut_lists_are_those_of_everything(self) -> None:
        report = ScanReport(
            scanned=9000,
            new=4000,
            changed=1000,
            skipped=(("a", "a pipe"),) * 1000,
            skipped_total=2500,
            unreadable=(("b", "no permission"),) * 1000,
            unreadable_total=1234,
            ignored=5001,
            left_out=(("c", "a rule"),) * 1000,
            changes=(("new", "d"),) * 1000,
        )
        lines = scan_lines(report, PLAIN, verbose=True)
        assert [line for line in lines if line.startswith("  and ")] == [
            "  and 4,980 more (--all lists them)",
            "  and 2,480 more",
            "  and 4,001 more",
            "  and 1,214 more",
        ]
        assert "2,500 entries left out:" in lines
        assert "1,234 entries could not be read:" in lines
        assert "5,001 entries left out by rules:" in lines

    def test_an_empty_folder(self) -> None:
        assert scan_lines(ScanReport(), PLAIN) == ["0 files on disk, 0 B: nothing to keep"]
