"""The files that failed, as reports list them."""

from objlib.core.lifecycle.table import State
from objlib.core.reports.upload import FailedFile
from objlib.ledger import FileRow, Ledger


async def failed_files(ledger: Ledger, limit: int) -> tuple[FailedFile, ...]:
    """The first ``limit`` failed files, without those that are gone from disk."""
    rows = await ledger.files.page(State.FAILED, limit=limit)
    return tuple(_failed(row) for row in rows if row.missing_since is None)


def _failed(row: FileRow) -> FailedFile:
    retryable = row.failure is not None and row.failure.retryable
    return FailedFile(row.file_path, str(row.state), row.last_error or "", retryable)
