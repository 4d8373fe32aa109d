"""Probes about one attempt: what a document and its operation say together."""

from pathlib import Path

from objlib.core.config.settings import Settings
from objlib.engine.upload.run import upload
from objlib.testing import Alter, Faults, refusal
from objlib.testing.actions import never_done
from tests.support.engine import Opener, assert_exactly_once, follow

NOWHERE = refusal(404, "NOT_FOUND", "There is no such thing.")
RUNNING = Alter("not done", never_done)


async def test_a_document_that_is_not_there_yet_is_awaited_while_its_operation_runs(
    opened: Opener, settings: Settings, alone: Path, faults: Faults
) -> None:
    follow(faults, document=[NOWHERE] * 3, operation=[RUNNING] * 3)
    async with opened() as app:
        report = await upload(app)
    assert (report.indexed, report.failed) == (1, 0)
    assert (faults.count["start"], faults.count["operation"], faults.count["list"]) == (1, 3, 0)
    assert_exactly_once(settings)
