"""Pictures: taken by stores with a multimodal embedding model, skipped by others, found by words, and fetched."""

from pathlib import Path

import pytest

from objlib.core.errors import RefusedError, UsageError
from objlib.engine.bootstrap.open_app import StoreNeed
from objlib.engine.scan.scan import scan
from objlib.engine.search.ask import search
from objlib.engine.search.media import get_media
from objlib.engine.upload.run import upload
from objlib.gemini import ErrorKind, GeminiError
from tests.support.engine import Opener
from tests.support.formats.pictures import jpeg, png

SECOND = "gemini-embedding-2"


def plant_pictures(library: Path) -> None:
    (library / "harbour lighthouse.png").write_bytes(png(Title="The mole at dusk"))
    (library / "x.jpg").write_bytes(jpeg("cormorants drying", "A quay in Split"))


async def test_a_text_store_skips_pictures_and_says_what_takes_them(opened: Opener, library: Path) -> None:
    plant_pictures(library)
    async with opened() as app:
        report = await upload(app)
        assert report.failed == 0
        assert sorted(skip.path for skip in report.skips) == ["harbour lighthouse.png", "x.jpg"]
        assert all("--embedding-model gemini-embedding-2" in skip.error for skip in report.skips)


async def test_a_multimodal_store_takes_pictures_and_gives_them_back(opened: Opener, library: Path) -> None:
    plant_pictures(library)
    async with opened("scan", need=StoreNeed.NONE) as app:
        await scan(app)  # before the store is made they are skipped
    async with opened(embedding_model=SECOND) as app:
        report = await upload(app)
        assert report.skipped == 0
        found = (await search(app, "cormorants")).citations[0]
        assert found.path == "x.jpg"
        assert found.media is not None
        picture = await get_media(app, name=found.media)
        assert (picture.content, picture.suffix) == ((library / "x.jpg").read_bytes(), ".jpg")
        named = (await search(app, "lighthouse")).citations[0]
        assert (named.path, "mole at dusk" in named.text) == ("harbour lighthouse.png", True)
        text = await search(app, "virtue")
        assert any(citation.media is None for citation in text.citations)
    (library / "y.jpg").write_bytes(jpeg("gannets"))
    async with opened() as app:  # the ledger knows the model of its store
        assert (await upload(app)).skipped == 0


async def test_a_store_keeps_the_model_that_it_was_made_with(opened: Opener) -> None:
    async with opened() as app:
        await upload(app)
    with pytest.RaisesGroup(pytest.RaisesExc(RefusedError, match="keeps it"), flatten_subgroups=True):
        async with opened(embedding_model=SECOND) as app:
            pass


async def test_only_a_picture_of_a_store_can_be_fetched(opened: Opener, library: Path) -> None:
    async with opened() as app:
        await upload(app)
        with pytest.raises(UsageError, match="picture's resource name"):
            await get_media(app, name="files/x")
        with pytest.raises(GeminiError) as caught:
            await get_media(app, name=f"{app.store}/media/nothing")
        assert caught.value.kind is ErrorKind.NOT_FOUND
