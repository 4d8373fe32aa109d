"""Reports from the ledger alone: counts, and the story of one file."""

from objlib.core.config.settings import Settings
from objlib.engine.bootstrap.open_app import StoreNeed
from objlib.engine.status import explain, status
from objlib.engine.upload.run import upload
from tests.support.engine import Opener


async def test_status_and_explain_tell_the_story(opened: Opener, settings: Settings) -> None:
    async with opened() as app:
        await upload(app)
    async with opened("status", need=StoreNeed.NONE) as app:
        report = await status(app)
        assert report.states["indexed"] == 10
        assert report.runs_alive == 0
        story = await explain(app, "Ethics/Year 2020/lecture 0.txt")
    assert [line.event for line in story.events] == ["start_upload", "complete_upload", "complete_processing"]
    assert story.version == 3
    assert story.indexed_hash == story.content_hash
