"""The resumable upload protocol: start, chunks, query, cancel.

A session address authorises itself, so no key is sent to it and it stands in no message. An answer to a
chunk that is lost, or does not say where the upload stands, is UNKNOWN: query the session before sending more.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from objlib.core.library.metadata import MetadataValue
from objlib.core.remote import SessionState
from objlib.gemini import names
from objlib.gemini.body import BodySource
from objlib.gemini.endpoint import SessionUrl
from objlib.gemini.errors import Call, ErrorKind, GeminiError
from objlib.gemini.metadata import display_name as valid_name
from objlib.gemini.metadata import to_wire
from objlib.gemini.operations import read as read_operation
from objlib.gemini.transport import Reply, Resource
from objlib.gemini.wire import Finalized, OperationShape, parse

CHUNK: Final = 8 * 1024 * 1024
"""Bytes of every chunk but the last: the granularity that the service asks for."""
_SIZE: Final = re.compile(r"[0-9]{1,18}")
_START: Final = Call("start", "starting an upload", method="POST")
_SEND: Final = Call("send", "sending a chunk", method="POST", idempotent=False, session=True)
_QUERY: Final = Call("query", "asking an upload session", method="POST", session=True, reads=True)
_CANCEL: Final = Call("cancel", "cancelling an upload", method="POST", session=True)


@dataclass(frozen=True, slots=True)
class UploadResult:
    """The result of a finalized upload; full resource names.

    Attributes:
        operation: the job that indexes it.
        document: the document, computed from the operation's id where the answer does not say.
        file: the temporary file, on the two-step path.
    """

    operation: str | None = None
    document: str | None = None
    file: str | None = None


@dataclass(frozen=True, slots=True)
class UploadProgress:
    """The answer to a chunk or a query.

    Attributes:
        status: where the session stands.
        received: bytes that the service has, where it is known.
        result: what was made, when the session is final and the service says.
    """

    status: SessionState
    received: int | None = None
    result: UploadResult | None = None


class UploadsApi(Resource):
    """The requests of the upload protocol; see :attr:`objlib.gemini.Client.uploads`."""

    async def start(
        self,
        store: str,
        *,
        display_name: str,
        mime_type: str,
        size: int,
        metadata: Mapping[str, MetadataValue],
    ) -> SessionUrl:
        """Open a session that ends in a document of ``store``; nothing is made before its last chunk."""
        entries = to_wire(metadata)
        body = {"displayName": valid_name(display_name), "mimeType": mime_type, "customMetadata": entries}
        path = f"{names.store_name(store)}:uploadToFileSearchStore"
        return await self._start(path, {k: v for k, v in body.items() if v}, mime_type, size)

    async def start_file(self, name: str, *, display_name: str, mime_type: str, size: int) -> SessionUrl:
        """Open a session that ends in the temporary file ``name``, which the caller chooses."""
        shape = {
            "name": names.file_name(name),
            "displayName": valid_name(display_name),
            "mimeType": mime_type,
        }
        return await self._start("files", {"file": {k: v for k, v in shape.items() if v}}, mime_type, size)

    async def _start(self, path: str, body: Mapping[str, Any], mime_type: str, size: int) -> SessionUrl:
        if not mime_type.isascii() or not mime_type.isprintable():
            raise GeminiError(f"{mime_type!r} is not a MIME type", kind=ErrorKind.PERMANENT, op=_START.op)
        # X-Goog-Upload-File-Name stays out: a header cannot hold most names, and the display name is in the body.
        headers = {
            "x-goog-upload-protocol": "resumable",
            "x-goog-upload-command": "start",
            "x-goog-upload-header-content-length": str(size),
        }
        if mime_type:
            headers["x-goog-upload-header-content-type"] = mime_type
        reply = await self._transport.keyed(_START, path, headers=headers, body=body, upload=True)
        url = reply.headers.get("x-goog-upload-url", "")
        if not url:
            raise _START.error("the service gave no address to send to", ErrorKind.TRANSIENT, 200)
        if not self._transport.endpoint.trusts(url):
            raise _START.error(
                "the service wants the bytes on another host; none are sent, check the base URL",
                ErrorKind.PERMANENT,
                200,
            )
        return SessionUrl(url)

    async def send(
        self, session: str, data: bytes | BodySource, *, offset: int, final: bool
    ) -> UploadProgress:
        """Send ``data``, which starts at ``offset`` of the file; the answer to the ``final`` chunk has the result.

        A chunk is a multiple of :data:`CHUNK`, but for the last, which may be empty.

        Raises:
            BodySourceError: the source of ``data`` gave up, so that the chunk did not arrive as a whole.
            GeminiError: UNKNOWN when it may have arrived, so that the session has to be queried.
        """
        if not self._transport.endpoint.trusts(session):
            raise _SEND.error("the session is on another host", ErrorKind.NOT_FOUND)
        command = "upload, finalize" if final else "upload"
        reply = await self._command(_SEND, session, command, data, offset=offset, slow=final)
        if not reply.success:
            raise self._transport.refusal(_SEND, reply, (session,))
        progress = _progress(session, reply, after=offset + len(data))
        if progress is None:
            raise _SEND.error("the answer does not say where the upload stands", ErrorKind.UNKNOWN, 200)
        if progress.status is SessionState.FINAL and progress.result is None:
            raise _SEND.error("the upload is final, and the answer names nothing", ErrorKind.UNKNOWN, 200)
        return progress

    async def query(self, session: str) -> UploadProgress:
        """Ask where the session stands; a session that the service does not know is GONE, not an error.

        Raises:
            GeminiError: the service did not answer, or only that it is too busy to.
        """
        if not self._transport.endpoint.trusts(session):
            return UploadProgress(SessionState.GONE)  # it was made with another service: nothing to ask here
        reply = await self._command(_QUERY, session, "query")
        if reply.success or (reply.status < 500 and reply.status != 429):
            progress = _progress(session, reply, after=None)
            if progress is not None:
                return progress
        error = self._transport.refusal(_QUERY, reply, (session,))
        if error.kind.transient or error.kind.ends_run:
            raise error
        return UploadProgress(SessionState.GONE)

    async def cancel(self, session: str) -> bool:
        """End the session, so that nothing sent late can land.

        Returns:
            Whether nothing can land any more: it is cancelled, or gone. False when the service refuses: something
            may have landed in the meantime, and the session has to be queried again.

        Raises:
            GeminiError: TRANSIENT, the service did not confirm it.
        """
        if not self._transport.endpoint.trusts(session):
            return True
        reply = await self._command(_CANCEL, session, "cancel")
        if reply.success:
            # An answer that does not say where the session stands may be anybody's, a page of the network's too.
            stands = _progress(session, reply, after=None) or await self.query(session)
            if stands.status is SessionState.ACTIVE:
                raise self._transport.unreadable(_CANCEL, reply)
            return stands.status is not SessionState.FINAL
        error = self._transport.refusal(_CANCEL, reply, (session,))
        if error.kind.transient or error.kind.ends_run:
            raise error
        return error.kind is ErrorKind.NOT_FOUND

    async def _command(
        self,
        call: Call,
        session: str,
        command: str,
        data: bytes | BodySource = b"",
        *,
        offset: int | None = None,
        slow: bool = False,
    ) -> Reply:
        """Send a command to a session, without the key; its address stays out of every message."""
        headers = {"x-goog-upload-command": command}
        if offset is not None:
            headers["x-goog-upload-offset"] = str(offset)
        return await self._transport.exchange(
            call, session, headers=headers, content=data, slow=slow, secrets=(session,)
        )


def _progress(session: str, reply: Reply, *, after: int | None) -> UploadProgress | None:
    """The progress that an answer states; None where it states none."""
    size = reply.headers.get("x-goog-upload-size-received", "")
    received = int(size) if _SIZE.fullmatch(size) else after
    match reply.headers.get("x-goog-upload-status", "").strip().lower():
        case "active":
            return UploadProgress(SessionState.ACTIVE, received)
        case "final":
            return UploadProgress(SessionState.FINAL, received, _result(session, reply.body))
        case "cancelled" | "canceled":
            return UploadProgress(SessionState.CANCELLED, received)
        case _:
            return None


def _result(session: str, body: bytes) -> UploadResult | None:
    """The result that the body of a finalized upload names; None where it names none."""
    try:
        shape = parse(body, Finalized)
    except ValueError:
        return None
    if shape.file is not None:
        file = names.full_file(shape.file.name)
        return None if file is None else UploadResult(file=file)
    store = names.store_of_session(urlsplit(session).path)
    full = names.full_operation(shape.name, store, upload=True) or ""
    operation = read_operation(OperationShape(name=full, response=shape.response), store=store, name=full)
    if not operation.name and operation.document is None:
        return None
    return UploadResult(operation=operation.name or None, document=operation.document)
