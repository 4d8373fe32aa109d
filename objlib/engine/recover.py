"""Recovery: decides the rows in a transient state, the open intents and the superseded documents of dead runs.

Every row is decided by the pure function of :mod:`objlib.core.lifecycle.recovery`; here the service is probed and the
verdicts are enacted. One listing serves all the rows that need one. Every step is a compare-and-set or idempotent at
the service, so two recoveries at once are as safe as one, and a second recovery finds nothing to do.
"""

from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Final

import trio

from objlib.core.errors import StaleTransitionError
from objlib.core.events import EventKind, Phase
from objlib.core.ids import KEY_ATTEMPT, AttemptId
from objlib.core.lifecycle.recovery import Adopt, Complete, Facts, Fail, Probe, Requeue, Verdict
from objlib.core.lifecycle.table import State
from objlib.core.remote import LISTING_LAG, DocumentState
from objlib.core.reports.upload import RecoverReport
from objlib.engine.app import App
from objlib.engine.attempt.delete import Removal, delete_document, execute_intent
from objlib.engine.attempt.enact import MAX_PROBES, Attempt, enact
from objlib.engine.attempt.probe import probe
from objlib.engine.attempt.wait_active import wait_until_active
from objlib.engine.bootstrap.store_deletion import execute_store_deletion
from objlib.engine.requests.fan_out import fan_out
from objlib.engine.requests.governor import Purpose
from objlib.engine.runs import RunLiveness
from objlib.gemini import GeminiError
from objlib.ledger import RunRow

MAX_CONCURRENT: Final = 256
"""Rows that are recovered, or deletes that are executed, at once. The governor bounds the requests in flight; most of
these rows wait for a document to become ACTIVE, and a longer queue of them would only wait one after another."""
LISTED_ACTIONS: Final = 1000
"""Actions that a report lists, but for that of a dry run; the others are only counted."""


STORE_REASON: Final = "the deletion of this store was on record"
"""Why a recovery deletes a store."""


async def recover(app: App, *, own: bool = False) -> RecoverReport:
    """Decide everything that dead runs left, and with ``own`` also the unknown outcomes of this run.

    An answer that ends the run ends the recovery, and is in the report; undecided rows stay as they are. A dry run
    probes, and only reports what it would do.
    """
    app.retrier.reset()
    recovery = _Recovery(app, own)
    with app.observer.phase(Phase.RECOVER, await recovery.count() or None):
        await recovery.probe_rows()
        if recovery.unlisted:
            await recovery.decide_by_listing()
        await recovery.delete_documents()
        await recovery.delete_stores()
    return recovery.finish()


