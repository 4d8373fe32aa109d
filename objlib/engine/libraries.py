"""The libraries of this user as a whole: the list of them, forgetting one, and following one that moved."""

import os
import platform
import time
from dataclasses import replace
from pathlib import Path

from objlib.catalog import Catalog
from objlib.core.advice import advise
from objlib.core.config.known import KnownLedger, KnownLibrary
from objlib.core.errors import RefusedError, UsageError
from objlib.core.library.paths import text_of_root
from objlib.core.reports.libraries import LedgerEntry, LibraryEntry, MoveReport
from objlib.engine.bootstrap.library_binding import MOVED_SAMPLE, count_on_disk
from objlib.engine.runs import is_alive
from objlib.ledger import (
    EMBEDDED_KEY,
    LIBRARY_KEY,
    FileRow,
    identify,
    open_ledger,
    run_at_work,
    summarize,
    text_of_store,
)
from objlib.library_mark import holds_mark_alone, remove_marked_folder


def list_libraries(data: Path) -> list[LibraryEntry]:
    """All libraries that have a ledger, by path."""
    return [
        LibraryEntry(
            library.library_id,
            str(library.root),
            library.root.is_dir(),
            tuple(_ledger_entry(ledger) for ledger in library.ledgers),
        )
        for library in Catalog(data).libraries()
        if library.ledgers
    ]


def forget_library(data: Path, named: Path, *, dry_run: bool = False) -> tuple[KnownLibrary, Path | None]:
    """Drop a library from the catalog. Its store stays, and what lies in the data folder is put aside, not deleted.

    A dry run changes nothing.

    Returns:
        The library, and the folder in which its files are now; None where they were named, and stay where they are.

    Raises:
        UsageError: no such library is known.
        RefusedError: a run is at work on it.
        CatalogError: the catalog cannot be written.
    """
    catalog = Catalog(data)
    library = _find(catalog, named)
    _refuse_alive(library)
    aside = _place_aside(catalog, library)
    if not dry_run:
        _put_aside(catalog, library, aside)
        catalog.forget(library.root)
    return library, aside


async def move_library(
    data: Path, old: Path, new: Path, *, anyway: bool, dry_run: bool = False
) -> MoveReport:
    """Let the library that was at ``old`` be the one at ``new``; nothing on disk or in a store is moved.

    The catalog changes first: a ledger that still names the old folder follows when it is opened.

    Args:
        data: the user's data folder for objlib.
        old: where it was, or its id.
        new: where it is.
        anyway: whether it is done also if most of its files are not there.
        dry_run: whether nothing is changed.

    Raises:
        UsageError: no library is known at ``old``, or ``new`` is no folder.
        RefusedError: the old folder still has its files, or the new one does not, or it is a library of its own.
        CatalogError: the catalog cannot be written.
    """
    catalog, new = Catalog(data), _real(new)
    library = _find(catalog, old)
    if not new.is_dir():
        raise UsageError(f"there is no folder {new}; move the folder first")
    if new == library.root:
        raise UsageError(f"the library is at {new} already")
    _refuse_alive(library)
    target = next((each for each in catalog.libraries() if each.root == new), None)
    if target is not None:
        if any((summary := summarize(each.path)) and summary.documents for each in target.ledgers):
            raise RefusedError(
                f"{new} is a library of its own, with documents in a store: first "
                f"`{advise('libraries', 'forget', str(new))}`"
            )
        _refuse_alive(target)
    files = await _sample(library)
    found, left = count_on_disk(new, files), count_on_disk(library.root, files)
    if 2 * left > len(files):
        raise RefusedError(f"{library.root} still has its files: move the folder first, then run this again")
    if files and 2 * found <= len(files) and not anyway:
        raise RefusedError(
            f"{new} does not look like {library.root}: it has {found} of {len(files)} files that were looked for; "
            "add --yes if that is right"
        )
    report = MoveReport(str(library.root), str(new), len(files), found, dry_run)
    if dry_run:
        return report
    if target is not None:
        _put_aside(catalog, target, _place_aside(catalog, target))
    catalog.move(library.root, new)
    for ledger in next(each for each in catalog.libraries() if each.root == new).ledgers:
        if ledger.path.is_file():
            async with open_ledger(ledger.path, create=False) as opened:
                await opened.settings.set(LIBRARY_KEY, text_of_root(new))
                if ledger.embedded is not None:
                    await opened.settings.set(EMBEDDED_KEY, text_of_store(ledger.embedded, ledger.path))
    return report


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))


def _find(catalog: Catalog, named: Path) -> KnownLibrary:
    libraries, root = catalog.libraries(), _real(named)
    for library in libraries:
        if library.root == root or library.library_id == named.name:
            return library
    raise UsageError(f"no library is known at {root}; `{advise('libraries')}` lists those there are")


def _ledger_entry(ledger: KnownLedger) -> LedgerEntry:
    summary = summarize(ledger.path)
    entry = LedgerEntry(
        ledger=str(ledger.path),
        present=ledger.path.is_file() and not ledger.is_lost(identify(ledger.path)),
        service=ledger.service,
        store=ledger.store,
        embedded_store="" if ledger.embedded is None else str(ledger.embedded),
    )
    if summary is None or not entry.present:
        return entry
    last = summary.runs[-1].started if summary.runs else None
    return replace(entry, files=summary.files, searchable=summary.indexed, last_run=last)


def _refuse_alive(library: KnownLibrary) -> None:
    for ledger in library.ledgers:
        summary = summarize(ledger.path)
        for run in () if summary is None else summary.runs:
            if is_alive(run, now=time.time(), host=platform.node()):
                raise run_at_work(run, ledger.path)


async def _sample(library: KnownLibrary) -> list[FileRow]:
    for ledger in library.ledgers:
        if ledger.path.is_file():
            async with open_ledger(ledger.path, create=False, private=True) as opened:
                if files := await opened.files.some(limit=MOVED_SAMPLE):
                    return files
    return []


def _place_aside(catalog: Catalog, library: KnownLibrary) -> Path | None:
    """A free place for the files of a library; None for those that were named somewhere else, which stay there."""
    if not _has_folder(catalog, library) or holds_mark_alone(library.folder):
        return None
    aside = catalog.data / "forgotten" / library.folder.name
    while aside.exists():
        aside = aside.with_name(f"{aside.name}-again")
    return aside


def _put_aside(catalog: Catalog, library: KnownLibrary, aside: Path | None) -> None:
    """Move the files of a library out of the way."""
    if aside is not None:
        aside.parent.mkdir(mode=0o700, exist_ok=True)
        library.folder.rename(aside)
    elif _has_folder(catalog, library):
        remove_marked_folder(library.folder)


def _has_folder(catalog: Catalog, library: KnownLibrary) -> bool:
    return library.folder.is_dir() and library.folder.is_relative_to(catalog.data / "libraries")
