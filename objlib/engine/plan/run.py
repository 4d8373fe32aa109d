"""The dry run of an upload or a sync.

It scans, and records that in a private copy of the ledger; then the queries by which a run finds its work tell what
it would do. Nothing is sent, and the copy goes with the process.
"""

from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

import trio

from objlib.core.config.settings import GEMINI_URL, Backend
from objlib.core.costs import STORAGE_FACTOR, price_in_usd, smallest_tier, upload_requests
from objlib.core.errors import ServiceError
from objlib.core.lifecycle.delete_limit import DeleteLimit
from objlib.core.reports.plan import Cost, PlannedStep, RunPlan
from objlib.core.reports.upload import RecoverReport, UploadReport
from objlib.engine.app import App
from objlib.engine.plan.steps import (
    failed_files,
    files_to_send,
    steps_of_absence,
    steps_of_failures,
    steps_of_recovery,
    steps_of_scan,
    steps_of_sending,
)
from objlib.engine.plan.tokens import count_tokens
from objlib.engine.reconcile.prune import check_prune
from objlib.engine.requests.governor import REQUEST_RATE, Purpose
from objlib.engine.scan.moved import refuse_moved
from objlib.engine.scan.scan import scan
from objlib.engine.upload.run import make_report, retry_failed_files
from objlib.engine.upload.state import UploadRun
from objlib.gemini import CHUNK
from objlib.ledger import FileRow

STORE_SECONDS: Final = 15.0
"""Seconds that a plan waits for what the store says of itself; without an answer it is made without."""


@dataclass(frozen=True, slots=True)
class RunOptions:
    """The options of the run that is planned.

    Attributes:
        limit: bound of the files that it sends.
        retry_failed: whether files that failed before are sent again.
        checksum: whether every file is read.
        grace: seconds for which a file must be missing before its document is removed; None to remove none.
        max_delete: bound of these removals.
    """

    limit: int | None = None
    retry_failed: bool = False
    checksum: bool = False
    grace: float | None = None
    max_delete: DeleteLimit = field(default_factory=DeleteLimit)


async def plan_run(app: App, options: RunOptions) -> UploadReport:
    """Plan an upload, or with ``options.grace`` a sync that prunes.

    Args:
        app: opened for a dry run.
        options: of the run.

    Raises:
        RefusedError: the run would be refused for the same reason.
        ObjlibError: the run could not go on at all.
    """
    scanned = await scan(app, checksum=options.checksum, complete=True)
    await refuse_moved(app)
    if options.grace is not None:
        await check_prune(app, scanned, grace=options.grace, limit=options.max_delete)
    if options.retry_failed:
        await retry_failed_files(app)
    rows, postponed = await files_to_send(app, options.limit)
    tokens, tokens_read = await app.files(partial(count_tokens, app.settings.library, rows))
    failed = await failed_files(app)
    # The new path of a file that was never sent matters to nothing that a run does.
    never_sent = {row.file_path for row in (*rows, *postponed, *failed) if not row.documents}
    steps = [
        *steps_of_scan(scanned, never_sent),
        *steps_of_sending(rows, postponed, scanned, tokens),
        *steps_of_failures(failed),
        *await steps_of_recovery(app),
        *await steps_of_absence(app, options.grace),
    ]
    store_bytes, note = await _store_size(app)
    cost = await _cost(app, rows, steps, tokens_read, store_bytes)
    report = await make_report(UploadRun(app, options.limit), scanned, RecoverReport(), None)
    return replace(report, dry_run=True, bytes=cost.bytes, plan=RunPlan.of(steps, cost, note))


async def _cost(
    app: App, rows: list[FileRow], steps: list[PlannedStep], tokens_read: int, store_bytes: int | None
) -> Cost:
    settings = app.settings
    priced = settings.backend is Backend.GEMINI and settings.base_url == GEMINI_URL
    tokens = sum(step.tokens for step in steps)
    size = sum(row.size for row in rows)
    removed = sum(step.documents for step in steps)
    requests = upload_requests([row.size for row in rows], CHUNK, removed)
    rate = (await app.ledger.rates.learnt()).get(REQUEST_RATE)
    pace = await app.ledger.attempts.pace()
    seconds = requests / rate if rate else len(rows) / pace if pace else None
    after = (store_bytes or 0) + size * STORAGE_FACTOR if priced else None
    return Cost(
        bytes=size,
        tokens=tokens,
        tokens_read=tokens_read,
        usd=price_in_usd(tokens) if priced else None,
        store_bytes=store_bytes,
        store_bytes_after=after,
        tier="" if after is None else smallest_tier(after),
        requests=requests,
        requests_per_second=rate,
        files_per_second=pace,
        seconds=seconds,
    )


async def _store_size(app: App) -> tuple[int | None, str]:
    """Bytes that the store holds by its own count, or why they are not known."""
    if not app.store:
        return None, app.store_note
    try:
        with trio.fail_after(STORE_SECONDS):
            get = partial(app.client.stores.get, app.store)
            store = await app.retrier.find(Purpose.LIST, get, reconnect=False)
    except trio.TooSlowError:
        return None, "the store's size is not known: it did not answer"
    except ServiceError as error:
        return None, f"the store's size is not known: {error}"
    return None if store is None else store.size, ""
