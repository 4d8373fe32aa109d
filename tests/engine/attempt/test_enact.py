"""Moves of an attempt in flight."""

from dataclasses import replace
from pathlib import Path

import pytest

from objlib.core.config.settings import Settings
from objlib.core.errors import StaleTransitionError
from objlib.core.failures import Failure, FailureKind
from objlib.core.lifecycle.table import State
from objlib.engine.attempt.enact import Attempt
from objlib.engine.upload.run import upload
from objlib.testing import Faults
from tests.support.engine import Opener, assert_exactly_once


async def test_a_stale_failure_deletes_no_document_that_another_run_completed(
    opened: Opener, settings: Settings, alone: Path, faults: Faults
) -> None:
    """One run saw FAILED and slept; the document turned ACTIVE, and another run completed the row."""
    async with opened() as app:
        await upload(app)
        (row,) = await app.ledger.files.page()
        record = await app.ledger.attempts.last(row.file_id)
        assert record is not None
        stale = replace(row, state=State.PROCESSING, version=row.version - 1)
        attempt = Attempt(app, stale, record.attempt_id)
        with pytest.raises(StaleTransitionError):
            await attempt.mark_failed(Failure.of(FailureKind.PROCESSING, "it was FAILED"), row.document)
        assert await app.ledger.intents.page() == []
    assert faults.count["delete"] == 0
    assert_exactly_once(settings)
