"""The resumable upload protocol on the wire: commands in headers, bytes in bodies.

A body larger than the granularity is committed piece by piece as it comes. So no request holds more than one
piece in memory, and a lost connection loses only the last piece.
"""

import sqlite3
from contextlib import aclosing
from functools import partial
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from objlib.core.library.mime import base_type
from objlib.core.limits import MAX_DISPLAY_NAME
from objlib.core.remote import SessionState
from objlib.embedded.api import render
from objlib.embedded.api.content_range import GRANULARITY as RANGE_GRANULARITY
from objlib.embedded.api.content_range import ContentRange, read_range
from objlib.embedded.api.related import split_related
from objlib.embedded.api.request import read_body, read_bytes
from objlib.embedded.api.responses import JSON_TYPE, error_response
from objlib.embedded.context import Context
from objlib.embedded.resources import documents, files, upload_sessions
from objlib.embedded.resources.records import FileRecord
from objlib.embedded.resources.upload_sessions import Created, SessionError, UploadSession
from objlib.embedded.wire.chunking import read_chunking
from objlib.embedded.wire.errors import invalid
from objlib.embedded.wire.json import Json, object_field, read_json, text_field
from objlib.embedded.wire.messages import read_message
from objlib.embedded.wire.metadata import read_metadata

_PREFIX: Final = "x-goog-upload-"
_PREAMBLE: Final = 64 * 1024
"""Bytes that the metadata of a multipart upload may add to its document."""


def _number(request: Request, header: str) -> int | None:
    text = request.headers.get(header)
    if text is None:
        return None
    if not text.isascii() or not text.isdigit():
        raise invalid(f"The header {header} must be a number of bytes.")
    return int(text)


def _commands(request: Request) -> set[str]:
    words = request.headers.get(_PREFIX + "command", "").split(",")
    return {word.strip().lower() for word in words if word.strip()}


async def start(context: Context, request: Request, *, store: str | None, base: str) -> Response:
    """Begin a session of either resumable protocol, or take a whole upload in one request.

    ``base`` is the URL up to and including the version, for a file's ``uri``.

    Raises:
        ApiError: the protocol is unknown, or the document is not acceptable.
    """
    protocol = _protocol(request)
    if protocol in {"raw", "multipart"}:
        return await _whole(context, request, store, base, multipart=protocol == "multipart")
    by_header = protocol == "resumable"
    if by_header and _commands(request) != {"start"}:
        raise invalid(
            "An upload begins with X-Goog-Upload-Protocol: resumable, X-Goog-Upload-Command: start."
        )
    message = "CreateFileRequest" if store is None else "UploadToFileSearchStoreRequest"
    # google-api-core sends no type here. A page could not send the header that says so without being asked first.
    body = await read_body(request, message, untyped=by_header)
    prefix = _PREFIX + "header-" if by_header else "x-upload-"
    declared = _number(request, prefix + "content-length")
    mime_type = request.headers.get(prefix + "content-type", "")
    target = _target(request, body, store, mime_type)
    writer = context.writer()
    upload_id = await context.database.write(
        lambda db: upload_sessions.start(db, target, store=store, declared=declared, writer=writer)
    )
    url = str(request.url.replace(query=f"upload_id={upload_id}&upload_protocol=resumable"))
    if not by_header:
        return Response(b"", 200, {"Location": url, "X-GUploader-UploadID": upload_id})
    headers = {
        "X-Goog-Upload-Status": "active",
        "X-Goog-Upload-URL": url,
        "X-Goog-Upload-Control-URL": url,
        "X-Goog-Upload-Chunk-Granularity": str(context.options.granularity),
    }
    return Response(b"", 200, headers)


