"""One ledger for several machines, each of which has the library in a folder of its own."""

import shutil
from pathlib import Path

import pytest

from objlib.core.errors import RefusedError
from objlib.engine.bootstrap.open_app import StoreNeed
from objlib.engine.recover import recover
from objlib.engine.upload.run import upload
from objlib.ledger import library_key
from objlib.testing import DOWN, LOST, Faults, RecordingObserver
from tests.support.engine import Opener, follow


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


@pytest.mark.parametrize("database", ["postgres"])
async def test_a_machine_without_the_library_recovers_and_says_so(
    opened: Opener, library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, faults: Faults
) -> None:
    follow(faults, send=[LOST], query=[DOWN] * 50)
    async with opened() as app:
        await upload(app)
    faults.script = lambda _kind, _count: None
    empty, observer = tmp_path / "not-mounted", RecordingObserver()
    empty.mkdir()
    monkeypatch.setattr("platform.node", lambda: "another")
    async with opened("recover", library=empty, observer=observer, disk=False) as app:
        await recover(app)
        assert "not mounted" in observer.notes[0]
        counts = await app.ledger.files.counts(now=app.now())
        assert (counts.missing, counts.open_intents) == (0, 0)
        assert await app.ledger.settings.get(library_key(app.ledger.place)) is None
    monkeypatch.undo()
    async with opened() as app:
        report = await upload(app)
        assert (report.indexed, report.missing) == (10, 0)
