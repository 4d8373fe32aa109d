"""Store-sync: find where store and ledger differ and, on request, repair it.

A repair never needs bytes. A surplus document is deleted, with an intent; a file whose document is missing or wrong
goes back to ``untracked``, so that the next upload sends it while the old document, if there is one, answers searches.
Each step is checked again, in the store and in the ledger, before it is applied.
"""

import json
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from objlib.core.errors import StaleTransitionError
from objlib.core.events import EventKind, Phase
from objlib.core.failures import Failure, FailureKind
from objlib.core.ids import FileId
from objlib.core.lifecycle.delete_limit import DeleteLimit
from objlib.core.lifecycle.drift import INFORMATION, ON_REQUEST, SURPLUS, Drift, DriftKind
from objlib.core.lifecycle.repair_plan import Plan
from objlib.core.reports import MAX_LISTED
from objlib.core.reports.store import StoreSyncReport
from objlib.engine.app import App
from objlib.engine.attempt.delete import Removal, execute_intent
from objlib.engine.reconcile.adopt import LostLedger, adopt, require_lost
from objlib.engine.reconcile.compare import Comparison, compare_store, recheck_document
from objlib.engine.recover import recover
from objlib.engine.requests.fan_out import fan_out
from objlib.gemini import GeminiError
from objlib.ledger import DRIFT_KEY, Move

MAX_STEPS: Final = 8
"""Steps of a repair in progress at once."""

_WHY: Final[Mapping[DriftKind, str]] = {
    DriftKind.ORPHAN: "the ledger knows no such file",
    DriftKind.DUPLICATE: "the file has another document",
    DriftKind.GHOST: "the store does not have its document",
    DriftKind.STALE_CONTENT: "its document was made of other bytes",
    DriftKind.BROKEN: "the store says that its document failed",
    DriftKind.METADATA_MISMATCH: "its document has other metadata",
    DriftKind.STALE_NAME: "its document has an earlier name",
}


async def store_sync(
    app: App,
    *,
    apply: bool,
    metadata: bool,
    limit: DeleteLimit,
    plan: Plan | None = None,
    lost: LostLedger | None = None,
) -> tuple[StoreSyncReport, Plan]:
    """Compare store and ledger, or take a saved plan, and repair the differences if ``apply`` says so.

    Args:
        apply: carry the plan out.
        metadata: with ``apply``, also send files again whose document only has a wrong name or metadata.
        plan: of an earlier comparison; the store is not listed then.
        lost: a lost ledger, whose documents are compared as if they were this one's.

    A dry run does not recover first: what a dead run left is reported as on its way.

    Returns:
        The report, and the plan.

    Raises:
        RefusedError: the plan is for another store or ledger, or it deletes too much, or the ledger is not lost;
            nothing was changed.
        GeminiError: the service did not answer, and nothing was repaired.
    """
    if plan is not None:
        plan.check(app.store, app.ledger_id)
    if lost is not None:
        await require_lost(app, lost)
        app.adopted |= {lost.ledger_id}
    adopted = 0
    if apply and not app.dry_run:
        # First recover what a dead run left in flight, so that the comparison covers it.
        await recover(app)
        if app.retrier.fatal is not None:
            raise app.retrier.fatal.again()
    if apply and lost is not None and lost.adopt:
        adopted = await adopt(app, lost)  # a dry run adopts in its copy of the ledger
    if plan is None:
        comparison = await compare_store(app)
        if lost is None:  # with another ledger's documents it is no picture of this one
            await _record_drift(app, comparison)
    else:
        comparison = Comparison(plan)
    plan, report = comparison.plan, _report(app, comparison)
    report.adopted, report.foreign_ledgers = adopted, comparison.ledgers
    report.of = "" if lost is None else lost.ledger_id
    if not apply:
        return report, plan
    indexed = await app.ledger.comparison.indexed_total()
    of = "" if lost is None else f" --of {lost.ledger_id}"
    limit.check(plan.deletions(), indexed, f"store-sync{of} --apply")
    report.applied = True
    if metadata:
        report.left = len(plan.steps)
    if app.dry_run:
        report.deleted = plan.deletions()
        report.requeued = sum(metadata or step.kind not in ON_REQUEST for step in plan.steps) - report.deleted
        report.left -= report.deleted + report.requeued
        return report, plan
    app.retrier.reset()
    with app.observer.phase(Phase.REPAIR, len(plan.steps)):
        await _Repair(app, metadata, report).run(plan)
    report.stopped, report.advice = app.retrier.report_stop()
    report.interrupted, report.requests = app.drain.requested, app.requests
    return report, plan


