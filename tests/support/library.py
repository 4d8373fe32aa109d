"""A small library on disk, offline, for the tests of everything that stands over the Python API."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, TypeAlias

from objlib.api import Library, open_library
from objlib.core.config.settings import Backend, Settings
from objlib.core.events import Observer
from objlib.engine.app import Overrides

Files: TypeAlias = Mapping[str, str | bytes]
"""The content of files by their path in the library."""

LECTURES: Final[dict[str, str | bytes]] = {
    "Ethics/pond.md": "---\nauthor: Okonjo\n---\n# The pond\n\nA child drowns.\n\nHow far may a stranger count?\n",
    "Ethics/debt.md": "---\nauthor: Okonjo\n---\n# Debts\n\nA debt to a friend is paid first.\n",
    "Mind/bat.md": '---\nauthor: "Na\'gel \\"X\\""\n---\nWhat is it like to be a bat?\n',
}
"""Three documents with metadata, in two folders."""


def library_settings(folder: Path, files: Files, **changes: Any) -> Settings:
    """Write ``files`` into a library in ``folder``; its settings, with ledger and embedded store beside it.

    Args:
        changes: values of further settings.
    """
    root = folder / "library"
    root.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    settings = Settings(
        library=root,
        ledger=folder / "ledger.db",
        embedded=folder / "store.db",
        store="tests",
        backend=Backend.EMBEDDED,
        embed_seconds=0.0,
    )
    return replace(settings, **changes)


@asynccontextmanager
async def small_library(
    folder: Path,
    files: Files,
    *,
    uploaded: bool = False,
    overrides: Overrides | None = None,
    observer: Observer | None = None,
    **changes: Any,
) -> AsyncIterator[Library]:
    """An open library of ``files`` below ``folder``, which is in its store already if it is ``uploaded``."""
    settings = library_settings(folder, files, **changes)
    async with open_library(settings, observer=observer, overrides=overrides) as library:
        if uploaded:
            await library.upload()
        yield library
