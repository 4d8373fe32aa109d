"""Searches and answers over the embedded store."""

from pathlib import Path

import pytest

from objlib.core.config.settings import Settings
from objlib.core.errors import UsageError
from objlib.engine.search.ask import ask, search
from objlib.engine.upload.run import upload
from tests.support.engine import Opener, write


async def test_search_and_ask_cite_the_current_path_and_place(
    opened: Opener, settings: Settings, library: Path
) -> None:
    write(library, "Politics/Year 2022/social contract.txt", "On power.\n\nAll rule rests on consent.\n")
    async with opened() as app:
        await upload(app)
    (library / "Politics/Year 2022/social contract.txt").rename(library / "moved.txt")
    async with opened() as app:
        await upload(app)
        report = await search(app, "consent of the ruled", top_k=3)
        assert report.citations[0].path == "moved.txt"
        assert report.citations[0].line_start in {1, 3}
        others = await search(app, "virtue", where='course = "Politics"')
        assert {citation.path for citation in others.citations} <= {"moved.txt"}
        answer = await ask(app, "What does all rule rest on?")
        assert "consent" in answer.text
        assert answer.supports
        assert answer.citations[answer.supports[0].citations[0]].path == "moved.txt"


async def test_a_filter_that_the_service_refuses_is_a_usage_error(opened: Opener) -> None:
    async with opened() as app:
        await upload(app)
        with pytest.raises(UsageError, match=r"--filter '\(\(' was refused"):
            await search(app, "virtue", where="((")


async def test_a_search_has_passages_without_the_text_of_a_model(opened: Opener) -> None:
    async with opened() as app:
        await upload(app)
        report = await search(app, "virtue", top_k=2)
    assert (report.text, report.supports) == ("", ())
    assert 0 < len(report.citations) <= 2
    assert report.question == "virtue"
