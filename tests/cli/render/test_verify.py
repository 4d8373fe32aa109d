"""The findings of an audit and the result of a rebuild as text."""

from dataclasses import replace

from objlib.cli.render.verify import rebuild_lines, verify_lines
from objlib.core.lifecycle.drift import Drift, DriftKind
from objlib.core.reports.store import RebuildReport, VerifyReport
from tests.cli.render.kit import PLAIN

LINE = Drift(DriftKind.ORPHAN, "a/b.txt", "fileSearchStores/s/documents/d", "f")


def test_a_verification_has_a_line_for_each_finding() -> None:
    assert verify_lines(VerifyReport("s"), PLAIN) == ["Nothing is indexed yet: objlib upload"]
    report = VerifyReport(
        "s",
        checked=2,
        of=9,
        drift={"ghost": 1, "changed_on_disk": 2},
        findings=(replace(LINE, kind=DriftKind.GHOST), replace(LINE, kind=DriftKind.CHANGED_ON_DISK)),
        unanswered=1,
    )
    lines = verify_lines(report, PLAIN)
    assert lines[0] == "! 3 differences; 2 of 9 indexed files looked at:"
    assert lines[1] == "  ghost            a/b.txt: `objlib store-sync --apply` repairs it"
    assert lines[2] == "  changed on disk  a/b.txt: `objlib upload --checksum` sends it"
    assert lines[3:] == ["  and 1 more", "1 file the service gave no answer for"]


def test_a_verification_does_not_judge_files_without_an_answer() -> None:
    some = VerifyReport("s", checked=5, of=9, unanswered=2)
    assert verify_lines(some, PLAIN) == [
        "! Disk, ledger and store agree on 3 of 9 indexed files.",
        "2 files the service gave no answer for",
    ]
    none = VerifyReport("s", checked=1, of=9, unanswered=1)
    assert verify_lines(none, PLAIN) == ["1 file the service gave no answer for"]


def test_a_rebuild_says_how_store_and_disk_compare() -> None:
    report = RebuildReport(
        "s", "l", files=6, matched=3, changed=1, missing=1, new=2, pending=1, surplus=1, unusable=1, foreign=4
    )
    assert rebuild_lines(report, PLAIN) == [
        "✓ 6 files found in the store: 3 match the disk, 1 differ, 1 not on disk, 1 not finished by the store.",
        "2 files on disk that the store does not have.",
        "bring the store up to date with: objlib upload",
        "2 documents too many or unusable: objlib store-sync",
        "4 documents in the store are not this ledger's",
    ]
    assert rebuild_lines(RebuildReport("s", "l"), PLAIN) == ["✓ 0 files found in the store: none."]
