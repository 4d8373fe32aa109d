"""Sending the bytes of one file to the store: one read, one hash, one session.

The bytes sent are the bytes hashed, as :mod:`objlib.engine.attempt.file_body` has it. If they do not have the hash of
the row, the file has changed: the session is cancelled, and the file is a newer version.
"""

from typing import Final, NoReturn

import trio

from objlib.core.events import EventKind
from objlib.core.ids import KEY_ATTEMPT, KEY_FILE, KEY_HASH, KEY_LEDGER, temporary_file
from objlib.core.library.paths import disk_path
from objlib.core.pacing.backoff import next_poll
from objlib.core.remote import SessionState
from objlib.engine.app import App
from objlib.engine.attempt.enact import Attempt
from objlib.engine.attempt.file_body import ChangedWhileReadError, FileBody, open_body
from objlib.gemini import (
    CHUNK,
    BodySourceError,
    ErrorKind,
    FileState,
    GeminiError,
    SessionUrl,
    UploadProgress,
    UploadResult,
)

MAX_RESUMES: Final = 3
"""Resumptions of one chunk after a lost answer before the attempt's outcome is left unknown."""
TEMPORARY_FILE_SECONDS: Final = 60.0
"""Seconds that a temporary file may take until it can be imported; a few are usual."""


class OutcomeUnknownError(Exception):
    """Bytes were sent and the answer is missing: probe before sending again."""


async def send(attempt: Attempt, *, two_step: bool = False) -> UploadResult:
    """Send the file's bytes and finalize; the result names the operation or the document.

    Args:
        attempt: its row is claimed, and has the hash that the bytes must have; its id goes into the document's
            metadata, where recovery looks for it.
        two_step: upload to the Files API and import from there, for when the direct way is broken.

    Raises:
        ChangedWhileReadError: the bytes on disk are no longer those of the row.
        OutcomeUnknownError: the last bytes may or may not have made a document.
        GeminiError: the service refused, and it is certain that no document was made.
        OSError: the file cannot be read.
    """
    app, row = attempt.app, attempt.row
    body = await open_body(app.files, disk_path(app.settings.library, row), row)
    try:
        session = await _start(attempt, two_step=two_step)
        await app.ledger.attempts.record_session(attempt.attempt_id, session)
        offset = 0
        while offset + CHUNK < row.size:
            await _deliver(app, session, body, offset, offset + CHUNK, final=False)
            offset += CHUNK
        progress = await _deliver(app, session, body, offset, row.size, final=True)
    finally:
        body.close()
    result = progress.result
    if two_step and result is not None and result.file is not None:
        return await _import(attempt, result.file)
    if result is None or (result.operation is None and result.document is None):
        raise OutcomeUnknownError("the upload was finalized, and the answer named no document")
    return result


def _metadata(attempt: Attempt) -> dict[str, str | float | list[str]]:
    """The document's metadata: the file's own, and our tags."""
    row = attempt.row
    return {
        **row.metadata,
        KEY_FILE: row.file_id,
        KEY_ATTEMPT: attempt.attempt_id,
        KEY_HASH: row.content_hash,
        KEY_LEDGER: attempt.app.ledger_id,
    }


async def _start(attempt: Attempt, *, two_step: bool) -> SessionUrl:
    app, row = attempt.app, attempt.row
    async with app.governor.request(intake=app.drain.intake()):
        if two_step:
            return await app.client.uploads.start_file(
                temporary_file(attempt.attempt_id),
                display_name=row.file_path,
                mime_type=row.mime_type,
                size=row.size,
            )
        return await app.client.uploads.start(
            app.store,
            display_name=row.file_path,
            mime_type=row.mime_type,
            size=row.size,
            metadata=_metadata(attempt),
        )


