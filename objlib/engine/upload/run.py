"""An upload run: scan, recover, then one task for each file, until quiescence."""

import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Final

import trio

from objlib.core.advice import advise
from objlib.core.events import Phase
from objlib.core.lifecycle.table import State
from objlib.core.pacing.backoff import backoff
from objlib.core.reports.upload import RecoverReport, ScanReport, UploadReport, VectorReport
from objlib.core.stop_reason import StopReason
from objlib.engine.app import App
from objlib.engine.failed_files import failed_files, skipped_files
from objlib.engine.recover import recover
from objlib.engine.requests.governor import Purpose
from objlib.engine.runs import in_flight_elsewhere
from objlib.engine.scan.moved import refuse_moved
from objlib.engine.scan.turn import scan_in_turn
from objlib.engine.scan.walk import root_identity
from objlib.engine.upload.pump import pump
from objlib.engine.upload.state import UploadRun
from objlib.engine.vectors import make_vectors
from objlib.gemini import GeminiError, Store
from objlib.ledger import LAST_SUCCESS_KEY, FileRow, Move

MAX_ROUNDS: Final = 6
"""Rounds of a run: after each it goes back to the files whose outcome stayed unknown."""
LISTED_FAILURES: Final = 1000
"""Failed files that a report lists; the others are only counted."""
STORE_STATISTICS_SECONDS: Final = 10.0
"""Timeout, in seconds, of the optional store statistics in the final report: the run is over."""


async def upload(
    app: App,
    *,
    limit: int | None = None,
    retry_failed: bool = False,
    checksum: bool = False,
    accept: Callable[[ScanReport], Awaitable[None]] | None = None,
) -> UploadReport:
    """Bring the store up to date with the library; files already indexed are never touched.

    Args:
        limit: bound of the files that this run sends.
        retry_failed: also send files again that failed in an earlier run.
        checksum: read every file of the library, whatever its status says.
        accept: inspects the result of the scan before anything is sent; raises to refuse the run.

    Raises:
        ObjlibError: the run cannot go on at all.
    """
    identity = partial(root_identity, app.settings.library)
    run = UploadRun(app, limit, await app.files(identity))
    # Nothing may be sent before the result of this run's own scan was accepted.
    meanwhile = partial(_upload_known, run) if accept is None else None
    scanned = await scan_in_turn(app, checksum=checksum, meanwhile=meanwhile)
    await refuse_moved(app)
    if accept is not None:
        await accept(scanned)
    run.root = await app.files(identity)
    recovered = await _recover(run)
    if retry_failed:
        await retry_failed_files(app)
    await _run_to_quiescence(run)
    vectors = await _make_vectors(run)
    report = await make_report(run, scanned, recovered, vectors)
    if not report.stopped and not report.pending:
        await app.ledger.settings.set(LAST_SUCCESS_KEY, repr(app.now()))
    return report


async def retry_failed_files(app: App) -> None:
    """Requeue the files that failed in earlier runs, but for those that only an edit can help."""
    # Such a file is found fit by the scan, once it was edited.
    await retry_failed(app, "--retry-failed", lambda row: row.failure is None or not row.failure.kind.unfit)


async def _upload_known(run: UploadRun) -> None:
    """Send the files that other runs have recorded, while one of them scans."""
    files, size = await run.app.ledger.files.claimable_totals()
    if files and not run.stopped and not run.limit_reached:
        await refuse_moved(run.app)
        with run.app.observer.phase(Phase.UPLOAD, files, size):
            await pump(run)


async def _run_to_quiescence(run: UploadRun) -> None:
    """Pump until nothing is left to do, with a recovery of the unknown outcomes after each round."""
    app, began = run.app, run.app.now()
    files, size = await app.ledger.files.claimable_totals()
    limited = run.limit is not None and run.limit < files
    size_to_send = None if limited else size
    with app.observer.phase(Phase.UPLOAD, run.limit if limited else files, size_to_send):
        for round_ in range(MAX_ROUNDS):
            await pump(run)
            if app.drain.requested or run.stopped:
                break
            recovered = await _recover(run, own=True)
            if recovered.stopped:
                break
            retried = await _retry_transient(app, began) if round_ == 0 else 0
            # Files that a service left unanswered for minutes are not helped by another probe at once.
            unknown = recovered.left if not app.retrier.unresponsive else 0
            if not recovered.requeued and not unknown and not retried:
                break
            with app.drain.intake():
                await trio.sleep(backoff(round_ + 1, jitter=random.random()) if unknown else 0)
    if run.limit_reached and (await app.ledger.files.claimable_totals())[0]:
        run.stop(StopReason.LIMIT, "run the same command again for the rest")
    if app.drain.requested:
        run.stopped = StopReason.INTERRUPTED
        run.advice = f"nothing is lost: the next upload, or `{advise('recover')}`, finishes it"


