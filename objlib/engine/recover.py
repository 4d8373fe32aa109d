"""Settling what dead runs left: rows in a transient state, open intents, superseded documents.

Every row is decided by the pure verdict of :mod:`objlib.core.lifecycle.recovery`; here the questions are asked and the
verdicts carried out. One listing serves all the rows that need one. Every step is a compare-and-set or
idempotent at the service, so two recoverers are as safe as one, and a second recovery finds nothing to do.
"""

from collections import deque
from collections.abc import Awaitable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

import trio

from objlib.core.errors import StaleTransitionError
from objlib.core.events import EventKind, Phase
from objlib.core.failures import FailureKind
from objlib.core.ids import KEY_ATTEMPT, AttemptId
from objlib.core.lifecycle.recovery import Adopt, Complete, Facts, Fail, Probe, Requeue, Verdict, Wait
from objlib.core.lifecycle.table import State
from objlib.core.remote import DocumentState
from objlib.core.reports.upload import RecoverReport
from objlib.core.stop_reason import StopReason
from objlib.engine.app import App
from objlib.engine.attempt.delete import Removal, carry_out, remove
from objlib.engine.attempt.probe import inquire
from objlib.engine.attempt.wait_active import complete, give_up, settle
from objlib.engine.requests.fan_out import fan_out
from objlib.engine.requests.governor import Purpose
from objlib.engine.runs import RunLiveness
from objlib.gemini import GeminiError, SessionUrl
from objlib.ledger import AttemptRow, FileRow, RunRow, Transition

LISTING_LAG: Final = 5.0
"""Seconds after which a document that was made is sure to be listed (1.5 to 2 s were measured by others). They count
from the last question, not from what the ledger knows: an attempt's last bytes or import leave no trace there, and
until its session was found final, or its temporary file was deleted, a document could still be made."""
PAGE: Final = 200
AT_ONCE: Final = 16
MAX_QUESTIONS: Final = 4
"""How often a row is asked about whose upload session changes under the questions."""
SHOWN: Final = 1000


async def recover(app: App, *, own: bool = False) -> RecoverReport:
    """Settle everything a dead run left; with ``own`` also what this very run left unknown.

    An answer about the whole run ends it, and is in the report; what was not settled is as it was.
    """
    app.retrier.reset()
    recovery = _Recovery(app, own, RunLiveness(app.ledger, app.run_id, app.now))
    app.observer.begin(Phase.RECOVER, None, None)
    try:
        await recovery.ask_by_name()
        if recovery.unlisted:
            await recovery.ask_by_listing()
        await recovery.delete_what_was_meant_to_go()
    finally:
        app.observer.end(Phase.RECOVER)
    return recovery.report(*app.retrier.report_stop())


class _LandedMeanwhileError(Exception):
    """An upload session could not be closed: what was known about it is out of date."""


