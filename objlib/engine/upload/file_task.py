"""One file's way into the store, from its claim to indexed: one task, one owner, whatever happens.

One file's failure is data: it ends as a transition, never as an exception through the nursery. Only an answer
that ends the run stops the others.
"""

import random
from contextlib import ExitStack
from functools import partial
from typing import Final

import trio

from objlib.core.advice import advise
from objlib.core.errors import StaleTransitionError
from objlib.core.events import EventKind, Phase
from objlib.core.failures import Failure, FailureKind
from objlib.core.ids import AttemptId
from objlib.core.library.snapshot import NO_TYPE
from objlib.core.lifecycle.recovery import Adopt, Requeue
from objlib.core.lifecycle.table import State
from objlib.core.pacing.backoff import backoff
from objlib.core.stop_reason import StopReason
from objlib.engine.attempt.enact import MAX_PROBES, Attempt
from objlib.engine.attempt.file_body import ChangedWhileReadError
from objlib.engine.attempt.probe import probe
from objlib.engine.attempt.send import OutcomeUnknownError, send
from objlib.engine.attempt.wait_active import wait_until_active
from objlib.engine.requests.governor import NotBegunError
from objlib.engine.scan.scan import record_change
from objlib.engine.scan.walk import root_identity
from objlib.engine.upload.state import UploadRun
from objlib.gemini import ErrorKind, GeminiError, UploadResult
from objlib.ledger import FileRow

MAX_ATTEMPTS: Final = 8
"""Attempts of one file without success, in all runs together, before it fails. Throttled attempts do not count, nor
those that an answer ended which ends the run."""
MAX_THROTTLES: Final = 100
"""Consecutive throttled attempts of one file before it fails for this run."""
MAX_UNREACHABLE: Final = 24
"""Connections refused in a row before the run takes the service for gone: with backoff, after some minutes."""