def _protocol(request: Request) -> str:
    """``resumable`` by Google's headers, ``ranges`` by Content-Range, ``raw`` or ``multipart``.

    Raises:
        ApiError: the request says neither.
    """
    header = request.headers.get(_PREFIX + "protocol", "").lower()
    upload_type = request.query_params.get("uploadType", "").lower()
    protocol = header or {"resumable": "ranges", "media": "raw"}.get(upload_type, upload_type)
    if protocol not in {"resumable", "ranges", "raw", "multipart"}:
        raise invalid(
            "The upload protocol is missing or unknown: X-Goog-Upload-Protocol is resumable, raw or multipart."
        )
    return protocol


async def _whole(
    context: Context, request: Request, store: str | None, base: str, *, multipart: bool
) -> Response:
    """Take a document or file in one request, by itself or behind its metadata."""
    most = context.options.max_document
    data = await read_bytes(request, most + _PREAMBLE)
    message = "CreateFileRequest" if store is None else "UploadToFileSearchStoreRequest"
    mime_type = request.headers.get("content-type", "")
    body: Json = {}
    if multipart:
        metadata, mime_type, data = split_related(mime_type, data)
        body = read_message(read_json(metadata), message)
    target = _target(request, body, store, mime_type)
    writer = context.writer()

    def keep(db: sqlite3.Connection) -> bytes:
        upload_id = upload_sessions.start(db, target, store=store, declared=len(data), writer=writer)
        answer = partial(_answer, base=base, now=writer.now)
        session = upload_sessions.finalize(db, upload_id, 0, data, hashed=None, writer=writer, answer=answer)
        return session.final_body or b""

    final_body = await context.database.write(keep)
    context.work.set()
    return Response(final_body, 200, {"X-Goog-Upload-Status": "final"}, JSON_TYPE)


def _answer(created: Created, *, base: str, now: float) -> Json:
    if isinstance(created, FileRecord):
        return {"file": render.file_json(created, now=now, base=base)}
    return render.upload_json(*created)


def _target(request: Request, body: Json, store: str | None, mime_type: str) -> Json:
    if store is None:
        return _file_target(body, mime_type)
    return _document_target(request, body, store, mime_type)


def _file_target(body: Json, mime_type: str) -> Json:
    fields = object_field(body, "file")
    name = text_field(fields, "name")
    display_name = text_field(fields, "displayName", max_length=MAX_DISPLAY_NAME)
    kind = base_type(text_field(fields, "mimeType") or mime_type) or "application/octet-stream"
    if name:
        files.check_name(name)
    return {"name": name, "displayName": display_name, "mimeType": kind}


def _document_target(request: Request, body: Json, store: str, mime_type: str) -> Json:
    kind = base_type(text_field(body, "mimeType") or mime_type)
    documents.check_type(kind)
    file_name = request.headers.get(_PREFIX + "file-name", "")[:MAX_DISPLAY_NAME]
    words, overlap = read_chunking(body)
    return {
        "store": store,
        "display_name": text_field(body, "displayName", max_length=MAX_DISPLAY_NAME) or file_name,
        "mime_type": kind,
        "metadata": read_metadata(body, "UploadToFileSearchStoreRequest"),
        "chunk_words": words,
        "chunk_overlap": overlap,
    }


async def continue_session(context: Context, request: Request, upload_id: str, *, base: str) -> Response:
    """Follow a command on a session URL, which is its own authorisation.

    ``base`` is the URL up to and including the version, for a file's ``uri``.

    Raises:
        ApiError: the command is unknown, or there is no such session.
    """
    span = read_range(request.headers)
    command = _SessionCommand(context, request, upload_id, span)
    try:
        session = await command.follow(span.commands if span else _commands(request), base)
    except SessionError as error:
        return error_response(error, _headers(error.session))
    if session.status is SessionState.FINAL:
        return Response(session.final_body, 200, _headers(session), JSON_TYPE)
    if span is not None:
        received = {"Range": f"bytes=0-{session.received - 1}"} if session.received else {}
        return Response(b"", 308, received)
    return Response(b"", 200, _headers(session))


def _headers(session: UploadSession) -> dict[str, str]:
    return {"X-Goog-Upload-Status": session.status, "X-Goog-Upload-Size-Received": str(session.received)}


