"""A ledger as a whole: copied to another place, written into a file and made again from it, and checked."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO

from objlib.core.config.ledger_url import LedgerUrl
from objlib.core.errors import LedgerError, RefusedError
from objlib.core.ids import RunId
from objlib.core.reports.ledger import LedgerCheck, LedgerCopy, LedgerDump
from objlib.engine.app import App
from objlib.engine.runs import unended_runs
from objlib.ledger import (
    check_dump,
    copy_ledger,
    is_dump,
    open_ledger,
    restore_ledger,
    run_at_work,
    summarize,
)
from objlib.threads import thread_runner


async def copy(source: Path | LedgerUrl, target: Path | LedgerUrl, *, dry_run: bool = False) -> LedgerCopy:
    """Copy a ledger, and compare each row with what arrived.

    Raises:
        RefusedError: a run is at work on the source; or the target is not empty, or is the source.
        LedgerError: one of them cannot be used; the target is as it was.
    """
    run = thread_runner(1)
    if isinstance(source, Path) and await run(partial(is_dump, source)):
        return await run(partial(_restore, source, target, dry_run=dry_run))
    async with open_ledger(source, create=False, private=dry_run) as ledger:
        alive, dead = await unended_runs(ledger, RunId(""), ledger.now, watch=not dry_run)
        now = ledger.now()
        if dry_run:
            if alive:
                raise run_at_work(alive[0], source)
            await run(partial(_require_room, target))
            planned = await ledger.checks.digest()
            return LedgerCopy(str(source), str(target), planned.rows, planned.digest, dry_run)
    copied = await run(partial(copy_ledger, source, target, dead={each.run_id for each in dead}, now=now))
    return LedgerCopy(str(source), str(target), copied.rows, copied.digest, dry_run)


def _require_room(target: Path | LedgerUrl) -> None:
    summary = summarize(target)
    if summary is not None and (summary.documents or summary.files or summary.runs):
        raise RefusedError(f"there is a ledger at {target} already; name a place without one")


def _restore(dump: Path, target: Path | LedgerUrl, *, dry_run: bool) -> LedgerCopy:
    if dry_run:
        _require_room(target)
        copied, _ = check_dump(dump, now=time.time())
    else:
        copied = restore_ledger(dump, target, now=time.time())
    return LedgerCopy(str(dump), str(target), copied.rows, copied.digest, dry_run, restored=True)


async def dump(app: App, file: IO[bytes], name: Path | None) -> LedgerDump:
    """Write the whole ledger into an open file, as it is at one moment; runs may be at work."""
    place = app.ledger.place
    copied = await app.ledger.checks.dump(file, place, app.ledger.now())
    return LedgerDump(
        str(place), None if name is None else str(name), copied.rows, copied.digest, file.tell()
    )


@contextmanager
def dump_file(path: Path) -> Iterator[IO[bytes]]:
    """A new file for its owner alone, which has its name once all is in it and on disk.

    Raises:
        RefusedError: there is a file already.
        LedgerError: it cannot be written.
    """
    if os.path.lexists(path):
        raise RefusedError(f"{path} is there already; name another file for the dump")
    part = path.with_name(f"{path.name}.part")
    try:
        with os.fdopen(os.open(part, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "wb") as file:
            try:
                yield file
                file.flush()
                os.fsync(file.fileno())
                part.rename(path)
            except BaseException:
                part.unlink(missing_ok=True)
                raise
    except OSError as error:
        raise LedgerError(f"the dump {path} cannot be written: {error.strerror or error}") from error


def check_file(file: Path) -> LedgerCheck:
    """Read a whole dump, and list what is wrong with it."""
    copied, findings = check_dump(file, now=time.time())
    return LedgerCheck(str(file), copied.rows, copied.digest, tuple(findings))


async def check(app: App) -> LedgerCheck:
    """Read the whole ledger, and list what is wrong with it."""
    findings = await app.ledger.checks.findings()
    copied = await app.ledger.checks.digest()
    return LedgerCheck(str(app.ledger.place), copied.rows, copied.digest, tuple(findings))