class FileUpload:
    """The task of one file. It holds a slot and an upload token, and returns both whatever happens.

    Args:
        row: the file, which was claimed for this run.
        attempt_id: the attempt that the claim began.
        slot: bounds the files between claimed and indexed.
        token: bounds the uploads; it covers sending, never a wait after it.
    """

    def __init__(
        self, run: UploadRun, row: FileRow, attempt_id: AttemptId, slot: ExitStack, token: ExitStack
    ) -> None:
        self._run = run
        self._app = run.app
        self._attempt = Attempt(run.app, row, attempt_id)
        self._slot = slot
        self._token = token

    async def run(self) -> None:
        """Send the file, and wait until its document is ACTIVE."""
        attempt, observer = self._attempt, self._app.observer
        try:
            with self._token:
                await self._upload()
            if attempt.row.state is State.PROCESSING:
                await wait_until_active(attempt, self._run.recent, on_suspect=self._slot.close)
            if attempt.row.state in {State.INDEXED, State.FAILED}:
                observer.advance(Phase.UPLOAD, 1, attempt.row.size)
        except StaleTransitionError:
            observer.event(EventKind.TAKEN_OVER, path=attempt.row.file_path)
        except GeminiError as error:
            # Only an answer that ends the run gets here; the row stays where recovery finds it.
            self._run.stop_for(error)
        finally:
            self._slot.close()
            self._run.end(attempt.row.file_id)

    async def _upload(self) -> None:
        """Send the file; its row is in PROCESSING afterwards if the store has the bytes."""
        attempt = self._attempt
        try:
            self._require_fit()
            result = await self._send()
        except (ChangedWhileReadError, FileNotFoundError):
            # A file that is gone or renamed since the scan is recorded as missing; the next scan finds it again.
            await self._record_change()
        except OSError as error:
            why = f"cannot be read: {error.strerror or error}; check the file and its permissions"
            await self._fail(Failure.of(FailureKind.UNREADABLE, why))
        except OutcomeUnknownError as error:
            self._token.close()
            await self._resolve(str(error))
        except NotBegunError:
            await self._requeue("not begun, since a stop was asked for", excused=True)
        except GeminiError as error:
            await self._handle_refusal(error)
        else:
            run = self._run
            run.count_upload(attempt.row)
            run.unreachable = 0
            run.throttles.pop(attempt.row.file_id, None)
            await attempt.mark_uploaded(result.operation, result.document)

    def _require_fit(self) -> None:
        """A scan may have found the file unfit while an earlier attempt was in flight: then it is read again."""
        row = self._attempt.row
        if row.size == 0 or row.mime_type == NO_TYPE:
            raise ChangedWhileReadError

    async def _send(self) -> UploadResult:
        """Send the file directly; where the direct way is known to break, through the Files API."""
        try:
            return await send(self._attempt)
        except GeminiError as error:
            if not error.fallback:
                raise
            row = self._attempt.row
            self._app.observer.event(EventKind.TWO_STEP, path=row.file_path, error=str(error))
        return await send(self._attempt, two_step=True)

    async def _resolve(self, why: str) -> None:
        """Probe an attempt whose answer was lost; one that only a listing can decide is left to recovery."""
        attempt = self._attempt
        for tries in range(1, MAX_PROBES + 1):
            try:
                await attempt.refresh()
                verdict, facts = await probe(attempt)
            except GeminiError as error:
                if error.kind.ends_run:
                    raise
                await trio.sleep(backoff(tries, jitter=random.random()))
                continue
            match verdict:
                case Adopt():
                    self._run.count_upload(attempt.row)
                    await attempt.adopt(verdict, facts)
                    return
                case Requeue(reason, cancel_session):
                    if cancel_session and not await self._session_closed():
                        await trio.sleep(backoff(tries, jitter=random.random()))
                        continue
                    await self._retry(f"{why}; {reason}")
                    return
                case _:
                    break
        self._app.observer.event(EventKind.UNKNOWN, path=attempt.row.file_path, why=why)

    async def _session_closed(self) -> bool:
        """Close the upload session; whether it is certain that nothing sent late can still land."""
        try:
            return await self._attempt.close_session(retry=False)
        except GeminiError:
            return False

    async def _record_change(self) -> None:
        """The file differs from what the scan saw: record it as it is now, and requeue it if a store could take it.

        Where the whole library is gone nothing is recorded: each file would be taken for deleted.
        """
        root = self._app.settings.library
        if self._run.root not in {None, await self._app.files(partial(root_identity, root))}:
            await self._requeue("the library is gone", excused=True)
            moved = advise("move", str(root), "NEW_FOLDER")
            advice = f"nothing is lost: connect the disk it is on or, if the folder moved: `{moved}`"
            self._run.stop(StopReason.LIBRARY_GONE, advice)
            return
        if self._attempt.row.attempts >= MAX_ATTEMPTS:
            why = "changes each time it is read; upload again when the program that writes it is done"
            await self._fail(Failure.of(FailureKind.CHANGED, why))
            return
        unfit = await record_change(self._app, self._attempt.row)
        if unfit is not None:
            await self._fail(unfit)
            return
        await self._requeue("changed while it was read")

    async def _handle_refusal(self, error: GeminiError) -> None:
        """The service refused, and it is certain that no document was made."""
        run, row, why = self._run, self._attempt.row, str(error)
        match error.kind:
            case kind if kind.ends_run or kind is ErrorKind.NOT_FOUND:
                await self._requeue(why, excused=True)
                run.stop_for(error)
            case ErrorKind.TRANSIENT | ErrorKind.UNKNOWN:
                run.unreachable = run.unreachable + 1 if error.connect else 0
                if run.unreachable >= MAX_UNREACHABLE:
                    advice = "the service cannot be reached; check the network and --base-url"
                    run.stop(StopReason.UNREACHABLE, advice)
                await self._retry(why, after=error.retry_after or 0.0)
            case ErrorKind.RATE_LIMIT:
                throttles = run.throttles[row.file_id] = run.throttles.get(row.file_id, 0) + 1
                if throttles >= MAX_THROTTLES:
                    why = f"gave up, throttled {throttles} times: {why}"
                    await self._fail(Failure.of(FailureKind.RATE_LIMIT, why))
                else:
                    pause = max(backoff(throttles, jitter=random.random()), error.retry_after or 0.0)
                    await self._requeue(why, after=pause, excused=True)
            case _:
                await self._fail(Failure.of(FailureKind.REFUSED, why))

    async def _retry(self, why: str, *, after: float = 0.0) -> None:
        """Requeue the file, due after a backoff and not before ``after`` seconds; fail it after too many attempts."""
        attempts = self._attempt.row.attempts
        if attempts >= MAX_ATTEMPTS:
            why = f"gave up after {attempts} attempts: {why}"
            await self._fail(Failure.of(FailureKind.TRANSIENT, why))
            return
        await self._requeue(why, after=max(backoff(attempts, jitter=random.random()), after))

    async def _requeue(self, why: str, *, after: float = 0.0, excused: bool = False) -> None:
        """Requeue the file, due after ``after`` seconds; an ``excused`` attempt does not count."""
        attempt, due = self._attempt, self._app.now() + after
        if self._run.limit is not None:
            self._run.due_again[attempt.row.file_id] = due
        await attempt.requeue(why, retry_at=due, excused=excused)
        self._app.observer.event(EventKind.REQUEUED, path=attempt.row.file_path, why=why, due=due)

    async def _fail(self, failure: Failure) -> None:
        self._run.throttles.pop(self._attempt.row.file_id, None)
        await self._attempt.mark_failed(failure)
