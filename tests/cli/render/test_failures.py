"""Failures grouped by reason."""

from objlib.cli.render.failures import failure_lines
from objlib.core.reports.failed_files import FailedFile
from tests.cli.render.kit import PLAIN


def test_failures_without_reasons_still_make_lines() -> None:
    assert failure_lines([FailedFile("a", "failed", "", retryable=False)], PLAIN) == [
        "  no reason was recorded",
        "    a",
    ]
