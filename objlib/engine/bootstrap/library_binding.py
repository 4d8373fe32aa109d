"""Which library a ledger belongs to, what the ledger keeps of that, and its entry in the catalog."""

import logging
import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final

from objlib.catalog import Catalog, CatalogError
from objlib.core.config.known import KnownLedger
from objlib.core.config.settings import Backend
from objlib.core.errors import RefusedError
from objlib.core.ids import new_id
from objlib.core.library.paths import disk_path, root_of_text, text_of_root
from objlib.engine.app import App
from objlib.ledger import (
    EMBEDDED_KEY,
    LIBRARY_ID_KEY,
    LIBRARY_KEY,
    SERVICE_KEY,
    FileRow,
    library_key,
    text_of_store,
)

MOVED_SAMPLE: Final = 200
"""Files of a ledger that are looked for in a folder that may be its moved library."""

_log = logging.getLogger(__name__)


async def require_library(app: App, *, disk: bool) -> bool:
    """Refuse a folder that is not the library of the ledger.

    A folder that was moved as a whole is still the same library: the old one is gone, and most files of the ledger
    are in the new one.

    Args:
        app: the application as far as it is open.
        disk: whether the command looks for changes on disk. One that does not may work on a machine on which the
            library is not mounted.

    Returns:
        Whether the library is on this machine.

    Raises:
        RefusedError: the ledger belongs to another folder; with this one in its place every file of that one would
            be taken for deleted.
    """
    ledger, root = app.settings.ledger, app.settings.library
    text = await app.ledger.settings.get(library_key(ledger))
    if text is None:
        return await _is_mounted(app, disk=disk)
    if text == text_of_root(root):
        return True
    own = root_of_text(text)
    if await app.files(own.is_dir):
        raise RefusedError(
            f"the ledger {ledger} belongs to the library {own}, not to {root}; name that folder, or another "
            "--ledger"
        )
    files = await app.ledger.files.some(limit=MOVED_SAMPLE)
    if files and 2 * await app.files(partial(count_on_disk, root, files)) <= len(files):
        raise RefusedError(
            f"the ledger {ledger} belongs to the library {own}, which is gone, and {root} does not hold its "
            "files; connect the disk it is on, or name the folder it is in now"
        )
    return True


async def _is_mounted(app: App, *, disk: bool) -> bool:
    """Whether a folder holds the files of a ledger that other machines have filled.

    Raises:
        RefusedError: it does not, and the command would take every one of them for deleted.
    """
    files = await app.ledger.files.some(limit=MOVED_SAMPLE)
    root = app.settings.library
    if files and 2 * await app.files(partial(count_on_disk, root, files)) <= len(files):
        if not disk and not isinstance(app.settings.ledger, Path):
            app.observer.note(
                f"the library is not mounted on this machine (its files are not in {root}): working with the ledger "
                "and the store alone"
            )
            return False
        raise RefusedError(
            f"the ledger {app.settings.ledger} knows files that are not in {root}: mount the library there, or "
            "name the folder it is in on this machine"
        )
    return True


def count_on_disk(root: Path, files: Sequence[FileRow]) -> int:
    """How many of ``files`` are at their paths below ``root``, with their sizes."""
    return sum(_is_on_disk(root, file) for file in files)


def _is_on_disk(root: Path, file: FileRow) -> bool:
    try:
        return Path(disk_path(root, file)).stat().st_size == file.size
    except OSError:
        return False


async def bind_library(app: App, *, here: bool = True) -> None:
    """Keep in the ledger what it takes to find everything again from the ledger alone.

    The folder is left out where the library is not ``here``, on this machine.
    """
    settings, table = app.settings, app.ledger.settings
    values = {library_key(settings.ledger): text_of_root(settings.library)} if here else {}
    if settings.library_id:
        values[LIBRARY_ID_KEY] = settings.library_id
    for key, value in values.items():
        if await table.get(key) != value:
            await table.set(key, value)


async def bind_service(app: App) -> None:
    """Keep in the ledger the service that its store is at, and the file of the embedded store."""
    settings, table = app.settings, app.ledger.settings
    real = _real(settings.ledger) if isinstance(settings.ledger, Path) else settings.ledger
    # An embedded store that answers over a port is still the embedded store.
    if await table.get(SERVICE_KEY) is None:
        await table.set(SERVICE_KEY, settings.service)
    if settings.backend is Backend.EMBEDDED:
        text = text_of_store(_real(settings.embedded), real)
        if await table.get(EMBEDDED_KEY) != text:
            await table.set(EMBEDDED_KEY, text)


async def enter_catalog(app: App) -> None:
    """Enter library and ledger into the catalog, if there is one; a run never fails for that.

    A ledger in a database is not entered: its address may need a password, which is kept elsewhere.
    """
    settings, table = app.settings, app.ledger.settings
    if (
        not isinstance(settings.ledger, Path)
        or settings.catalog is None
        or await table.get(LIBRARY_KEY) is None
    ):
        return
    service, pinned = await table.get(SERVICE_KEY) or settings.service, await table.pinned()
    if settings.lost and pinned is None:
        return  # the catalog is the only place that still knows the lost one
    ledger = KnownLedger(
        path=_real(settings.ledger),
        ledger_id=app.ledger_id,
        service=service,
        embedded=_real(settings.embedded) if service == Backend.EMBEDDED else None,
        store="" if pinned is None else pinned[1],
    )
    library_id = settings.library_id or await table.get(LIBRARY_ID_KEY) or new_id(app.now())
    config = settings.config or settings.missing_config
    record = partial(Catalog(settings.catalog).record, settings.library, library_id, config, ledger)
    try:
        await app.files(record)
    except CatalogError as error:
        _log.info("%s", error)


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))