async def _import(attempt: Attempt, file: str) -> UploadResult:
    app = attempt.app
    await _wait_until_importable(app, file)
    try:
        async with app.governor.request():
            operation = await app.client.stores.import_file(app.store, file, metadata=_metadata(attempt))
    except GeminiError as error:
        if error.kind.ambiguous:
            raise OutcomeUnknownError(str(error)) from error
        raise
    return UploadResult(operation.name, operation.document)


async def _wait_until_importable(app: App, file: str) -> None:
    """Wait until a temporary file may be imported; the service refuses it earlier."""
    began = trio.current_time()
    while True:
        async with app.governor.request():
            state = await app.client.files.state(file)
        if state is FileState.ACTIVE:
            return
        waited = trio.current_time() - began
        if state is FileState.FAILED:
            raise GeminiError("the service could not read the uploaded bytes", kind=ErrorKind.PERMANENT)
        if waited > TEMPORARY_FILE_SECONDS:
            raise GeminiError("the uploaded bytes were not ready in time", kind=ErrorKind.TRANSIENT)
        await trio.sleep(next_poll(waited))


async def _deliver(
    app: App, session: SessionUrl, body: FileBody, offset: int, end: int, *, final: bool
) -> UploadProgress:
    """Send one chunk; after a lost answer ask how much has arrived, and go on from there."""
    body.chunk(offset, end)
    position, unanswered = offset, False
    for _ in range(MAX_RESUMES + 1):
        try:
            part = await body.part(position)
        except (ChangedWhileReadError, OSError) as error:
            await _give_up(app, session, error, sent=body.verified)
        try:
            async with app.governor.request():
                progress = await app.client.uploads.send(session, part, offset=position, final=final)
        except BodySourceError:
            progress = None
        except GeminiError as error:
            if error.kind.final and body.error is None:
                if unanswered:
                    # The refusal is for this request; an earlier one whose answer was lost may still be carried out.
                    raise OutcomeUnknownError(str(error)) from error
                raise
            unanswered = unanswered or error.kind.ambiguous
            progress = None if body.error else await _query(app, session, error)
        if body.error is not None:
            await _give_up(app, session, body.error, sent=body.verified)
        assert progress is not None
        match progress.status:
            case SessionState.FINAL:
                await _finish(app, session, body, final=True)
                return progress
            case SessionState.ACTIVE:
                received = end if progress.received is None else progress.received
                if received == end and not final:
                    await _finish(app, session, body, final=False)
                    return progress
                if not offset <= received <= end:
                    break
                position = received
            case SessionState.CANCELLED | SessionState.GONE:
                break
    raise OutcomeUnknownError("the upload session did not take the bytes")


async def _finish(app: App, session: SessionUrl, body: FileBody, *, final: bool) -> None:
    """Hold the bytes that the service has, and this process did not send to their end, against the file."""
    try:
        await body.finish()
    except (ChangedWhileReadError, OSError) as error:
        await _give_up(app, session, error, sent=final)


async def _give_up(app: App, session: SessionUrl, error: Exception, *, sent: bool) -> NoReturn:
    """End an upload whose file cannot be read on; with ``sent`` a document may have been made of it before.

    Raises:
        OutcomeUnknownError: a document may have been made.
        ChangedWhileReadError: the file has changed, and its session is closed.
        OSError: it cannot be read.
    """
    if sent:
        raise OutcomeUnknownError("the file changed, or could not be read, after it was sent") from error
    if isinstance(error, ChangedWhileReadError):
        await _cancel(app, session)
    raise error


async def _query(app: App, session: SessionUrl, error: GeminiError) -> UploadProgress:
    try:
        async with app.governor.request():
            return await app.client.uploads.query(session)
    except GeminiError as silence:
        raise OutcomeUnknownError(f"{error}; and the session could not be asked: {silence}") from silence


async def _cancel(app: App, session: SessionUrl) -> None:
    """Close a session that is not to be finalized; without an answer it still makes no document."""
    try:
        async with app.governor.request():
            await app.client.uploads.cancel(session)
    except GeminiError as error:
        app.observer.event(EventKind.CANCEL_FAILED, error=str(error))
