"""The history of a file as text."""

from dataclasses import replace
from datetime import UTC
from typing import Any

from objlib.cli.render.explain import explain_lines
from objlib.core.reports.status import ExplainReport, HistoryLine
from tests.cli.render.kit import ASCII, EVIL, PLAIN, text


class TestExplain:
    def report(self, **more: Any) -> ExplainReport:
        base = ExplainReport(
            path=EVIL,
            file_id="id",
            state="failed",
            version=3,
            size=1234,
            content_hash="aa",
            indexed_hash="bb",
            document="fileSearchStores/s/documents/d",
            superseded="fileSearchStores/s/documents/old",
            missing_since=0.0,
            attempts=2,
            retry_at=60.0,
            last_error=EVIL,
            metadata={"course": "Ethics", "tags": ["a", "b"], "year": 2020.0},
            events=(
                HistoryLine(0.0, "start_upload", "untracked", "uploading", "success", None, "run-1", "att"),
                HistoryLine(1.0, "fail_upload", "uploading", "failed", "success", "no room", "run-1", "att"),
                HistoryLine(2.0, "retry", "failed", "untracked", "rejected", None, "run-2", None),
            ),
            explanation="It was given up.",
        )
        return replace(base, **more)

    def test_what_is_left_out_has_a_list_of_its_own(self) -> None:
        output = text(explain_lines(self.report(left_out=("page 2: cannot be read", EVIL)), PLAIN, UTC))
        assert "Left out:\n  page 2: cannot be read\n" in output
        assert "Left out" not in text(explain_lines(self.report(), PLAIN, UTC))

    def test_a_timeline_with_runs_and_reasons(self) -> None:
        output = text(explain_lines(self.report(), PLAIN, UTC))
        assert "1970-01-01 00:00:00 UTC  start_upload: untracked → uploading" in output
        assert "      no room" in output
        assert "failed → untracked (rejected, nothing changed)" in output
        assert output.count("run run-1") == 1
        assert "tags        a, b" in output
        assert "an older version" in output

    def test_a_file_without_history(self) -> None:
        lines = explain_lines(self.report(events=(), indexed_hash=None, missing_since=None), ASCII, UTC)
        assert lines[-1] == "No events yet."