class _SessionCommand:
    """One command on the session of an upload."""

    def __init__(self, context: Context, request: Request, upload_id: str, span: ContentRange | None) -> None:
        self._span = span
        self._context = context
        self._request = request
        self._id = upload_id

    async def follow(self, commands: set[str], base: str) -> UploadSession:
        """The session after the command."""
        now = self._context.now()
        if commands == {"query"}:
            return await self._context.database.read(lambda db: upload_sessions.get(db, self._id, now))
        if commands == {"cancel"}:
            return await self._context.database.write(lambda db: upload_sessions.cancel(db, self._id, now))
        if commands == {"upload"}:
            return await self._upload()
        if commands in ({"upload", "finalize"}, {"finalize"}):
            return await self._finalize(base, with_bytes="upload" in commands)
        raise invalid("Unknown X-Goog-Upload-Command: one of upload, finalize, query, cancel was expected.")

    def _offset(self) -> int:
        if self._span is not None and self._span.start is not None:
            return self._span.start
        offset = _number(self._request, _PREFIX + "offset")
        if offset is None:
            raise invalid("The header X-Goog-Upload-Offset is required with upload.")
        return offset

    async def _upload(self) -> UploadSession:
        offset = self._offset()
        granularity = self._context.options.granularity if self._span is None else RANGE_GRANULARITY
        length = _number(self._request, "content-length")
        if length is not None and length % granularity:
            await self._refuse(f"A chunk of {length} bytes is not a multiple of {granularity}.")
        # A chunk that cannot be taken is refused before its bytes are read.
        await self._check(offset, length or 0)
        offset, rest = await self._receive(offset)
        if len(rest) % granularity:
            await self._refuse(f"A chunk must be a multiple of {granularity} bytes.")
        return await self._append(offset, rest)

    async def _check(self, offset: int, length: int) -> None:
        writer = self._context.writer()
        await self._context.database.read(
            lambda db: upload_sessions.active(db, self._id, offset=offset, length=length, writer=writer)
        )

    async def _refuse(self, message: str) -> None:
        now = self._context.now()
        session = await self._context.database.read(lambda db: upload_sessions.get(db, self._id, now))
        raise SessionError(session, message)

    async def _append(self, offset: int, data: bytes) -> UploadSession:
        writer = self._context.writer()
        return await self._context.database.write(
            lambda db: upload_sessions.append(db, self._id, offset, data, writer=writer)
        )

    async def _finalize(self, base: str, *, with_bytes: bool) -> UploadSession:
        offset: int | None = None
        rest = b""
        if with_bytes:
            start, length = self._offset(), _number(self._request, "content-length")
            if length is None or length > self._context.options.granularity:
                await self._check(start, length or 0)
            offset, rest = await self._receive(start)
        writer = self._context.writer()
        hashed = None
        if offset != 0:
            hashed = await self._context.database.bulk.run(
                lambda db: upload_sessions.digest(db, self._id, writer.now)
            )

        answer = partial(_answer, base=base, now=writer.now)
        session = await self._context.database.write(
            lambda db: upload_sessions.finalize(
                db, self._id, offset, rest, hashed=hashed, writer=writer, answer=answer
            )
        )
        self._context.work.set()
        return session

    async def _receive(self, offset: int) -> tuple[int, bytes]:
        """Read the body and commit all but the last piece of it.

        Returns:
            The offset of the last piece, and the piece.
        """
        piece = self._context.options.granularity
        views: list[memoryview] = []
        size = 0
        async with aclosing(self._request.stream()) as stream:
            async for chunk in stream:
                view = memoryview(chunk)
                while size + len(view) > piece:
                    views.append(view[: piece - size])
                    await self._append(offset, b"".join(views))
                    offset += piece
                    view = view[piece - size :]
                    views.clear()
                    size = 0
                if view:
                    views.append(view)
                    size += len(view)
        return offset, b"".join(views)