class _Recovery:
    """One recovery: the report so far, and the rows that only a listing can decide."""

    def __init__(self, app: App, own: bool) -> None:
        self._app = app
        self._own = own
        self._liveness = RunLiveness(app.ledger, app.run_id, app.now)
        self._report = RecoverReport(dry_run=app.dry_run)
        self._actions: list[tuple[str, str, str]] = []
        self._postponed: set[str] = set()
        self._recent: deque[float] = deque(maxlen=32)
        self.unlisted: list[tuple[Attempt, Facts]] = []

    async def count(self) -> int:
        """Rows and deletions to look at, as the ledger knows them before; adopting may add deletions."""
        counts = await self._app.ledger.files.counts(now=self._app.now())
        rows = counts.states.get(State.UPLOADING, 0) + counts.states.get(State.PROCESSING, 0)
        stores = len(await self._app.ledger.store_deletions.all())
        return rows + counts.open_intents + counts.superseded + stores

    def finish(self) -> RecoverReport:
        """Complete the report."""
        self._report.stopped, self._report.advice = self._app.retrier.report_stop()
        self._report.postponed = len(self._postponed)
        self._report.actions = tuple(self._actions)
        return self._report

    async def probe_rows(self) -> None:
        """Probe each row by its session, document and operation, some at a time."""
        app = self._app
        after = ""
        async with fan_out(self._decide, limit=MAX_CONCURRENT) as attempts:
            while page := await app.ledger.files.transient(after):
                after = page[-1][0].file_id
                # In a dry run's copy of the ledger no heartbeat moves.
                await self._liveness.refresh((run for *_, run in page), watch=not app.dry_run)
                for row, record, run in page:
                    if self._belongs_to_live_task(run):
                        self._app.observer.advance(Phase.RECOVER, 1, 0)
                        self._report.elsewhere += 1
                        continue
                    self._report.found += 1
                    attempt_id = AttemptId("") if record is None else record.attempt_id
                    await attempts.start(Attempt(app, row, attempt_id, record), None)

    async def decide_by_listing(self) -> None:
        """One listing of the store, for all attempts that no other probe could decide.

        The lag of listings counts from the last probe, not from what the ledger knows: an attempt's last bytes or
        import leave no trace there, and a document could still be made until its session was found final, or its
        temporary file was deleted.
        """
        app = self._app
        if not app.retrier.blocked_by(Purpose.LIST):
            await trio.sleep(LISTING_LAG)
        try:
            listed = await self._list_documents({attempt.attempt_id for attempt, _ in self.unlisted})
        except GeminiError as error:
            self._report.left += len(self.unlisted)
            app.observer.event(EventKind.LISTING_FAILED, error=str(error))
            return
        self._report.listings += 1
        async with fan_out(self._decide, limit=MAX_CONCURRENT) as attempts:
            for attempt, facts in self.unlisted:
                await attempts.start(attempt, replace(facts, listed=listed.get(attempt.attempt_id, ())))

    async def delete_documents(self) -> None:
        """Execute the open intents, and delete superseded documents that have none yet."""
        app, last, planned = self._app, "", set[str]()
        async with fan_out(self._delete, limit=MAX_CONCURRENT) as deletes:
            while intents := await app.ledger.intents.page(last):
                last = intents[-1].intent_id
                for intent in intents:
                    if app.dry_run:
                        planned.add(intent.document_name)
                        self._plan_delete(intent.document_name, f"its deletion is on record: {intent.reason}")
                        continue
                    await deletes.start(intent.document_name, partial(execute_intent, app, intent))
        # Begun when the intents are done: a document whose delete was postponed is not tried a second time.
        after = ""
        async with fan_out(self._delete, limit=MAX_CONCURRENT) as deletes:
            seen = self._postponed | planned
            while rows := await app.ledger.files.superseded(after):
                after = rows[-1].file_id
                for row in rows:
                    old = row.superseded
                    if row.state is State.INDEXED and old is not None and old not in seen:
                        if app.dry_run:
                            self._plan_delete(row.file_path, "a newer version is searchable")
                            continue
                        removal = partial(delete_document, app, old, file_id=row.file_id, reason="replaced")
                        await deletes.start(old, removal)

    async def delete_stores(self) -> None:
        """Delete the stores whose deletion is on record; never the ledger's own, with which no recovery gets here."""
        app, report = self._app, self._report
        for intent in await app.ledger.store_deletions.all():
            report.found += 1
            app.observer.advance(Phase.RECOVER, 1, 0)
            if app.dry_run:
                report.stores += 1
                self._actions.append((intent.display_name, "deleted", STORE_REASON))
                continue
            with suppress(GeminiError):
                gone = await execute_store_deletion(app, intent)
                await app.ledger.store_deletions.close(intent.store)
                report.stores += gone
                self._actions.append((intent.display_name, "deleted" if gone else "left", STORE_REASON))
                continue
            self._postponed.add(intent.store)

    def _belongs_to_live_task(self, run: RunRow | None) -> bool:
        if run is not None and run.run_id == self._app.run_id:
            return not self._own
        return self._liveness.is_live_elsewhere(run)

    async def _delete(self, document: str, removal: Callable[[], Awaitable[Removal]]) -> None:
        self._report.found += 1
        self._app.observer.advance(Phase.RECOVER, 1, 0)
        outcome = Removal.POSTPONED
        with suppress(GeminiError):  # it ends the run, and the report says so
            outcome = await removal()
        match outcome:
            case Removal.DONE:
                self._report.deleted += 1
            case Removal.POSTPONED:
                self._postponed.add(document)
            case Removal.REPLACE:
                self._report.requeued += 1

    async def _decide(self, attempt: Attempt, known: Facts | None) -> None:
        if await self._settle(attempt, known):
            self._app.observer.advance(Phase.RECOVER, 1, 0)

    async def _settle(self, attempt: Attempt, known: Facts | None) -> bool:
        """One row, from probes to action; without an answer of the service it is left for the next recovery.

        Returns whether the recovery is through with it; else a listing has to decide.
        """
        try:
            for _ in range(MAX_PROBES):
                verdict, facts = await probe(attempt, known, retry=True, fence=not self._app.dry_run)
                if verdict is Probe.LISTING:
                    if attempt.record is not None:
                        self.unlisted.append((attempt, facts))
                    return False
                if self._app.dry_run:
                    self._plan(attempt, verdict)
                    return True
                if await enact(attempt, verdict, facts):
                    await self._follow(attempt, verdict)
                    return True
            self._report.left += 1
            self._note(attempt, "left", "its upload session can neither be closed nor is it final")
        except StaleTransitionError:
            self._note(attempt, "left", "another run took it over")
        except GeminiError as error:
            self._report.left += 1
            self._note(attempt, "left", str(error))
        return True

    def _plan(self, attempt: Attempt, verdict: Verdict) -> None:
        """Report the verdict that a recovery would enact."""
        report = self._report
        match verdict:
            case Requeue(reason):
                report.requeued += 1
                self._note(attempt, "requeued", reason)
            case Complete(document):
                report.completed += 1
                self._note(attempt, "completed", document)
            case Fail(reason):
                report.failed += 1
                self._note(attempt, "failed", reason)
            case Adopt(document, _, surplus):
                report.adopted += 1
                self._note(attempt, "adopted", document)
                for extra in surplus:
                    self._plan_delete(attempt.row.file_path, f"{extra} is a surplus document of it")
            case Probe.FENCE:
                report.requeued += 1
                self._note(
                    attempt,
                    "requeued",
                    "unless the import of its temporary file, which is deleted, came first",
                )
            case _:
                self._note(attempt, "waiting", "the store is indexing it")

    def _plan_delete(self, path: str, why: str) -> None:
        self._report.found += 1
        self._report.deleted += 1
        self._actions.append((path, "deleted", why))

    async def _follow(self, attempt: Attempt, verdict: Verdict) -> None:
        """Report a verdict that was enacted, and wait for the document where there is one to come."""
        report = self._report
        match verdict:
            case Requeue(reason):
                report.requeued += 1
                self._note(attempt, "requeued", reason)
                return
            case Complete(document):
                report.completed += 1
                report.requeued += attempt.row.state is State.UNTRACKED
                self._note(attempt, "completed", document)
                return
            case Fail(reason):
                report.failed += 1
                self._note(attempt, "failed", reason)
                return
            case Adopt(document, _, surplus):
                report.adopted += 1
                self._note(attempt, "adopted", document)
                for extra in surplus:
                    removal = delete_document(
                        self._app, extra, file_id=attempt.row.file_id, reason="surplus document"
                    )
                    report.deleted += await removal is Removal.DONE
            case _:
                pass
        await wait_until_active(attempt, self._recent, at_once=not self._own)
        match attempt.row.state:
            case State.INDEXED:
                report.completed += 1
            case State.FAILED:
                report.failed += 1
            case State.UNTRACKED:
                report.requeued += 1
            case _:
                report.left += 1

    async def _list_documents(self, attempts: set[AttemptId]) -> dict[str, tuple[str, ...]]:
        """Documents by the attempt that made them, best first; only those of ``attempts`` are kept in memory."""
        documents: dict[str, set[tuple[bool, str, str]]] = {}
        send = partial(self._app.retrier.call, Purpose.LIST)
        async for page in self._app.client.documents.pages(self._app.store, send):
            for document in page.documents:
                tag = document.metadata.get(KEY_ATTEMPT)
                if isinstance(tag, str) and tag in attempts:
                    rank = (
                        document.state is not DocumentState.ACTIVE,
                        str(document.create_time),
                        document.name,
                    )
                    documents.setdefault(tag, set()).add(rank)
        return {
            tag: tuple(dict.fromkeys(name for *_, name in sorted(ranked)))
            for tag, ranked in documents.items()
        }

    def _note(self, attempt: Attempt, action: str, why: str) -> None:
        path = attempt.row.file_path
        self._report.actions_total += 1
        if len(self._actions) < LISTED_ACTIONS or self._app.dry_run:
            self._actions.append((path, action, why))
        self._app.observer.event(EventKind.RECOVERED, path=path, action=action, why=why)
