"""Folders that look like a known library which moved: noticed before everything is sent a second time."""

from functools import partial
from pathlib import Path
from typing import Final

from objlib.catalog import Catalog
from objlib.core.advice import advise
from objlib.core.config.known import KnownLedger, KnownLibrary
from objlib.core.errors import RefusedError
from objlib.core.ids import KEY_HASH
from objlib.embedded import tagged_values
from objlib.engine.app import App
from objlib.engine.bootstrap.library_binding import count_on_disk
from objlib.ledger import FileRow, files_with_content, identify

COMPARED: Final = 1000
"""Files of a new library whose content is looked for in the ledgers of the others."""


async def refuse_moved(app: App) -> None:
    """Refuse to send a new library, most of whose files another ledger knows from a folder where they are no more.

    A folder that is a copy is no matter: the other one still has its files.

    Raises:
        RefusedError: it looks like that library.
    """
    settings = app.settings
    if settings.new or settings.catalog is None or await app.ledger.comparison.indexed_total():
        return
    files = await app.ledger.files.some(limit=COMPARED)
    hashes = {file.content_hash for file in files if file.size}
    if not hashes:
        return
    old = await app.files(partial(_moved_library, app, hashes))
    if old is not None:
        raise RefusedError(
            f"{settings.library} looks like the library {old.root}, moved: "
            f"`{advise('move', str(old.root), str(settings.library))}`; or, to send its files as those of a new "
            f"library: `{advise('upload --new')}`"
        )


def _moved_library(app: App, hashes: set[str]) -> KnownLibrary | None:
    settings = app.settings
    assert settings.catalog is not None
    for library in Catalog(settings.catalog).libraries():
        if library.root == settings.library:
            continue
        if any(_knows_moved(library.root, ledger, hashes) for ledger in library.ledgers):
            return library
    return None


def _knows_moved(root: Path, ledger: KnownLedger, hashes: set[str]) -> bool:
    """Whether a ledger, or the store of a lost one, has most of these files, from a folder that has lost them."""
    if ledger.is_lost(identify(ledger.path)):
        return not root.is_dir() and 2 * _in_store_of(ledger, hashes) > len(hashes)
    known: dict[str, FileRow] = {row.content_hash: row for row in files_with_content(ledger.path, hashes)}
    return 2 * len(known) > len(hashes) and 2 * count_on_disk(root, [*known.values()]) < len(known)


def _in_store_of(ledger: KnownLedger, hashes: set[str]) -> int:
    """How many of these files the embedded store of a lost ledger holds."""
    if ledger.embedded is None:
        return 0
    return len(hashes & tagged_values(ledger.embedded, ledger.store, KEY_HASH))
