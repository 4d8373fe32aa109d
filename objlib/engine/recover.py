"""Settling what dead runs left: rows in a transient state, open intents, superseded documents.

Every row is decided by the pure verdict of :mod:`objlib.core.verdict`; here the questions are asked and the
verdicts carried out. One listing serves all the rows that need one. Every step is a compare-and-set or
idempotent at the service, so two recoverers are as safe as one, and a second recovery finds nothing to do.
"""

import os
import platform
from collections import deque
from dataclasses import dataclass, field
from typing import Final

import trio

from objlib.core.errors import StaleTransitionError
from objlib.core.identity import KEY_ATTEMPT, AttemptId, FileId
from objlib.core.lifecycle import State
from objlib.core.observe import Phase
from objlib.core.reports import FailureKind, RecoverReport
from objlib.core.verdict import Adopt, Ask, Complete, Fail, Requeue, Verdict, Wait
from objlib.engine.app import App
from objlib.engine.governor import Purpose
from objlib.engine.inquiry import inquire
from objlib.engine.remove import carry_out, remove
from objlib.engine.settle import FATAL, complete, give_up, settle
from objlib.gemini import DocumentState, GeminiError, SessionUrl
from objlib.ledger import AttemptRow, FileRow, RunRow, Transition

STALE_AFTER: Final = 60.0
"""Seconds without a heartbeat after which a run counts as dead even though its process id exists."""
LISTING_LAG: Final = 5.0
"""Seconds after which a document that was made is sure to be listed (1.5 to 2 s were measured by others)."""
PAGE: Final = 200
AT_ONCE: Final = 16


@dataclass(slots=True)
class _Tally:
    """What happened so far; becomes the report."""

    found: int = 0
    adopted: int = 0
    requeued: int = 0
    completed: int = 0
    failed: int = 0
    deleted: int = 0
    left: int = 0
    listings: int = 0
    actions: list[tuple[str, str, str]] = field(default_factory=list)
    recent: deque[float] = field(default_factory=lambda: deque(maxlen=32))

    def report(self) -> RecoverReport:
        """The tally as a value."""
        return RecoverReport(
            found=self.found,
            adopted=self.adopted,
            requeued=self.requeued,
            completed=self.completed,
            failed=self.failed,
            deleted=self.deleted,
            left=self.left,
            listings=self.listings,
            actions=tuple(self.actions),
        )


Left = tuple[FileRow, AttemptRow]


async def recover(app: App, *, own: bool = False) -> RecoverReport:
    """Settle everything a dead run left; with ``own`` also what this very run left unknown.

    Raises:
        GeminiError: the service refuses to go on at all; what was not settled is as it was.
    """
    tally = _Tally()
    app.observer.begin(Phase.RECOVER, None, None)
    try:
        unlisted = await _first_pass(app, tally, own=own)
        if unlisted:
            await _second_pass(app, tally, unlisted)
        await _deletes(app, tally)
    finally:
        app.observer.end(Phase.RECOVER)
    return tally.report()


def is_alive(run: RunRow, *, now: float, host: str) -> bool:
    """Whether a run still owns its rows: not ended, heart beating, and its process there if it is on this host."""
    if run.ended is not None or now - run.heartbeat > STALE_AFTER:
        return False
    return run.host != host or _process_exists(run.pid)


def _process_exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


async def _first_pass(app: App, tally: _Tally, *, own: bool) -> list[Left]:
    """Ask about each row by its names; returns those for which only a listing can tell."""
    unlisted: list[Left] = []
    limiter = trio.CapacityLimiter(AT_ONCE)
    after = ""
    async with trio.open_nursery() as nursery:
        while page := await app.ledger.transient_page(after, PAGE):
            after = page[-1][0].file_id
            for row, attempt, run in page:
                mine = run is not None and run.run_id == app.run_id
                if mine and not own:
                    continue
                if run is not None and not mine and is_alive(run, now=app.now(), host=platform.node()):
                    continue
                tally.found += 1
                await limiter.acquire_on_behalf_of(row.file_id)
                nursery.start_soon(_one, app, tally, row, attempt, unlisted, limiter)
    return unlisted


async def _one(
    app: App,
    tally: _Tally,
    row: FileRow,
    attempt: AttemptRow | None,
    unlisted: list[Left],
    limiter: trio.CapacityLimiter,
) -> None:
    try:
        await _recover_row(app, tally, row, attempt, unlisted, None)
    finally:
        limiter.release_on_behalf_of(row.file_id)


async def _recover_row(
    app: App,
    tally: _Tally,
    row: FileRow,
    attempt: AttemptRow | None,
    unlisted: list[Left],
    listed: tuple[str, ...] | None,
) -> None:
    """One row, from questions to action; a failure of the service leaves it for the next recovery."""
    try:
        found, facts = await inquire(app, row, attempt, listed=listed)
        if found is Ask.LISTING:
            if attempt is not None:
                unlisted.append((row, attempt))
            return
        await _enact(app, tally, row, attempt, found, facts.operation_name)
        if isinstance(found, Fail):
            assert attempt is not None
            await give_up(
                app, row, AttemptId(attempt.attempt_id), facts, FailureKind.PROCESSING, found.reason
            )
            _note(app, tally, row, "failed", found.reason)
            tally.failed += 1
    except StaleTransitionError:
        _note(app, tally, row, "left", "another run took it over")
    except GeminiError as error:
        if error.kind in FATAL:
            raise
        tally.left += 1
        _note(app, tally, row, "left", str(error))


