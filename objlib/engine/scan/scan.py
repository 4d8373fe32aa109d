"""Scan: compare the library with the ledger, record the differences, send nothing.

Three steps, none of which holds the library in memory. The walk notes what is on disk, a batch at a time; a file whose
status is that of its row counts as unchanged, and every other file is read. Then SQL classifies the differences: new,
changed, renamed, missing, returned, described anew. Last, they are recorded a page per transaction, so that a scan
interrupted anywhere has recorded a part that is true, and the next one finds the rest.
"""

import math
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

import trio

from objlib.core.config.settings import Backend
from objlib.core.errors import LostNotesError, RefusedError
from objlib.core.events import EventKind, Phase
from objlib.core.failures import Failure
from objlib.core.library.mime import ACCEPTED, OFFLINE, PICTURES, takes_pictures
from objlib.core.library.patterns import PathPattern, parse_patterns
from objlib.core.library.snapshot import FileSnapshot, FileStatus
from objlib.core.reports import MAX_LISTED
from objlib.core.reports.upload import ScanReport
from objlib.engine.app import App
from objlib.engine.scan.read_file import Clock, judged, read_file, read_files
from objlib.engine.scan.rules_files import refuse_missing_rules, remember_rules
from objlib.engine.scan.scope import Scope
from objlib.engine.scan.walk import Skipped, Walk
from objlib.ledger import (
    MODEL_KEY,
    ChangeKind,
    FileRow,
    Lease,
    PatternChoice,
    ScanSession,
    ToRead,
)

WALK_BATCH: Final = 1000
"""Entries of the walk per hop to a thread; a hop costs as much as a dozen of them."""
READ_FILES: Final = 256
"""Files read per hop to a thread, at most: small ones take a hundredth of a second."""
LARGE: Final = 64 * 1024
"""Bytes of a file from which most of its reading is hashing, which several threads do at once. The reading of smaller
ones is work for the interpreter, which does one thing at a time: two threads take a third more for it than one."""
READ_BYTES: Final = 32 * 1024 * 1024
"""Bytes read per hop to a thread, so that a stop is never far away; a single file may have more."""
READ_PAGE: Final = 1024
"""Files whose hashes are kept in memory before they are noted, or recorded."""
APPLY_PAGE: Final = 500
"""Differences recorded per transaction."""
MAX_RESTARTS: Final = 3
"""Times that a scan starts over because another run recorded its own scan meanwhile. After that it records what it has:
each row is still compared with what it was, and the next scan finds the rest."""
MAX_LOSSES: Final = 10
"""Times that a scan starts over because its connection to the ledger broke."""


async def scan(
    app: App,
    *,
    dry_run: bool = False,
    checksum: bool = False,
    complete: bool = False,
    own_patterns: bool = False,
    lease: Lease | None = None,
    clock: Clock = time.time_ns,
) -> ScanReport:
    """Compare the library of ``app`` with its ledger, and record what changed.

    Args:
        app: the open application; ``app.files`` runs the walk and the reading.
        dry_run: record nothing, and list the changes in the report.
        checksum: read every file, whatever its status says.
        complete: list every change and every entry that was not taken in, however many there are.
        own_patterns: describe files by the metadata patterns of the settings, also where another machine has
            replaced them.
        lease: the turn of this run; nothing is recorded once another run has it.
        clock: the clock that stamps files, which is not that of the ledger.

    Raises:
        UsageError: the library is not there or cannot be read, or a setting cannot be understood.
        RefusedError: the library is empty and was not, as if its disk were not mounted; or a rules file is gone.
        LostLeaseError: another run took the lease over, since this one seemed dead.
        LedgerError: the ledger cannot be used.
    """
    settings = app.settings
    scope = await app.files(partial(Scope.of, settings))
    parse_patterns(settings.patterns)  # they may be wrong also where others are in use
    choice = await app.ledger.patterns.choose(settings.patterns)
    if own_patterns:
        choice = PatternChoice(settings.patterns)
    patterns = parse_patterns(choice.patterns)
    taken = await taken_types(app)
    if not await app.ledger.patterns.are_in_use(choice.patterns):
        if dry_run:
            checksum = True
        else:
            await app.ledger.patterns.use(choice.patterns)
    limit = sys.maxsize if complete else MAX_LISTED
    scans = losses = left_alone = recorded = 0
    found: dict[ChangeKind, int] = {}
    while True:
        scans += 1
        work = _Scan(app, Walk(scope, limit), patterns, clock, checksum, taken, limit, found)
        outrun = scans - losses > MAX_RESTARTS
        try:
            with app.observer.phase(Phase.SCAN):
                done = await work.look(lease, dry_run=dry_run, complete=complete, outrun=outrun)
        except LostNotesError:
            done = False
            losses += 1
            if losses > MAX_LOSSES:
                raise
            app.observer.note("looking at the library again: the connection to the ledger broke in the scan")
        recorded, left_alone = recorded + work.recorded, left_alone + work.left_alone
        if done:
            break
    if not dry_run and await app.ledger.settings.unreadable() != work.unreadable:
        await app.ledger.settings.set_unreadable(work.unreadable, lease=lease)
    if not dry_run:
        await remember_rules(app, work.rules_files, lease)
    app.observer.event(
        EventKind.SCANNED, files=work.files, ignored=work.walk.ignored, read=work.read, left_alone=left_alone
    )
    new, changed = found[ChangeKind.NEW] + recorded, found[ChangeKind.CHANGED]
    renamed, returned = found[ChangeKind.RENAMED], found[ChangeKind.RETURNED]
    return ScanReport(
        scanned=work.files,
        bytes=work.bytes,
        hashed=work.read,
        new=new,
        changed=changed,
        renamed=renamed,
        missing=found[ChangeKind.MISSING],
        returned=returned,
        described=found[ChangeKind.DESCRIBED],
        unchanged=work.files - new - changed - renamed - returned,
        skipped=tuple(work.skipped),
        unreadable=tuple(work.unreadable),
        skipped_total=work.skipped_total,
        unreadable_total=work.unreadable_total,
        ignored=work.walk.ignored,
        left_out=tuple(work.walk.left_out),
        changes=tuple(work.changes),
        renames=tuple(work.renames),
        patterns_of=choice.machine,
        patterns_since=choice.since,
    )


