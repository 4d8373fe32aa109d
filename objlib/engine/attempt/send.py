"""Getting the bytes of one file into the store: one read, one hash, one session.

The bytes sent are the bytes hashed. The hash travels in the metadata before the bytes do, so the last chunk,
which is what makes a document, is only sent when everything read adds up to that hash; otherwise the file
changed while it was read, the session is cancelled, and the file is simply a newer version.
"""

import hashlib
from dataclasses import dataclass
from functools import partial
from io import FileIO
from typing import Final

import trio

from objlib.core.events import EventKind
from objlib.core.ids import KEY_ATTEMPT, KEY_FILE, KEY_HASH, KEY_LEDGER, AttemptId, temporary_file
from objlib.core.library.paths import disk_path
from objlib.core.pacing.backoff import next_poll
from objlib.core.remote import SessionState
from objlib.engine.app import App
from objlib.engine.scan.read_file import open_regular
from objlib.gemini import CHUNK, ErrorKind, FileState, GeminiError, SessionUrl, UploadProgress
from objlib.ledger import FileRow

RESUMES: Final = 3
"""How often one chunk is resumed after a lost answer before the attempt's outcome is left unknown."""

FILE_SECONDS: Final = 60.0
"""How long a temporary file may take to become usable."""


class ChangedWhileReadError(Exception):
    """The file is not what the scan saw; nothing of it is in the store."""


class OutcomeUnknownError(Exception):
    """Bytes were sent and the answer is missing: ask before sending again."""


@dataclass(frozen=True, slots=True)
class Names:
    """What the store called the attempt's operation and document; full resource names."""

    operation: str | None
    document: str | None


async def send(app: App, row: FileRow, attempt: AttemptId, *, two_step: bool = False) -> Names:
    """Send the file's bytes and finalize.

    Args:
        app: the open application.
        row: the claimed row; its content_hash is what the bytes must add up to.
        attempt: goes into the document's metadata, where recovery finds it.
        two_step: upload to the Files API and import from there, for when the direct way is broken.

    Raises:
        ChangedWhileReadError: the bytes on disk are no longer those of the row.
        OutcomeUnknownError: the last bytes may or may not have made a document.
        GeminiError: the service refused, and it is certain that no document was made.
        OSError: the file cannot be read.
    """
    source = await app.files(partial(open_regular, disk_path(app.settings.library, row)))
    with source:
        digest = hashlib.sha256()
        data = await app.files(partial(_read, source, digest))
        whole = len(data) < CHUNK or len(data) >= row.size
        if whole and not _matches(row, digest.hexdigest(), len(data)):
            raise ChangedWhileReadError
        session = await _start(app, row, attempt, two_step=two_step)
        await app.ledger.attempts.record_session(attempt, session)
        offset = 0
        while offset + len(data) < row.size:
            if len(data) < CHUNK:
                await _cancel(app, session)
                raise ChangedWhileReadError
            await _deliver(app, session, data, offset, final=False)
            offset += len(data)
            data = await app.files(partial(_read, source, digest))
        if not _matches(row, digest.hexdigest(), offset + len(data)):
            await _cancel(app, session)
            raise ChangedWhileReadError
        progress = await _deliver(app, session, data, offset, final=True)
    landed = progress.result
    if two_step and landed is not None and landed.file is not None:
        return await _import(app, row, attempt, landed.file)
    if landed is None or (landed.operation is None and landed.document is None):
        raise OutcomeUnknownError("the upload was finalized, and the answer named no document")
    return Names(landed.operation, landed.document)


def marks(row: FileRow, attempt: AttemptId, ledger_id: str) -> dict[str, str | float | list[str]]:
    """The document's metadata: the file's own, and our marks."""
    return {
        **row.metadata,
        KEY_FILE: row.file_id,
        KEY_ATTEMPT: attempt,
        KEY_HASH: row.content_hash,
        KEY_LEDGER: ledger_id,
    }


def _read(source: FileIO, digest: "hashlib._Hash") -> bytes:
    """The next chunk, full unless the file ends; hashed in the same thread."""
    parts = []
    missing = CHUNK
    while missing and (part := source.read(missing)):
        digest.update(part)
        parts.append(part)
        missing -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _matches(row: FileRow, digest: str, size: int) -> bool:
    return digest == row.content_hash and size == row.size


async def _start(app: App, row: FileRow, attempt: AttemptId, *, two_step: bool) -> SessionUrl:
    async with app.governor.request(intake=app.drain.intake()):
        if two_step:
            return await app.client.uploads.start_file(
                temporary_file(attempt), display_name=row.file_path, mime_type=row.mime_type, size=row.size
            )
        return await app.client.uploads.start(
            app.store,
            display_name=row.file_path,
            mime_type=row.mime_type,
            size=row.size,
            metadata=marks(row, attempt, app.ledger_id),
        )


async def _import(app: App, row: FileRow, attempt: AttemptId, file: str) -> Names:
    await _usable(app, file)
    try:
        async with app.governor.request():
            operation = await app.client.stores.import_file(
                app.store, file, metadata=marks(row, attempt, app.ledger_id)
            )
    except GeminiError as error:
        if error.kind.ambiguous:
            raise OutcomeUnknownError(str(error)) from error
        raise
    return Names(operation.name, operation.document)


async def _usable(app: App, file: str) -> None:
    """Wait until a temporary file may be imported; importing it earlier is refused."""
    began = trio.current_time()
    while True:
        async with app.governor.request():
            state = (await app.client.files.get(file)).state
        if state is FileState.ACTIVE:
            return
        waited = trio.current_time() - began
        if state is FileState.FAILED:
            raise GeminiError("the service could not read the uploaded bytes", kind=ErrorKind.PERMANENT)
        if waited > FILE_SECONDS:
            raise GeminiError("the uploaded bytes were not ready in time", kind=ErrorKind.TRANSIENT)
        await trio.sleep(next_poll(waited))


async def _deliver(app: App, session: SessionUrl, data: bytes, offset: int, *, final: bool) -> UploadProgress:
    """Send one chunk; after a lost answer ask how much arrived, and go on from there."""
    end, at, doubtful = offset + len(data), offset, False
    for _ in range(RESUMES + 1):
        try:
            async with app.governor.request():
                progress = await app.client.uploads.send(session, data[at - offset :], offset=at, final=final)
        except GeminiError as error:
            if error.kind.final:
                if doubtful:
                    # The refusal is about this sending; one that was lost before may still be acted upon.
                    raise OutcomeUnknownError(str(error)) from error
                raise
            doubtful = doubtful or error.kind.ambiguous
            progress = await _query(app, session, error)
        match progress.status:
            case SessionState.FINAL:
                return progress
            case SessionState.ACTIVE:
                received = end if progress.received is None else progress.received
                if received == end and not final:
                    return progress
                if not offset <= received <= end:
                    break
                at = received
            case SessionState.CANCELLED | SessionState.GONE:
                break
    raise OutcomeUnknownError("the upload session did not take the bytes")


async def _query(app: App, session: SessionUrl, error: GeminiError) -> UploadProgress:
    try:
        async with app.governor.request():
            return await app.client.uploads.query(session)
    except GeminiError as silence:
        raise OutcomeUnknownError(f"{error}; and the session could not be asked: {silence}") from silence


async def _cancel(app: App, session: SessionUrl) -> None:
    """Close a session whose bytes are not wanted; an unfinished session makes no document anyway."""
    try:
        async with app.governor.request():
            await app.client.uploads.cancel(session)
    except GeminiError as error:
        app.observer.event(EventKind.CANCEL_FAILED, error=str(error))
