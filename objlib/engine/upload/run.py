"""An upload run: scan, recover, then one task for each file, until quiescence.

The pump takes a slot (files between claimed and indexed) and an upload token *before* it spawns a task, so
tasks never outnumber either, and shrinking the tokens takes effect at once. Memory is bounded by the slots:
the pump reads the ledger in pages and forgets a file as soon as its task ends.
"""

import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from typing import Final

import trio

from objlib.core.errors import StaleTransitionError
from objlib.core.events import Phase
from objlib.core.lifecycle.table import State
from objlib.core.pacing.backoff import backoff
from objlib.core.reports.upload import FailedFile, RecoverReport, ScanReport, UploadReport, VectorReport
from objlib.core.stop_reason import StopReason
from objlib.engine.app import App
from objlib.engine.recover import recover
from objlib.engine.requests.governor import Purpose
from objlib.engine.runs import in_flight_elsewhere
from objlib.engine.scan.scan import scan
from objlib.engine.upload.file_task import Flow, carry
from objlib.gemini import GeminiError, Store
from objlib.ledger import FileRow, Transition

PAGE: Final = 128
MAX_ROUNDS: Final = 6
"""How often the run goes back to files whose outcome stayed unknown."""
LISTED_FAILURES: Final = 1000
LAST_QUESTION: Final = 10.0
"""Seconds that a run which is over waits for what its report would also like to tell."""


async def upload(
    app: App,
    *,
    limit: int | None = None,
    dry_run: bool = False,
    retry_failed: bool = False,
    accept: Callable[[ScanReport], Awaitable[None]] | None = None,
) -> UploadReport:
    """Bring the store up to date with the library; files already indexed are never touched.

    Args:
        app: the open application.
        limit: at most so many files are sent in this run.
        dry_run: only say what would be done; nothing is recorded and nothing sent.
        retry_failed: also send files again that an earlier run gave up.
        accept: looks at what the scan found before anything is sent; raises to refuse the run.

    Raises:
        ObjlibError: the run cannot go on at all.
    """
    scanned = await scan(app, dry_run=dry_run)
    if accept is not None:
        await accept(scanned)
    flow = Flow(app, limit, app.governor.pending)
    recovered = RecoverReport()
    postponed, vectors = 0, None
    if not dry_run:
        recovered = await _recover(flow)
        if retry_failed:
            # What only an edit can help is found fit by the scan, once it was edited.
            await _retry(app, "--retry-failed", lambda row: row.failure is None or not row.failure.kind.unfit)
        postponed = await _to_quiescence(flow)
        vectors = await _vectors(flow)
    report = await _report(flow, scanned, recovered, postponed, vectors)
    return (
        replace(report, dry_run=True, bytes=(await app.ledger.files.claimable_totals())[1])
        if dry_run
        else report
    )


async def _to_quiescence(flow: Flow) -> int:
    """Pump until nothing is left to do, going back to what stayed unknown on the way; how many deletes are left."""
    app, began, postponed = flow.app, flow.app.now(), 0
    files, size = await app.ledger.files.claimable_totals()
    limited = flow.limit is not None and flow.limit < files
    app.observer.begin(Phase.UPLOAD, flow.limit if limited else files, None if limited else size)
    try:
        for round_ in range(MAX_ROUNDS):
            await _pump(flow)
            if app.drain.requested or flow.stopped:
                break
            left = await _recover(flow, own=True)
            postponed = left.postponed
            if left.stopped:
                break
            again = await _second_chance(app, began) if round_ == 0 else 0
            # What was left by a service that answered nothing for minutes is not healed by asking at once again.
            unsettled = left.left if not app.retrier.unresponsive else 0
            if not left.requeued and not unsettled and not again:
                break
            with app.drain.intake():
                await trio.sleep(backoff(round_ + 1, jitter=random.random()) if unsettled else 0)
    finally:
        app.observer.end(Phase.UPLOAD)
    if (
        flow.limit is not None
        and len(flow.begun) >= flow.limit
        and (await app.ledger.files.claimable_totals())[0]
    ):
        flow.stop(StopReason.LIMIT, "run the same command again for the rest")
    if app.drain.requested:
        flow.stopped = StopReason.INTERRUPTED
        flow.advice = "nothing is lost: the next upload, or `objlib recover`, finishes it"
    return postponed