async def record_change(app: App, row: FileRow) -> Failure | None:
    """Record what the file of ``row`` is now, after a reader other than a scan found that it changed.

    The state stays as it is. A file that is no longer there is recorded as missing.

    Returns:
        Why no store could take the file as it is now; None for any ordinary file.
    """
    root, patterns = app.settings.library, await patterns_in_use(app)
    snapshot = await app.files(partial(read_file, root, row, patterns, time.time_ns))
    snapshot = snapshot and judged(snapshot, await taken_types(app))
    await app.ledger.scans.record_content(row, snapshot)
    return None if snapshot is None else snapshot.failure


async def patterns_in_use(app: App) -> tuple[PathPattern, ...]:
    """The metadata patterns that describe the files of the ledger."""
    return parse_patterns((await app.ledger.patterns.choose(app.settings.patterns)).patterns)


async def taken_types(app: App) -> frozenset[str]:
    """The MIME types that the store of an application takes, or would take if a run made it now."""
    model = app.embedding_model or await app.ledger.settings.get(MODEL_KEY) or app.settings.embedding_model
    offline = OFFLINE if app.settings.backend is Backend.EMBEDDED else frozenset()
    return ACCEPTED | offline | (PICTURES if takes_pictures(model) else frozenset())


@dataclass(slots=True)
class _Scan:
    """One scan in progress.

    Attributes:
        files: files on disk so far.
        bytes: their size.
        read: files among them that had to be read.
        recorded: files among those that were recorded at once.
        left_alone: files among these that another run had recorded before.
        limit: entries that each list may have.
        found: differences of each kind, also those that were recorded before the notes of an earlier try were lost.
        rules_files: what to remember of the rules that held.
        changes, renames: the differences to report, where they are.
        skipped, unreadable: (path, reason) of what was not taken in, at most ``limit`` each.
        skipped_total, unreadable_total: how many there are.
    """

    app: App
    walk: Walk
    patterns: tuple[PathPattern, ...]
    clock: Clock
    read_all: bool
    taken: frozenset[str]
    limit: int
    found: dict[ChangeKind, int]
    rules_files: list[str] = field(default_factory=list)
    changes: list[tuple[str, str]] = field(default_factory=list)
    renames: list[tuple[str, str]] = field(default_factory=list)
    files: int = 0
    bytes: int = 0
    read: int = 0
    recorded: int = 0
    left_alone: int = 0
    skipped: list[tuple[str, str]] = field(default_factory=list)
    unreadable: list[tuple[str, str]] = field(default_factory=list)
    skipped_total: int = 0
    unreadable_total: int = 0

    async def look(self, lease: Lease | None, *, dry_run: bool, complete: bool, outrun: bool) -> bool:
        """Look at all, compare, and record; False if another run outran this one, and all has to be done again."""
        app = self.app
        async with app.ledger.scans.open(lease) as session:
            await self.walk_all(session)
            self.rules_files = await refuse_missing_rules(app, self.walk.scope, self.walk.rules_files)
            app.observer.total(Phase.SCAN, self.files, self.bytes)
            at_once = not (dry_run or complete) and await session.nothing_left()
            if not await self.read_changed(session, at_once=at_once, outrun=outrun):
                return False
            await _refuse_vanished(app.settings.library, session)
            compared = await session.compare(outrun=outrun)
            if compared is None:
                return False
            for kind, number in compared.items():
                self.found[kind] = max(number, self.found.get(kind, 0))
            if dry_run or complete:
                self.changes = await session.changes(limit=self.limit)
            if complete:
                self.renames = await session.renames()
            if not dry_run:
                self.left_alone += await session.apply(run_id=app.run_id, page=APPLY_PAGE)
        return True

    async def walk_all(self, session: ScanSession) -> None:
        """Note everything on disk."""
        while batch := await self.app.files(partial(self.walk.take, WALK_BATCH)):
            files = [entry for entry in batch if isinstance(entry, FileStatus)]
            skipped = [entry for entry in batch if isinstance(entry, Skipped)]
            for entry in skipped:
                entries = self.unreadable if entry.blind else self.skipped
                self.unreadable_total += entry.blind
                self.skipped_total += not entry.blind
                if len(entries) < self.limit:
                    entries.append((entry.path, entry.reason))
            await session.note_blind([entry.path for entry in skipped if entry.blind])
            to_read, size_to_read = await session.note_files(
                files, read_all=self.read_all, pictures=not PICTURES.isdisjoint(self.taken)
            )
            size = sum(file.size for file in files)
            self.files += len(files)
            self.bytes += size
            self.app.observer.advance(Phase.SCAN, len(files) - to_read, size - size_to_read)

    async def read_changed(self, session: ScanSession, *, at_once: bool, outrun: bool) -> bool:
        """Read the files that may have changed, and note what they are; with ``at_once`` record them as new instead.

        Returns:
            False if another run outran this one, and so all has to be looked at again; never with ``outrun``.
        """
        after = 0
        threads = trio.CapacityLimiter(1)
        while page := await session.to_read(after=after, limit=READ_PAGE):
            after = page[-1].number
            results: list[tuple[ToRead, FileSnapshot | None]] = []
            async with trio.open_nursery() as nursery:
                for hop in _hops(page):
                    nursery.start_soon(self._read_hop, hop, results, threads)
            results.sort(key=lambda result: result[0].number)  # hops may end in any order
            if not at_once:
                await session.note_read(results)
                continue
            stale = await session.record_new(results, run_id=self.app.run_id, outrun=outrun)
            if stale is None:
                return False
            self.recorded += sum(snapshot is not None for _, snapshot in results)
            self.left_alone += stale
        return True

    async def _read_hop(
        self,
        hop: list[ToRead],
        results: list[tuple[ToRead, FileSnapshot | None]],
        threads: trio.CapacityLimiter,
    ) -> None:
        read = partial(read_files, self.walk.scope.root, hop, self.patterns, self.clock)
        async with threads:
            snapshots, waited = await self.app.files(read)
        # Beside one that waits for the disk, or hashes, another hop has a core; ``app.files`` limits how many.
        beside = waited or sum(file.size for file in hop) >= LARGE * len(hop)
        threads.total_tokens = math.inf if beside else 1
        snapshots = [file and judged(file, self.taken) for file in snapshots]
        results += zip(hop, snapshots, strict=True)
        gone = [file for file, snapshot in zip(hop, snapshots, strict=True) if snapshot is None]
        self.read += len(hop) - len(gone)
        self.files -= len(gone)
        self.bytes -= sum(file.size for file in gone)
        self.app.observer.advance(Phase.SCAN, len(hop), sum(file.size for file in hop))


def _hops(page: list[ToRead]) -> Iterator[list[ToRead]]:
    """``page`` in pieces that are each worth a hop to a thread, and not too long for one."""
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
    """Refuse a library without a single file: more likely its disk is not mounted than that it was cleared.

    Raises:
        RefusedError: files of it have documents, and it has no files.
    """
    documents = await session.vanished()
    if documents:
        raise RefusedError(
            f"the library {root} holds no files, and {documents:,} of it are in the store; mount its disk or check "
            "--library (if it was cleared on purpose, put one file into it and scan again)"
        )
