"""Scan: compare the library with the ledger, record the differences, send nothing.

Three steps, none of which holds the library in memory. The walk notes what is on disk, a batch at a time, and
whatever has the status of its row is taken at its word; everything else is read. Then SQL works out what that
means: new, changed, renamed, missing, returned. Last, the differences are recorded a page to a transaction,
so that a scan interrupted anywhere has recorded a part that is true, and the next one finds the rest.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final
from unicodedata import normalize

import trio

from objlib.core.errors import RefusedError
from objlib.core.events import EventKind, Observer, Phase
from objlib.core.failures import Failure
from objlib.core.ids import RunId
from objlib.core.library.ignore import IgnoreRules
from objlib.core.library.paths import disk_path
from objlib.core.library.patterns import PathPattern, parse_patterns
from objlib.core.library.snapshot import FileSnapshot
from objlib.core.reports.upload import ScanReport
from objlib.engine.scan.read_file import Clock, read_file, read_files
from objlib.engine.scan.walk import Found, Skipped, Walk
from objlib.ledger import ChangeKind, FileRow, Ledger, ScanSession, ToRead
from objlib.threads import Runner

if TYPE_CHECKING:
    from objlib.engine.app import App

__all__ = ["disk_path", "record_change", "scan", "scan_library"]

BATCH: Final = 1000
"""Entries of the walk to a hop: a hop costs as much as a dozen of them."""
READ_FILES: Final = 64
"""Files to a hop when they are read."""
READ_BYTES: Final = 32 * 1024 * 1024
"""Bytes to a hop when files are read, so that a stop is never far away; a single file may have more."""
READ_PAGE: Final = 512
"""Files whose hashes are kept in memory before they are noted."""
APPLY_PAGE: Final = 500
"""Differences to a transaction."""
OUTRUN: Final = 3
"""How often a scan looks again because another run has recorded meanwhile what it saw. After that it records what it
has: each row is still compared with what it was, and what is wrong then the next scan finds."""
LISTED: Final = 1000
"""Changes and skipped entries that a report names."""
_SQLITE_FILES: Final = ("", "-wal", "-shm", "-journal")


async def scan(app: "App", *, dry_run: bool = False) -> ScanReport:
    """Compare the library of ``app`` with its ledger, and record what changed.

    Args:
        app: the open application.
        dry_run: record nothing, and list the changes in the report.

    Raises:
        UsageError: the library is not there or cannot be read, or a setting cannot be understood.
        RefusedError: the library is empty and was not, as if its disk were not mounted.
        LedgerError: the ledger cannot be used.
    """
    settings = app.settings
    databases = (settings.ledger, settings.embedded)
    own = [Path(f"{path}{suffix}") for path in databases for suffix in _SQLITE_FILES]
    return await scan_library(
        app.ledger,
        root=settings.library,
        run_id=app.run_id,
        observer=app.observer,
        hash_runner=app.files,
        patterns=settings.patterns,
        ignore=settings.ignore,
        own=own if settings.config is None else [*own, settings.config],
        follow_links=settings.follow_links,
        dry_run=dry_run,
    )


async def scan_library(
    ledger: Ledger,
    *,
    root: Path,
    run_id: RunId,
    observer: Observer,
    hash_runner: Runner,
    patterns: Sequence[str] = (),
    ignore: Sequence[str] = (),
    own: Iterable[Path] = (),
    follow_links: bool = False,
    dry_run: bool = False,
    clock: Clock = time.time_ns,
) -> ScanReport:
    """Compare the library at ``root`` with ``ledger``, and record what changed. See :func:`scan`.

    Times in the ledger come from its own ``now``.

    Args:
        ledger: the open ledger.
        root: the library.
        run_id: the run that transitions are recorded under.
        observer: told of the progress.
        hash_runner: runs the walk and the reading; what it lets run at once is read at once.
        patterns: path patterns for metadata, first match wins.
        ignore: extra ignore rules in gitignore syntax.
        own: files of ours that may lie in the library and are never part of it.
        follow_links: whether links to folders are followed.
        dry_run: record nothing, and list the changes in the report.
        clock: the clock that stamps files; not that of a test.
    """
    rules = IgnoreRules.of(ignore, await hash_runner(partial(_inside, root, list(own))))
    changes: list[tuple[str, str]] = []
    looks = stale = 0
    while True:
        looks += 1
        job = _Scan(Walk(root, rules, follow_links), parse_patterns(patterns), observer, hash_runner, clock)
        observer.begin(Phase.SCAN, None, None)
        try:
            async with ledger.scans.open() as session:
                await job.walk_all(session)
                await job.read_changed(session)
                await _refuse_vanished(root, session)
                found = await session.compare(outrun=looks > OUTRUN)
                if found is not None:
                    if dry_run:
                        changes = await session.changes(limit=LISTED)
                    else:
                        stale = await session.apply(run_id=run_id, page=APPLY_PAGE)
                    break
        finally:
            observer.end(Phase.SCAN)
    observer.event(
        EventKind.SCANNED, files=job.files, ignored=job.walk.ignored, read=job.read, left_alone=stale
    )
    told = sum(
        found[kind] for kind in (ChangeKind.NEW, ChangeKind.CHANGED, ChangeKind.RENAMED, ChangeKind.RETURNED)
    )
    return ScanReport(
        scanned=job.files,
        bytes=job.bytes,
        hashed=job.read,
        new=found[ChangeKind.NEW],
        changed=found[ChangeKind.CHANGED],
        renamed=found[ChangeKind.RENAMED],
        missing=found[ChangeKind.MISSING],
        returned=found[ChangeKind.RETURNED],
        unchanged=job.files - told,
        skipped=tuple(job.skipped),
        changes=tuple(changes),
    )


async def record_change(app: "App", row: FileRow) -> Failure | None:
    """Record what the file of ``row`` is now, after something else than a scan found that it has changed.

    The state stays as it is. A file that is no longer there is recorded as missing.

    Returns:
        Why no store could take the file as it is now; None for any ordinary file.
    """
    root, patterns = app.settings.library, parse_patterns(app.settings.patterns)
    examined = await app.files(partial(read_file, root, row, patterns, time.time_ns))
    await app.ledger.scans.record_content(row, examined)
    return None if examined is None else examined.failure


@dataclass(slots=True)
class _Scan:
    """One scan under way.

    Attributes:
        files, bytes: files seen on disk, and their size.
        read: how many of them had to be read.
        skipped: what was not taken in, at most :data:`LISTED`.
    """

    walk: Walk
    patterns: tuple[PathPattern, ...]
    observer: Observer
    runner: Runner
    clock: Clock
    files: int = 0
    bytes: int = 0
    read: int = 0
    skipped: list[tuple[str, str]] = field(default_factory=list)

    async def walk_all(self, session: ScanSession) -> None:
        """Note everything on disk."""
        while batch := await self.runner(partial(self.walk.take, BATCH)):
            found = [entry for entry in batch if isinstance(entry, Found)]
            skipped = [entry for entry in batch if isinstance(entry, Skipped)]
            self.skipped += [(entry.path, entry.reason) for entry in skipped[: LISTED - len(self.skipped)]]
            await session.note_blind([entry.path for entry in skipped if entry.blind])
            to_read, size_to_read = await session.note_files(found)
            size = sum(entry.size for entry in found)
            self.files += len(found)
            self.bytes += size
            self.observer.advance(Phase.SCAN, len(found) - to_read, size - size_to_read)

    async def read_changed(self, session: ScanSession) -> None:
        """Read what may have changed, and note what it is."""
        after = 0
        while page := await session.to_read(after=after, limit=READ_PAGE):
            after = page[-1].number
            results: list[tuple[str, FileSnapshot | None]] = []
            async with trio.open_nursery() as nursery:
                for hop in _hops(page):
                    nursery.start_soon(self._read_hop, hop, results)
            await session.note_read(results)

    async def _read_hop(self, hop: list[ToRead], results: list[tuple[str, FileSnapshot | None]]) -> None:
        examined = await self.runner(partial(read_files, self.walk.root, hop, self.patterns, self.clock))
        results += zip((file.file_path for file in hop), examined, strict=True)
        gone = [file for file, result in zip(hop, examined, strict=True) if result is None]
        self.read += len(hop) - len(gone)
        self.files -= len(gone)
        self.bytes -= sum(file.size for file in gone)
        self.observer.advance(Phase.SCAN, len(hop), sum(file.size for file in hop))


def _hops(page: list[ToRead]) -> Iterator[list[ToRead]]:
    """``page`` in pieces that are worth a hop to a thread each, and not too long for one."""
    hop: list[ToRead] = []
    size = 0
    for file in page:
        hop.append(file)
        size += file.size
        if len(hop) == READ_FILES or size >= READ_BYTES:
            yield hop
            hop, size = [], 0
    if hop:
        yield hop


async def _refuse_vanished(root: Path, session: ScanSession) -> None:
    """A library without a single file is more likely a disk that is not mounted than one that was cleared.

    Raises:
        RefusedError: it had files with documents, and now there are none.
    """
    documents = await session.vanished()
    if documents:
        raise RefusedError(
            f"the library {root} holds no files, and {documents:,} of it are in the store; mount its disk or check "
            "--library (if it was cleared on purpose, put one file into it and scan again)"
        )


def _inside(root: Path, files: list[Path]) -> list[str]:
    """Those of ``files`` that lie in the library, relative to it and spelt as the walk spells them."""
    base = root.resolve()
    resolved = [path.resolve() for path in files]
    return [
        normalize("NFC", path.relative_to(base).as_posix()) for path in resolved if path.is_relative_to(base)
    ]