async def _recover(run: UploadRun, *, own: bool = False) -> RecoverReport:
    """Recover; where the service does not go on, the run stops for the same reason."""
    report = await recover(run.app, own=own)
    run.stopped, run.advice, run.postponed = report.stopped, report.advice, report.postponed
    return report


async def _retry_transient(app: App, since: float) -> int:
    """Once the others are done, retry the files that failed for a transient reason in this run; how many."""
    return await retry_failed(
        app,
        "a second chance in the same run",
        lambda row: row.state_updated_at >= since and row.failure is not None and row.failure.kind.transient,
    )


async def retry_failed(app: App, reason: str, eligible: Callable[[FileRow], bool]) -> int:
    """Requeue the failed files that are on disk and ``eligible``; how many."""
    after, retried = "", 0
    while rows := await app.ledger.files.failed(after):
        after = rows[-1].file_id
        moves = [
            Move(row, app.run_id).retry(reason) for row in rows if row.missing_since is None and eligible(row)
        ]
        retried += await app.ledger.apply_each(moves)
    return retried


async def _make_vectors(run: UploadRun) -> VectorReport | None:
    """The embedded store's second pass; the library is searchable by words already."""
    app = run.app
    if app.service is None:
        return None
    report, interrupted = await make_vectors(
        app, await app.service.vectors(), seconds=app.settings.embed_seconds
    )
    if interrupted:
        run.stopped = StopReason.INTERRUPTED
        run.advice = (
            f"every file is searchable by words; `{advise('index')}` or the next upload "
            "goes on with search by meaning"
        )
    return report


async def _store_statistics(run: UploadRun) -> Store | None:
    """The counts of a full store; sent once and with a timeout, since the run is over anyway."""
    if run.stopped is not StopReason.STORE_FULL:
        return None
    with suppress(GeminiError), trio.move_on_after(STORE_STATISTICS_SECONDS):
        async with run.app.governor.slot(Purpose.LIST):
            return await run.app.client.stores.get(run.app.store)
    return None


async def make_report(
    run: UploadRun, scanned: ScanReport, recovered: RecoverReport, vectors: VectorReport | None
) -> UploadReport:
    """The report of a run as its ledger is now."""
    app = run.app
    counts = await app.ledger.files.counts(now=app.now())
    grace = app.settings.prune_grace
    gone = await app.ledger.deletions.prune_totals(cutoff=app.now() - grace)
    store = await _store_statistics(run)
    claimable, _ = await app.ledger.files.claimable_totals()
    in_flight = counts.states.get(State.UPLOADING, 0) + counts.states.get(State.PROCESSING, 0)
    unreadable = len(await app.ledger.settings.unreadable())
    # A run that stopped early had no last recovery, which would have counted the deletes that are left.
    finished = run.stopped in {StopReason.NONE, StopReason.LIMIT}
    return UploadReport(
        run_id=app.run_id,
        backend=str(app.settings.backend),
        store=app.store,
        library=str(app.settings.library),
        scan=scanned,
        scanned=scanned.scanned,
        uploaded=run.uploaded,
        indexed=counts.states.get(State.INDEXED, 0),
        unchanged=scanned.unchanged,
        failed=counts.states.get(State.FAILED, 0) - counts.skipped + unreadable,
        unreadable=unreadable,
        skipped=counts.skipped,
        pending=claimable + in_flight,
        elsewhere=await in_flight_elsewhere(app.ledger, app.run_id, app.now),
        postponed=run.postponed if finished else max(counts.open_intents, counts.superseded),
        renamed=scanned.renamed,
        missing=counts.missing,
        removable=gone.files,
        removable_from=None if gone.first is None else gone.first + grace,
        deleted=app.deleted,
        requests=app.requests,
        throttled=app.governor.throttled,
        bytes=run.sent_bytes,
        seconds=trio.current_time() - app.opened_at,
        stopped=run.stopped,
        advice=run.advice,
        store_documents=None if store is None else store.active + store.pending + store.failed,
        store_bytes=None if store is None else store.size,
        recovered=recovered,
        vectors=vectors,
        failures=await failed_files(app.ledger, LISTED_FAILURES),
        skips=await skipped_files(app.ledger, LISTED_FAILURES),
    )