@dataclass(frozen=True, slots=True)
class _Repair:
    """A repair in progress, which counts in its report."""

    app: App
    metadata: bool
    report: StoreSyncReport

    async def run(self, plan: Plan) -> None:
        """Apply the steps until they are done, a stop is asked for, or an answer ends the run."""
        async with fan_out(self._step, limit=MAX_STEPS) as steps:
            with self.app.drain.intake():
                for step in plan.steps:
                    if step.kind in ON_REQUEST and not self.metadata:
                        continue
                    if self.app.retrier.fatal is not None:
                        break
                    await steps.start(step)
                await steps.wait_idle()
            if self.app.drain.requested:
                self.app.retrier.drain()

    async def _step(self, step: Drift) -> None:
        try:
            if step.kind in SURPLUS:
                await self._delete(step)
            else:
                await self._requeue(step)
            self.report.left -= 1
        except StaleTransitionError:
            self.report.changed += 1
            self.report.left -= 1
        except GeminiError as error:
            self.report.unanswered += 1
            self.app.observer.event(EventKind.REPAIR_FAILED, path=step.path, error=str(error))
        finally:
            self.app.observer.advance(Phase.REPAIR, 1, 0)

    async def _delete(self, step: Drift) -> None:
        """Delete a document that is still surplus: it carries our tags, and no row and no attempt refers to it."""
        app = self.app
        kind, attempt = await recheck_document(app, step.document, step.file_id)
        if kind not in SURPLUS:
            self.report.changed += 1
            return
        intent = await app.ledger.comparison.open_surplus(
            step.document,
            file_id=step.file_id,
            attempt_id=attempt,
            reason=f"store-sync: {_WHY[step.kind]}",
            run_id=app.run_id,
        )
        if intent is None:
            self.report.changed += 1
            return
        deleted = False
        with suppress(GeminiError):  # it ends the run, which the report says
            deleted = await execute_intent(app, intent) is Removal.DONE
        self.report.deleted += deleted
        self.report.postponed += not deleted

    async def _requeue(self, step: Drift) -> None:
        """Send a file again whose document is gone or wrong."""
        app = self.app
        row = await app.ledger.files.get(FileId(step.file_id))
        kind, _ = await recheck_document(app, step.document, step.file_id)
        if row is None or row.document != step.document or kind is not step.kind:
            self.report.changed += 1
            return
        why = f"store-sync: {_WHY[kind]}"
        if kind is DriftKind.BROKEN:
            # Retryable, unlike other failures in processing: the store took these bytes before.
            failure = Failure(FailureKind.PROCESSING, _WHY[kind], retryable=True)
            requeued = await app.ledger.comparison.requeue_broken(
                row, failure=failure, reason=why, run_id=app.run_id
            )
            if isinstance(requeued, Exception):
                raise requeued
        else:
            gone = kind is DriftKind.GHOST
            await app.ledger.apply(Move(row, app.run_id).reset(why, gone=gone))
        self.report.requeued += 1


async def _record_drift(app: App, comparison: Comparison) -> None:
    """Keep what a comparison of the whole store found, for the monitor."""
    if not app.drain.requested:
        kinds = _report(app, comparison).drift
        await app.ledger.settings.set(DRIFT_KEY, json.dumps({"at": app.now(), "kinds": kinds}))


def _report(app: App, comparison: Comparison) -> StoreSyncReport:
    """The report of a comparison, before any repair."""
    steps, counts = comparison.plan.steps, comparison.counts
    kinds = Counter(step.kind for step in steps)
    drift = {str(kind): kinds[kind] for kind in sorted(kinds) if kind not in INFORMATION}
    return StoreSyncReport(
        store=app.store,
        ledger=app.ledger_id,
        documents=comparison.documents,
        pages=comparison.pages,
        well=counts[DriftKind.OK],
        in_flight=counts[DriftKind.IN_FLIGHT],
        leaving=counts[DriftKind.DELETING],
        foreign=counts[DriftKind.FOREIGN],
        drift=drift,
        stale_names=kinds[DriftKind.STALE_NAME],
        findings=steps if app.dry_run else steps[:MAX_LISTED],
        dry_run=app.dry_run,
        left=sum(drift.values()),
        interrupted=app.drain.requested,
        requests=app.requests,
    )
