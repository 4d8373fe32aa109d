"""Store-sync: find where store and ledger differ and, if asked, repair it. A dry run unless told otherwise.

A repair never needs bytes: what is too much is deleted, with an intent; what is missing or wrong goes back to
``untracked``, so that the next upload sends it while the old document, if there is one, answers searches.
Each step is looked at again, in the store and in the ledger, before it is taken.
"""

from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Final

from objlib.core.errors import StaleTransitionError
from objlib.core.events import EventKind, Phase
from objlib.core.failures import Failure, FailureKind
from objlib.core.ids import FileId
from objlib.core.lifecycle.delete_limit import DeleteLimit
from objlib.core.lifecycle.drift import SURPLUS, Drift, DriftKind
from objlib.core.lifecycle.repair_plan import Plan
from objlib.core.reports.store import StoreSyncReport
from objlib.engine.app import App
from objlib.engine.attempt.delete import Removal, carry_out
from objlib.engine.reconcile.compare import Audit, audit, examine
from objlib.engine.recover import recover
from objlib.engine.requests.fan_out import fan_out
from objlib.gemini import GeminiError
from objlib.ledger import Transition

AT_ONCE: Final = 8
SHOWN: Final = 1000

_WHY: Final[Mapping[DriftKind, str]] = {
    DriftKind.ORPHAN: "the ledger knows no such file",
    DriftKind.DUPLICATE: "the file has another document",
    DriftKind.GHOST: "the store does not have its document",
    DriftKind.STALE_CONTENT: "its document was made of other bytes",
    DriftKind.BROKEN: "the store says that its document failed",
    DriftKind.METADATA_MISMATCH: "its document has another name or other metadata",
}


async def store_sync(
    app: App, *, apply: bool, metadata: bool, limit: DeleteLimit, plan: Plan | None = None
) -> tuple[StoreSyncReport, Plan]:
    """Compare store and ledger, or take a saved comparison, and repair what differs if ``apply`` says so.

    Args:
        app: the open application.
        apply: carry the plan out.
        metadata: with ``apply``, also send files again whose document only has a wrong name or metadata.
        limit: how many documents may be deleted at most.
        plan: what an earlier comparison found; the store is not listed.

    Returns:
        What was found and done, and the plan.

    Raises:
        RefusedError: the plan is for another store or ledger, or it deletes too much; nothing was changed.
        GeminiError: the service did not answer, and nothing was repaired.
    """
    if plan is not None:
        plan.check(app.store, app.ledger_id)
    if apply:
        # What a dead run left in flight is settled first, so that it is judged like everything else.
        await recover(app)
        if app.retrier.fatal is not None:
            raise app.retrier.fatal.again()
    found = await audit(app) if plan is None else Audit(plan, Counter(), 0, 0)
    if not apply:
        return _report(app, found, None), found.plan
    indexed = await app.ledger.comparison.indexed_total()
    limit.check(found.plan.deletions(), indexed, "store-sync --apply")
    app.retrier.reset()
    repair = _Repair(app, metadata)
    app.observer.begin(Phase.REPAIR, len(found.plan.steps), None)
    try:
        await repair.run(found.plan)
    finally:
        app.observer.end(Phase.REPAIR)
    stopped, advice = app.retrier.report_stop()
    return replace(_report(app, found, repair), stopped=stopped, advice=advice), found.plan


@dataclass(slots=True)
class _Repair:
    """A plan that is being carried out; the numbers are those of the report."""

    app: App
    metadata: bool
    deleted: int = 0
    postponed: int = 0
    requeued: int = 0
    changed: int = 0
    unanswered: int = 0
    taken: int = field(default=0)

    async def run(self, plan: Plan) -> None:
        """Take the steps, some at a time, until they are done or a stop is asked for."""
        async with fan_out(self._step, limit=AT_ONCE) as steps:
            with self.app.drain.intake():
                for step in plan.steps:
                    if step.kind is DriftKind.METADATA_MISMATCH and not self.metadata:
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
            self.taken += 1
        except StaleTransitionError:
            self.changed += 1
            self.taken += 1
        except GeminiError as error:
            self.unanswered += 1
            self.app.observer.event(EventKind.REPAIR_FAILED, path=step.path, error=str(error))
        finally:
            self.app.observer.advance(Phase.REPAIR, 1, 0)

    async def _delete(self, step: Drift) -> None:
        """Delete a document that is still too much: it carries our mark, and nobody names or awaits it."""
        app = self.app
        kind, attempt = await examine(app, step.document, step.file_id)
        if kind not in SURPLUS:
            self.changed += 1
            return
        intent = await app.ledger.comparison.open_surplus(
            step.document,
            file_id=step.file_id,
            attempt_id=attempt,
            reason=f"store-sync: {_WHY[step.kind]}",
            run_id=app.run_id,
        )
        if intent is None:
            self.changed += 1
            return
        gone = False
        with suppress(GeminiError):  # it ends the run, and is told by the report
            gone = await carry_out(app, intent.intent_id, intent.document) is Removal.DONE
        self.deleted += gone
        self.postponed += not gone

    async def _requeue(self, step: Drift) -> None:
        """Send a file again whose document is gone or wrong."""
        app = self.app
        row = await app.ledger.files.get(FileId(step.file_id))
        kind, _ = await examine(app, step.document, step.file_id)
        if row is None or row.document != step.document or kind is not step.kind:
            self.changed += 1
            return
        why = f"store-sync: {_WHY[kind]}"
        if kind is DriftKind.BROKEN:
            # Retryable, unlike other failures in processing: the store took these bytes before.
            failure = Failure(FailureKind.PROCESSING, _WHY[kind], retryable=True)
            taken = await app.ledger.comparison.requeue_broken(
                row, failure=failure, reason=why, run_id=app.run_id
            )
            if isinstance(taken, Exception):
                raise taken
        else:
            gone = kind is DriftKind.GHOST
            await app.ledger.apply(Transition.reset(row, run_id=app.run_id, reason=why, gone=gone))
        self.requeued += 1


def _report(app: App, found: Audit, repair: _Repair | None) -> StoreSyncReport:
    plan = found.plan
    drift = Counter(step.kind for step in plan.steps)
    return StoreSyncReport(
        store=app.store,
        ledger=app.ledger_id,
        documents=found.documents,
        pages=found.pages,
        well=found.counts[DriftKind.OK],
        in_flight=found.counts[DriftKind.IN_FLIGHT],
        leaving=found.counts[DriftKind.DELETING],
        foreign=found.counts[DriftKind.FOREIGN],
        drift={str(kind): count for kind, count in sorted(drift.items())},
        findings=plan.steps[:SHOWN],
        applied=repair is not None,
        deleted=repair.deleted if repair else 0,
        postponed=repair.postponed if repair else 0,
        requeued=repair.requeued if repair else 0,
        changed=repair.changed if repair else 0,
        unanswered=repair.unanswered if repair else 0,
        left=len(plan.steps) - repair.taken if repair else len(plan.steps),
        interrupted=app.drain.requested,
        requests=app.requests,
    )
