"""The report of an upload as text."""

from dataclasses import replace
from typing import Any

import pytest

from objlib.cli.render.upload import upload_lines
from objlib.core.reports.failed_files import FailedFile
from objlib.core.reports.upload import RecoverReport, ScanReport, UploadReport, VectorReport
from objlib.core.stop_reason import StopReason
from tests.cli.render.kit import ASCII, COLOR, EVIL, PLAIN, text


def upload_report(**more: Any) -> UploadReport:
    base = UploadReport(
        run_id="r",
        backend="embedded",
        store="fileSearchStores/s",
        library="/lib",
        scan=ScanReport(scanned=3, new=3),
        scanned=3,
        uploaded=3,
        indexed=3,
        bytes=1_500_000,
        seconds=2.34,
    )
    return replace(base, **more)


class TestUpload:
    def test_a_good_run_is_one_line_and_a_next_step(self) -> None:
        assert upload_lines(upload_report(), PLAIN, "on liberty") == [
            "✓ Sent 3 files (1.5 MB) in 2.3 s; 3 of 3 files indexed.",
            "Next: objlib search 'on liberty'",
        ]

    def test_the_time_of_sending_is_without_that_of_the_vectors(self) -> None:
        vectors = VectorReport(9, 9, seconds=2.0)
        assert "in 0.3 s;" in upload_lines(upload_report(vectors=vectors), PLAIN)[0]

    def test_without_unicode_there_is_no_unicode(self) -> None:
        assert text(upload_lines(upload_report(), ASCII)).isascii()

    def test_nothing_to_send(self) -> None:
        output = text(upload_lines(upload_report(uploaded=0, unchanged=3, bytes=0), PLAIN))
        assert output.startswith("✓ Nothing to send")

    def test_an_empty_folder(self) -> None:
        report = upload_report(scanned=0, uploaded=0, indexed=0, scan=ScanReport())
        assert upload_lines(report, PLAIN, "x") == ["No files to keep in this folder."]

    def test_failures_are_grouped_by_reason_with_advice(self) -> None:
        failures = (
            *tuple(
                FailedFile(f"{name}.txt", "failed", f"{name}.txt is larger than the limit", retryable=False)
                for name in "gfedcba"
            ),
            FailedFile(EVIL, "failed", "timed out", retryable=True),
        )
        output = text(upload_lines(upload_report(failed=8, failures=failures), PLAIN, "x"))
        assert output.count("it is larger than the limit") == 1
        assert "a.txt\n    b.txt" in output
        assert "and 2 more files" in output
        assert "objlib upload --retry-failed" in output
        assert output.startswith("! ")

    @pytest.mark.parametrize("stop", list(filter(None, StopReason)))
    def test_a_stopped_run_names_its_reason_and_the_files_waiting(self, stop: StopReason) -> None:
        output = text(upload_lines(upload_report(stopped=stop, advice="come back", pending=2), PLAIN, "x"))
        assert "come back" in output
        assert "2 files are still waiting" in output
        assert "Next:" not in output

    def test_a_file_in_flight_in_another_run_does_not_count_as_waiting(self) -> None:
        output = text(upload_lines(upload_report(pending=3, elsewhere=2), PLAIN))
        assert "1 file is still waiting: objlib upload\n2 files are in flight in another run" in output
        assert "waiting" not in text(upload_lines(upload_report(pending=2, elsewhere=2), PLAIN))

    def test_old_documents_that_are_still_there_are_named(self) -> None:
        output = text(upload_lines(upload_report(postponed=2), PLAIN))
        assert "2 old documents could not be removed now: `objlib recover` goes on with that" in output

    def test_vectors_are_mentioned_until_they_are_complete(self) -> None:
        assert "120 of 500" in text(upload_lines(upload_report(vectors=VectorReport(120, 500)), PLAIN))
        assert "meaning" not in text(upload_lines(upload_report(vectors=VectorReport(500, 500)), PLAIN))
        none = VectorReport(available=False, reason="numpy is not installed")
        assert "by words only: numpy is not installed" in text(
            upload_lines(upload_report(vectors=none), PLAIN)
        )

    def test_a_summary_names_recovered_renamed_missing_and_throttled(self) -> None:
        report = upload_report(
            recovered=RecoverReport(found=2, adopted=1, requeued=1), missing=1, renamed=1, throttled=4
        )
        output = text(upload_lines(report, COLOR))
        assert "Recovered from an earlier run: 1 adopted, 1 requeued." in output
        assert "1 renamed, throttled 4x by the service" in output
        assert "1 file no longer in the library, and still in the store" in output
