"""The files that failed or were skipped, as reports list them."""

from objlib.core.reports.failed_files import SKIPPED, UNREADABLE, FailedFile
from objlib.ledger import FileRow, Ledger


async def failed_files(ledger: Ledger, limit: int) -> tuple[FailedFile, ...]:
    """The first ``limit`` failures: what the last scan could not look at, then failed files that are on disk."""
    blind = [FailedFile(path, UNREADABLE, why, True) for path, why in await ledger.settings.unreadable()]
    rows = await ledger.files.failed(limit=limit, skipped=False)
    return (*blind, *(_failed(row, str(row.state)) for row in rows if row.missing_since is None))[:limit]


async def skipped_files(ledger: Ledger, limit: int) -> tuple[FailedFile, ...]:
    """The first ``limit`` files on disk that no store takes."""
    rows = await ledger.files.failed(limit=limit, skipped=True)
    return tuple(_failed(row, SKIPPED) for row in rows if row.missing_since is None)


def state_of(row: FileRow) -> str:
    """The state of a file as reports name it."""
    return SKIPPED if row.failure is not None and row.failure.kind.skips else str(row.state)


def _failed(row: FileRow, state: str) -> FailedFile:
    retryable = row.failure is not None and row.failure.retryable
    return FailedFile(row.file_path, state, row.last_error or "", retryable)