async def _recover(flow: Flow, *, own: bool = False) -> RecoverReport:
    """Recover; where the service does not go on, the run ends with its report."""
    report = await recover(flow.app, own=own)
    flow.stopped, flow.advice = report.stopped, report.advice
    return report


async def _pump(flow: Flow) -> None:
    flow.app.retrier.reset()
    # The nursery is outside the intake scope: a stop ends the feeding, not the files in flight.
    async with trio.open_nursery() as nursery:
        with flow.app.drain.intake():
            await _feed(flow, lambda row: nursery.start_soon(carry, flow, row))
        if flow.app.drain.requested:
            flow.app.retrier.drain()


async def _feed(flow: Flow, spawn: Callable[[FileRow], None]) -> None:
    app = flow.app
    with trio.CancelScope() as flow.feeding:
        while flow.takes_in():
            flow.changed = trio.Event()
            rows = [row for row in await _claimable(flow) if flow.may_begin(row.file_id)]
            if not rows and not flow.carrying and await _next_due(flow) is None:
                break
            if not rows:
                await _wait(flow)
            for row in rows:
                await flow.slots.acquire_on_behalf_of(row.file_id)
                try:
                    await app.governor.uploads.acquire_on_behalf_of(row.file_id)
                except BaseException:
                    flow.slots.release_on_behalf_of(row.file_id)
                    raise
                if not flow.takes_in() or not flow.may_begin(row.file_id):
                    flow.slots.release_on_behalf_of(row.file_id)
                    app.governor.uploads.release_on_behalf_of(row.file_id)
                    break
                flow.begin(row.file_id)
                spawn(row)
    while flow.carrying:
        flow.changed = trio.Event()
        await flow.changed.wait()


async def _claimable(flow: Flow) -> list[FileRow]:
    """The next files to carry. Once ``--limit`` is reached, only those of them that have to go again."""
    ledger, now = flow.app.ledger, flow.app.now()
    if flow.limit is None:
        return await ledger.files.claimable(now=now, limit=PAGE)
    if len(flow.begun) < flow.limit:
        return await ledger.files.claimable(now=now, limit=PAGE)
    rows: list[FileRow] = []
    for file_id in [file_id for file_id, due in flow.again.items() if due <= now]:
        row = await ledger.files.get(file_id)
        if row is not None and row.state is State.UNTRACKED and row.missing_since is None:
            rows.append(row)
        else:
            # Another run took it, or it is gone: who waits for it waits for ever.
            flow.again.pop(file_id, None)
    return rows


async def _next_due(flow: Flow) -> float | None:
    """When the next file that has to go again is due, as Unix time; None when there is none."""
    if flow.limit is not None and len(flow.begun) >= flow.limit:
        return min(flow.again.values(), default=None)
    return await flow.app.ledger.files.next_retry_at()


async def _wait(flow: Flow) -> None:
    """Wait until a task ends or the next file is due again."""
    due = await _next_due(flow)
    pause = 3600.0 if due is None else max(0.02, due - flow.app.now())
    with trio.move_on_after(pause):
        await flow.changed.wait()


async def _second_chance(app: App, since: float) -> int:
    """Once the others are done, what this run gave up for a passing reason is tried again; how many."""
    return await _retry(
        app,
        "a second chance in the same run",
        lambda row: row.state_updated_at >= since and row.failure is not None and row.failure.kind.transient,
    )