@dataclass(slots=True)
class _Recovery:
    """One recovery under way: what was found so far, and what only a listing can tell."""

    app: App
    own: bool
    owners: RunLiveness
    found: int = 0
    adopted: int = 0
    requeued: int = 0
    completed: int = 0
    failed: int = 0
    deleted: int = 0
    left: int = 0
    postponed: set[str] = field(default_factory=set)
    elsewhere: int = 0
    listings: int = 0
    actions: list[tuple[str, str, str]] = field(default_factory=list)
    unlisted: list[tuple[FileRow, AttemptRow, Facts]] = field(default_factory=list)
    recent: deque[float] = field(default_factory=lambda: deque(maxlen=32))

    def report(self, stopped: StopReason, advice: str) -> RecoverReport:
        """What happened, as a value."""
        return RecoverReport(
            found=self.found,
            adopted=self.adopted,
            requeued=self.requeued,
            completed=self.completed,
            failed=self.failed,
            deleted=self.deleted,
            left=self.left,
            postponed=len(self.postponed),
            elsewhere=self.elsewhere,
            listings=self.listings,
            stopped=stopped,
            advice=advice,
            actions=tuple(self.actions),
        )

    async def ask_by_name(self) -> None:
        """Each row by its session, document and operation, some at a time."""
        after = ""
        async with fan_out(self._row, limit=AT_ONCE) as rows:
            while page := await self.app.ledger.files.transient(after=after, limit=PAGE):
                after = page[-1][0].file_id
                await self.owners.refresh((run for *_, run in page), watch=True)
                for row, attempt, run in page:
                    if self._is_someone_elses(run):
                        self.elsewhere += 1
                        continue
                    self.found += 1
                    await rows.start(row, attempt, None)

    async def ask_by_listing(self) -> None:
        """One listing of the store for all attempts that could not be asked about by name."""
        app = self.app
        if not app.retrier.blocked_by(Purpose.LIST):
            await trio.sleep(LISTING_LAG)
        try:
            listed = await self._listing({attempt.attempt_id for _, attempt, _ in self.unlisted})
        except GeminiError as error:
            self.left += len(self.unlisted)
            app.observer.event(EventKind.LISTING_FAILED, error=str(error))
            return
        self.listings += 1
        for row, attempt, facts in self.unlisted:
            await self._row(row, attempt, replace(facts, listed=listed.get(attempt.attempt_id, ())))

    async def delete_what_was_meant_to_go(self) -> None:
        """Carry out open intents, and remove superseded documents that have none yet."""
        app, seen = self.app, ""
        while intents := await app.ledger.intents.page(after=seen, limit=PAGE):
            seen = intents[-1].intent_id
            for intent in intents:
                name = intent.document_name
                await self._deletion(name, carry_out(app, intent.intent_id, name))
        after = ""
        while rows := await app.ledger.files.superseded(after=after, limit=PAGE):
            after = rows[-1].file_id
            for row in rows:
                old = row.superseded
                if row.state is State.INDEXED and old is not None and old not in self.postponed:
                    await self._deletion(old, remove(app, old, file_id=row.file_id, reason="replaced"))

    def _is_someone_elses(self, run: RunRow | None) -> bool:
        if run is not None and run.run_id == self.app.run_id:
            return not self.own
        return self.owners.is_live_elsewhere(run)

    async def _deletion(self, document: str, deletion: Awaitable[Removal]) -> None:
        self.found += 1
        became = Removal.POSTPONED
        with suppress(GeminiError):  # it ends the run, and is told by the report
            became = await deletion
        match became:
            case Removal.DONE:
                self.deleted += 1
            case Removal.POSTPONED:
                self.postponed.add(document)
            case Removal.REPLACE:
                self.requeued += 1

    async def _row(self, row: FileRow, attempt: AttemptRow | None, known: Facts | None) -> None:
        """One row, from questions to action; a failure of the service leaves it for the next recovery."""
        try:
            for _ in range(MAX_QUESTIONS):
                found, facts = await inquire(self.app, row, attempt, known, insist=True)
                if found is Probe.LISTING:
                    if attempt is not None:
                        self.unlisted.append((row, attempt, facts))
                    return
                with suppress(_LandedMeanwhileError):
                    await self._enact(row, attempt, found, facts)
                    return
            self.left += 1
            self._note(row, "left", "its upload session can neither be closed nor is it final")
        except StaleTransitionError:
            self._note(row, "left", "another run took it over")
        except GeminiError as error:
            self.left += 1
            self._note(row, "left", str(error))

    async def _enact(self, row: FileRow, attempt: AttemptRow | None, found: Verdict, facts: Facts) -> None:
        attempt_id = AttemptId(attempt.attempt_id) if attempt else AttemptId("")
        match found:
            case Requeue(reason, cancel_session):
                await self._requeue(row, attempt, reason, cancel_session=cancel_session)
            case Adopt():
                await self._adopt(row, attempt_id, found, facts)
            case Complete(document):
                done = await complete(self.app, row, attempt_id, document)
                self.completed += 1
                self.requeued += done.state is State.UNTRACKED
                self._note(row, "completed", document)
            case Wait():
                await self._settle(row, attempt_id)
            case Fail(reason):
                await give_up(self.app, row, facts, FailureKind.PROCESSING, reason)
                self.failed += 1
                self._note(row, "failed", reason)
            case Probe():
                raise AssertionError("a question is no action")

    async def _requeue(
        self, row: FileRow, attempt: AttemptRow | None, reason: str, *, cancel_session: bool
    ) -> None:
        if cancel_session and attempt is not None and attempt.session_url is not None:
            # A late finalize of the dead run must not land after the file was sent again.
            cancel = partial(self.app.client.uploads.cancel, SessionUrl(attempt.session_url))
            closed = await self.app.retrier.call(Purpose.POLL, cancel)
            if not closed:
                # It has landed since the session was asked: ask again.
                raise _LandedMeanwhileError
        make = Transition.requeue_upload if row.state is State.UPLOADING else Transition.requeue_processing
        attempt_id = AttemptId(attempt.attempt_id) if attempt else AttemptId("")
        await self.app.ledger.apply(
            make(row, attempt_id=attempt_id, run_id=self.app.run_id, reason=reason, retry_at=None)
        )
        self.requeued += 1
        self._note(row, "requeued", reason)

    async def _adopt(self, row: FileRow, attempt: AttemptId, found: Adopt, facts: Facts) -> None:
        app, operation = self.app, found.operation or facts.operation_name
        # The choice first, then the deletes: of two recoveries that prefer different documents only one may delete.
        if row.state is State.UPLOADING:
            adopt = Transition.adopt(
                row,
                attempt_id=attempt,
                run_id=app.run_id,
                operation=operation,
                document=found.document,
                surplus=found.surplus,
            )
            row = await app.ledger.apply(adopt)
        else:
            await app.ledger.attempts.record_document(
                row,
                attempt,
                expected=facts.document_name,
                document=found.document,
                surplus=found.surplus,
                run_id=app.run_id,
            )
        self.adopted += 1
        self._note(row, "adopted", found.document)
        for extra in found.surplus:
            became = await remove(app, extra, file_id=row.file_id, reason="surplus document")
            self.deleted += became is Removal.DONE
        await self._settle(row, attempt)

    async def _settle(self, row: FileRow, attempt: AttemptId) -> None:
        row = await settle(self.app, row, attempt, self.recent)
        match row.state:
            case State.INDEXED:
                self.completed += 1
            case State.FAILED:
                self.failed += 1
            case State.UNTRACKED:
                self.requeued += 1
            case _:
                self.left += 1

    async def _listing(self, attempts: set[str]) -> dict[str, tuple[str, ...]]:
        """Documents by the attempt that made them, best first; only those asked for are kept in memory."""
        found: dict[str, set[tuple[bool, str, str]]] = {}
        send = partial(self.app.retrier.call, Purpose.LIST)
        async for page in self.app.client.documents.pages(self.app.store, send):
            for document in page.documents:
                mark = document.metadata.get(KEY_ATTEMPT)
                if isinstance(mark, str) and mark in attempts:
                    inactive = document.state is not DocumentState.ACTIVE
                    found.setdefault(mark, set()).add((inactive, str(document.create_time), document.name))
        return {mark: tuple(dict.fromkeys(name for *_, name in sorted(rows))) for mark, rows in found.items()}

    def _note(self, row: FileRow, action: str, why: str) -> None:
        if len(self.actions) < SHOWN:
            self.actions.append((row.file_path, action, why))
        self.app.observer.event(EventKind.RECOVERED, path=row.file_path, action=action, why=why)
