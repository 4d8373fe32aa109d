"""What a command opens, and the library that its ledger belongs to."""

from pathlib import Path

import pytest

from objlib.core.config.settings import Settings
from objlib.core.errors import RefusedError
from objlib.engine.upload.run import upload
from objlib.testing import Faults
from tests.support.engine import Opener, write


async def test_a_ledger_belongs_to_one_library_until_that_is_moved(
    opened: Opener, settings: Settings, library: Path, faults: Faults, tmp_path: Path
) -> None:
    async with opened() as app:
        await upload(app)
    write(tmp_path, "other/only.txt", "Another library altogether.\n")
    with pytest.RaisesGroup(RefusedError, flatten_subgroups=True):
        async with opened(library=tmp_path / "other"):
            pytest.fail("opened")
    moved = library.rename(tmp_path / "moved")
    before = faults.count["start"]
    async with opened(library=moved) as app:
        report = await upload(app)
    assert (report.indexed, report.unchanged, report.missing) == (10, 10, 0)
    assert faults.count["start"] == before