async def _retry(app: App, reason: str, wanted: Callable[[FileRow], bool]) -> int:
    """Take failed files back into the queue, those that are on disk and ``wanted``; how many."""
    after, taken = "", 0
    while rows := await app.ledger.files.failed(after=after, limit=PAGE):
        after = rows[-1].file_id
        for row in rows:
            if row.missing_since is not None or not wanted(row):
                continue
            try:
                await app.ledger.apply(Transition.retry(row, run_id=app.run_id, reason=reason))
                taken += 1
            except StaleTransitionError:
                continue
    return taken


async def _vectors(flow: Flow) -> VectorReport | None:
    """The embedded store's second pass; the library is searchable by words already."""
    app = flow.app
    if app.service is None:
        return None
    report = await app.service.vectors()
    seconds = app.settings.embed_seconds
    if app.drain.requested or not report.available or report.done >= report.total or seconds <= 0:
        return report
    app.observer.begin(Phase.VECTORS, report.total - report.done, None)
    done = report.done

    def progress(now_done: int, _total: int) -> None:
        nonlocal done
        app.observer.advance(Phase.VECTORS, now_done - done, 0)
        done = now_done

    try:
        with app.drain.intake() as scope:
            await app.service.make_vectors(seconds=seconds, progress=progress)
        if scope.cancelled_caught:
            flow.stopped = StopReason.INTERRUPTED
            flow.advice = "every file is searchable by words; the next upload goes on with search by meaning"
    finally:
        app.observer.end(Phase.VECTORS)
    return await app.service.vectors()


async def _full_store(flow: Flow) -> Store | None:
    """What a store holds that is full; asked once, and not waited for long, since the run is over anyway."""
    if flow.stopped is not StopReason.STORE_FULL:
        return None
    with suppress(GeminiError), trio.move_on_after(LAST_QUESTION):
        async with flow.app.governor.slot(Purpose.LIST):
            return await flow.app.client.stores.get(flow.app.store)
    return None


async def _report(
    flow: Flow,
    scanned: ScanReport,
    recovered: RecoverReport,
    postponed: int,
    vectors: VectorReport | None,
) -> UploadReport:
    app = flow.app
    counts = await app.ledger.files.counts(now=app.now())
    full = await _full_store(flow)
    failures = await app.ledger.files.failed("", LISTED_FAILURES)
    wanted, _ = await app.ledger.files.claimable_totals()
    if flow.stopped not in {StopReason.NONE, StopReason.LIMIT}:
        # No recovery came last and counted them.
        postponed = max(counts.open_intents, counts.superseded)
    on_the_way = counts.states.get(State.UPLOADING, 0) + counts.states.get(State.PROCESSING, 0)
    return UploadReport(
        run_id=app.run_id,
        backend=str(app.settings.backend),
        store=app.store,
        library=str(app.settings.library),
        scan=scanned,
        scanned=scanned.scanned,
        uploaded=flow.uploaded,
        indexed=counts.states.get(State.INDEXED, 0),
        unchanged=scanned.unchanged,
        failed=counts.states.get(State.FAILED, 0),
        pending=wanted + on_the_way,
        elsewhere=await in_flight_elsewhere(app.ledger, app.run_id, app.now),
        postponed=postponed,
        renamed=scanned.renamed,
        missing=counts.missing,
        deleted=app.deleted,
        requests=app.requests,
        throttled=app.governor.throttled,
        bytes=flow.sent_bytes,
        seconds=trio.current_time() - app.opened_at,
        stopped=flow.stopped,
        advice=flow.advice,
        store_documents=None if full is None else full.active + full.pending + full.failed,
        store_bytes=None if full is None else full.size,
        recovered=recovered,
        vectors=vectors,
        failures=tuple(
            FailedFile(
                path=row.file_path,
                state=str(row.state),
                error=row.last_error or "",
                retryable=row.failure.retryable if row.failure else False,
            )
            for row in failures
            if row.missing_since is None
        ),
    )
