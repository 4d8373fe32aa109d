"""The resumable upload protocol on the wire: commands in headers, bytes in bodies.

A body larger than the granularity is committed piece by piece as it comes, so no request holds more than one
piece in memory, and what came before a lost connection is not lost.
"""

from contextlib import aclosing

from starlette.requests import Request
from starlette.responses import Response

from objlib.core.library.mime import base_type
from objlib.core.limits import MAX_DISPLAY_NAME
from objlib.embedded.context import Context
from objlib.embedded.resources import files, upload_sessions
from objlib.embedded.wire.json import JSON_TYPE, invalid, object_field, read_body, read_json, text_field
from objlib.embedded.wire.metadata import read_metadata
from objlib.embedded.wire.mime import check_supported

_H = "x-goog-upload-"


def _number(request: Request, header: str) -> int | None:
    text = request.headers.get(header)
    if text is None:
        return None
    if not text.isascii() or not text.isdigit():
        raise invalid(f"The header {header} must be a number of bytes.")
    return int(text)


async def start(context: Context, request: Request, *, store: str | None) -> Response:
    """Begin a session: an empty body, and four headers that say where to send the bytes.

    Raises:
        ApiError: the protocol is another one, or the document is not acceptable.
    """
    if request.headers.get(_H + "protocol", "").lower() != "resumable" or _commands(request) != {"start"}:
        raise invalid(
            "Only the resumable protocol is supported:"
            " X-Goog-Upload-Protocol: resumable, X-Goog-Upload-Command: start."
        )
    body = read_json(await read_body(request))
    declared = _number(request, _H + "header-content-length")
    header_type = request.headers.get(_H + "header-content-type", "")
    file_name = request.headers.get(_H + "file-name", "")
    if store is None:
        fields = object_field(body, "file")
        wanted = {
            "name": text_field(fields, "name"),
            "displayName": text_field(fields, "displayName", longest=MAX_DISPLAY_NAME),
            "mimeType": base_type(text_field(fields, "mimeType") or header_type)
            or "application/octet-stream",
        }
        if wanted["name"]:
            files.check_name(wanted["name"])
    else:
        mime_type = base_type(text_field(body, "mimeType") or header_type)
        check_supported(mime_type)
        wanted = {
            "store": store,
            "display_name": text_field(body, "displayName", longest=MAX_DISPLAY_NAME)
            or file_name[:MAX_DISPLAY_NAME],
            "mime_type": mime_type,
            "metadata": read_metadata(body, "UploadToFileSearchStoreRequest"),
        }
    now = context.now()
    upload_id = await context.database.write(
        lambda db: upload_sessions.start(
            db, wanted, store=store, declared=declared, now=now, options=context.options
        )
    )
    url = str(request.url.replace(query=f"upload_id={upload_id}&upload_protocol=resumable"))
    return Response(
        b"",
        200,
        {
            "X-Goog-Upload-Status": "active",
            "X-Goog-Upload-URL": url,
            "X-Goog-Upload-Control-URL": url,
            "X-Goog-Upload-Chunk-Granularity": str(context.options.granularity),
        },
    )


def _commands(request: Request) -> set[str]:
    return {
        word.strip().lower() for word in request.headers.get(_H + "command", "").split(",") if word.strip()
    }


async def continue_session(context: Context, request: Request, upload_id: str, *, base: str) -> Response:
    """A command on a session URL, which is its own authorisation.

    ``base`` is the URL up to and including the version, for a file's ``uri``.

    Raises:
        ApiError: the command is unknown, or the session cannot follow it.
    """
    commands = _commands(request)
    if commands == {"query"}:
        now = context.now()
        return _answer(await context.database.read(lambda db: upload_sessions.get(db, upload_id, now)))
    if commands == {"cancel"}:
        now = context.now()
        return _answer(await context.database.write(lambda db: upload_sessions.cancel(db, upload_id, now)))
    if commands == {"upload"}:
        return await _upload(context, request, upload_id)
    if commands in ({"upload", "finalize"}, {"finalize"}):
        return await _finalize(context, request, upload_id, base=base, with_bytes="upload" in commands)
    raise invalid("Unknown X-Goog-Upload-Command: one of upload, finalize, query, cancel was expected.")


def _answer(session: upload_sessions.UploadSession) -> Response:
    if session.status == "final":
        return Response(session.final_body, 200, session.headers, JSON_TYPE)
    return Response(b"", 200, session.headers)


def _offset(request: Request) -> int:
    offset = _number(request, _H + "offset")
    if offset is None:
        raise invalid("The header X-Goog-Upload-Offset is required with upload.")
    return offset


async def _upload(context: Context, request: Request, upload_id: str) -> Response:
    offset = _offset(request)
    granularity = context.options.granularity
    length = _number(request, "content-length")
    if length is not None and length % granularity:
        await _refuse(context, upload_id, f"A chunk of {length} bytes is not a multiple of {granularity}.")
    # Look before the bytes are read: a chunk that cannot be taken is refused at once.
    await _look(context, upload_id, offset, length or 0)
    sent, rest = await _receive(context, request, upload_id, offset)
    if len(rest) % granularity:
        await _refuse(context, upload_id, f"A chunk must be a multiple of {granularity} bytes.")
    now = context.now()
    return _answer(
        await context.database.write(
            lambda db: upload_sessions.append(db, upload_id, sent, rest, now=now, options=context.options)
        )
    )


async def _look(context: Context, upload_id: str, offset: int, length: int) -> None:
    now = context.now()
    await context.database.read(
        lambda db: upload_sessions.active(
            db, upload_id, offset=offset, length=length, now=now, options=context.options
        )
    )


async def _refuse(context: Context, upload_id: str, message: str) -> None:
    now = context.now()
    session = await context.database.read(lambda db: upload_sessions.get(db, upload_id, now))
    raise session.error(message)


async def _finalize(
    context: Context, request: Request, upload_id: str, *, base: str, with_bytes: bool
) -> Response:
    offset: int | None = None
    rest = b""
    if with_bytes:
        at, length = _offset(request), _number(request, "content-length")
        if length is None or length > context.options.granularity:
            await _look(context, upload_id, at, length or 0)
        offset, rest = await _receive(context, request, upload_id, at)
    now = context.now()
    before = None
    if offset != 0:
        before = await context.database.bulk.run(lambda db: upload_sessions.digest(db, upload_id, now))
    session = await context.database.write(
        lambda db: upload_sessions.finalize(
            db,
            upload_id,
            offset,
            rest,
            before=before,
            now=now,
            options=context.options,
            claim=context.claim,
            base=base,
        )
    )
    context.work.ring()
    return _answer(session)


async def _receive(context: Context, request: Request, upload_id: str, offset: int) -> tuple[int, bytes]:
    """Read the body; all but the last piece of it is committed on the way.

    Returns:
        The offset of the last piece, and the piece.
    """
    piece = context.options.granularity

    async def commit(at: int, data: bytes) -> None:
        now = context.now()
        await context.database.write(
            lambda db: upload_sessions.append(db, upload_id, at, data, now=now, options=context.options)
        )

    held: list[memoryview] = []
    size = 0
    async with aclosing(request.stream()) as stream:
        async for chunk in stream:
            view = memoryview(chunk)
            while size + len(view) > piece:
                held.append(view[: piece - size])
                await commit(offset, b"".join(held))
                offset += piece
                view = view[piece - size :]
                held.clear()
                size = 0
            if view:
                held.append(view)
                size += len(view)
    return offset, b"".join(held)