async def _enact(
    app: App,
    tally: _Tally,
    row: FileRow,
    attempt: AttemptRow | None,
    found: Verdict,
    operation: str | None,
) -> None:
    attempt_id = AttemptId(attempt.attempt_id) if attempt else AttemptId("")
    match found:
        case Requeue(reason, cancel_session):
            if cancel_session and attempt is not None and attempt.session_url is not None:
                # A late finalize of the dead run must not land after the file was sent again.
                async with app.governor.slot(Purpose.POLL):
                    await app.client.cancel_upload(SessionUrl(attempt.session_url))
            make = (
                Transition.requeue_upload if row.state is State.UPLOADING else Transition.requeue_processing
            )
            await app.ledger.apply(
                make(row, attempt_id=attempt_id, run_id=app.run_id, reason=reason, retry_at=None)
            )
            tally.requeued += 1
            _note(app, tally, row, "requeued", reason)
        case Adopt(document, named, surplus):
            for extra in surplus:
                tally.deleted += await remove(app, extra, file_id=row.file_id, reason="surplus document")
            if row.state is State.UPLOADING:
                row = await app.ledger.apply(
                    Transition.adopt(
                        row,
                        attempt_id=attempt_id,
                        run_id=app.run_id,
                        operation=named or operation,
                        document=document,
                    )
                )
            else:
                await app.ledger.attempt_names(attempt_id, named or operation, document)
            tally.adopted += 1
            _note(app, tally, row, "adopted", document)
            await _settle(app, tally, row, attempt_id)
        case Complete(document):
            await complete(app, row, attempt_id, document)
            tally.completed += 1
            _note(app, tally, row, "completed", document)
        case Wait():
            await _settle(app, tally, row, attempt_id)
        case _:
            pass


async def _settle(app: App, tally: _Tally, row: FileRow, attempt: AttemptId) -> None:
    row = await settle(app, row, attempt, tally.recent)
    match row.state:
        case State.INDEXED:
            tally.completed += 1
        case State.FAILED:
            tally.failed += 1
        case _:
            tally.left += 1


async def _second_pass(app: App, tally: _Tally, unlisted: list[Left]) -> None:
    """One listing of the store for all attempts that could not be asked about by name."""
    youngest = max(attempt.updated_at for _, attempt in unlisted)
    await trio.sleep(max(0.0, min(LISTING_LAG, youngest + LISTING_LAG - app.now())))
    wanted: dict[str, list[tuple[bool, float, str]]] = {attempt.attempt_id: [] for _, attempt in unlisted}
    seen: set[str] = set()
    try:
        token: str | None = None
        while True:
            async with app.governor.slot(Purpose.LIST):
                page = await app.client.list_documents(app.store, page_token=token)
            for document in page.documents:
                mark = document.metadata.get(KEY_ATTEMPT)
                if isinstance(mark, str) and mark in wanted and document.name not in seen:
                    seen.add(document.name)
                    active = document.state is DocumentState.ACTIVE
                    wanted[mark].append((not active, document.create_time, document.name))
            token = page.next_page_token
            if token is None:
                break
    except GeminiError as error:
        if error.kind in FATAL:
            raise
        tally.left += len(unlisted)
        app.observer.event("listing_failed", error=str(error))
        return
    tally.listings += 1
    for row, attempt in unlisted:
        found = tuple(name for _, _, name in sorted(wanted[attempt.attempt_id]))
        await _recover_row(app, tally, row, attempt, [], found)


async def _deletes(app: App, tally: _Tally) -> None:
    """Carry out open intents, and remove superseded documents that have none yet."""
    after = ""
    while intents := await app.ledger.open_intents(after, PAGE):
        after = intents[-1].intent_id
        for intent in intents:
            tally.found += 1
            gone = await carry_out(app, intent.intent_id, intent.document_name)
            tally.deleted += gone
            tally.left += not gone
    after = ""
    while rows := await app.ledger.superseded_page(after, PAGE):
        after = rows[-1].file_id
        for row in rows:
            if row.state is not State.INDEXED or row.superseded is None:
                continue
            tally.found += 1
            gone = await remove(app, row.superseded, file_id=FileId(row.file_id), reason="replaced")
            tally.deleted += gone
            tally.left += not gone


def _note(app: App, tally: _Tally, row: FileRow, action: str, why: str) -> None:
    if len(tally.actions) < 1000:
        tally.actions.append((row.file_path, action, why))
    app.observer.event("recovered", path=row.file_path, action=action, why=why)
