"""One ledger for several machines, each of which has the library in a folder of its own."""

import shutil
from pathlib import Path

import pytest

from objlib.core.errors import RefusedError
from objlib.engine.bootstrap.open_app import StoreNeed
from objlib.engine.upload.run import upload
from tests.support.engine import Opener


@pytest.mark.parametrize("database", ["postgres"])
async def test_another_machine_may_have_the_library_elsewhere(
    opened: Opener, library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened() as app:
        assert (await upload(app)).indexed == 10
    elsewhere, empty = tmp_path / "mnt", tmp_path / "not-mounted"
    shutil.copytree(library, elsewhere)
    empty.mkdir()
    monkeypatch.setattr("platform.node", lambda: "another")
    refusal = pytest.RaisesExc(RefusedError, match="knows files that are not in")
    with pytest.RaisesGroup(refusal, flatten_subgroups=True):
        async with opened(library=empty):
            raise AssertionError("it was opened")
    async with opened(library=elsewhere) as app:
        assert (await upload(app)).uploaded == 0
    monkeypatch.undo()
    async with opened("status", need=StoreNeed.NONE) as app:
        assert (await app.ledger.files.counts(now=app.now())).missing == 0
