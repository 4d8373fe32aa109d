"""The whole product on virtual time: a library on disk, the embedded store in process, a script for the service."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from objlib.core.config.settings import Backend, Settings
from objlib.core.ids import new_id
from objlib.embedded import Options
from objlib.engine.app import App, Overrides
from objlib.engine.bootstrap.open_app import Command, StoreNeed, open_app
from objlib.testing.faults import Faults
from objlib.testing.virtual import wall_clock
from objlib.threads import inline_runner


@asynccontextmanager
async def opened(folder: Path, faults: Faults, *, files: int = 0, **changes: Any) -> AsyncIterator[App]:
    """Open an application on a new library of ``count`` files, as ``objlib upload`` opens it.

    Args:
        folder: where library, ledger and store go.
        faults: what the service does.
        files: how many there are in the library.
        changes: settings that differ.
    """
    # onnxruntime, which search by meaning loads, would start its telemetry and leave a file `.ses` in the system's
    # folder for temporary files (its Privacy.md); a harness that leaves nothing behind cannot have that.
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    root = folder / new_id()
    library = root / "library"
    library.mkdir(parents=True)
    for number in range(files):
        (library / f"{number:02}.txt").write_text(f"Document {number} of the library.\n", "utf-8")
    settings = Settings(
        library=library,
        ledger=root / "ledger.db",
        embedded=root / "store.db",
        store="spike",
        backend=Backend.EMBEDDED,
        embed_seconds=0,
        **changes,
    )
    overrides = Overrides(
        now=wall_clock, runner=inline_runner, options=Options(middleware=(faults.middleware(),))
    )
    command = Command("upload", records=True, store=StoreNeed.CREATE)
    async with open_app(settings, command, overrides=overrides) as app:
        yield app
