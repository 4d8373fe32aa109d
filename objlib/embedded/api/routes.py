"""The routes: paths of the REST API to functions over the file.

Everything up to the version is split off first (:mod:`objlib.embedded.api.paths`), so one table of patterns serves
``/v1``, ``/v1beta``, ``/v1alpha``, their ``/upload`` twins, and all of them behind any prefix.
"""

import logging
import re
import sqlite3
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from functools import partial
from typing import Final

import trio
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from objlib.core.limits import MAX_DISPLAY_NAME
from objlib.embedded.api import generate, interactions, models, upload_protocol
from objlib.embedded.api.paths import read_path
from objlib.embedded.api.render import document_json, file_json, operation_json, page_json, store_json
from objlib.embedded.api.request import ApiRequest, check_key, read_value
from objlib.embedded.api.responses import JSON_TYPE, error_response, json_response
from objlib.embedded.api.strict import strict
from objlib.embedded.context import Context
from objlib.embedded.resources import documents, files, operations, stores
from objlib.embedded.wire.chunking import read_chunking
from objlib.embedded.wire.errors import ApiError, disk_full, invalid, not_found
from objlib.embedded.wire.json import Json, dump, list_field, text_field
from objlib.embedded.wire.metadata import read_metadata
from objlib.embedded.wire.names import ID
from objlib.sqlite.errors import disk_is_full

_log = logging.getLogger(__name__)

MAX_PAGE: Final = 20
"""Most stores or documents of a page, as in the service."""
MAX_FILE_PAGE: Final = 100
"""Most files of a page, as in the service."""
_DEFAULT_EMBEDDING_MODEL: Final = "models/gemini-embedding-001"
_STORE: Final = f"(?P<store>fileSearchStores/{ID})"
_DOCUMENT: Final = f"(?P<name>fileSearchStores/{ID}/documents/{ID})"
_OPERATION: Final = f"(?P<name>fileSearchStores/{ID}/(?:upload/)?operations/{ID})"
_FILE: Final = f"(?P<name>files/{ID})"
_NO_SUCH_URL: Final = "The requested URL was not found on this server."
_MODEL: Final = r"models/(?P<model>[A-Za-z0-9._-]+)"
_INTERACTION: Final = r"interactions/(?P<interaction>[A-Za-z0-9_-]+)"


Handler = Callable[[ApiRequest], Awaitable[Json | Response]]


class Routes:
    """The requests of the API over one open file."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._interactions = interactions.Interactions(context)
        table: Iterable[tuple[str, str, Handler]] = (
            ("POST", "fileSearchStores", self._create_store),
            ("GET", "fileSearchStores", self._list_stores),
            ("GET", _STORE, self._get_store),
            ("DELETE", _STORE, self._delete_store),
            ("POST", f"{_STORE}:importFile", self._import_file),
            ("GET", _OPERATION, self._get_operation),
            ("GET", f"{_STORE}/documents", self._list_documents),
            ("GET", _DOCUMENT, self._get_document),
            ("DELETE", _DOCUMENT, self._delete_document),
            ("GET", f"{_STORE}/media/(?P<media>{ID})", self._get_media),
            ("GET", "files", self._list_files),
            ("GET", _FILE, self._get_file),
            ("DELETE", _FILE, self._delete_file),
            ("GET", f"{_FILE}:download", self._download_file),
            ("POST", f"{_MODEL}:generateContent", self._generate),
            ("POST", f"{_MODEL}:streamGenerateContent", self._stream),
            ("POST", f"{_MODEL}:countTokens", self._count_tokens),
            ("POST", f"{_MODEL}:embedContent", self._embed),
            ("POST", f"{_MODEL}:batchEmbedContents", self._embed_batch),
            ("POST", "interactions", self._create_interaction),
            ("GET", _INTERACTION, self._get_interaction),
            ("DELETE", _INTERACTION, self._delete_interaction),
            ("GET", "models", self._list_models),
            ("GET", _MODEL, self._get_model),
        )
        uploads: Iterable[tuple[str, str, Handler]] = (
            ("POST", f"{_STORE}:uploadToFileSearchStore", self._start_document),
            ("POST", "files", self._start_file),
        )
        self._table = [(method, re.compile(pattern), handler) for method, pattern, handler in table]
        self._uploads = [(method, re.compile(pattern), handler) for method, pattern, handler in uploads]

    async def __call__(self, request: Request) -> Response:
        """Answer a request; every failure becomes the API's error envelope."""
        self._context.requests.set()
        try:
            result = await self._dispatch(request)
        except ApiError as error:
            return error_response(error)
        except ClientDisconnect:
            return Response(status_code=400)  # the client has gone and reads nothing
        except sqlite3.Error as error:
            _log.warning("the store file cannot be used just now: %s", error)
            unavailable = ApiError("UNAVAILABLE", f"The store file cannot be used just now: {error}.")
            return error_response(disk_full() if disk_is_full(error) else unavailable)
        except Exception:
            _log.exception("a request failed")
            return error_response(ApiError("INTERNAL", "An internal error has occurred."))
        return result if isinstance(result, Response) else json_response(result)

    async def _dispatch(self, request: Request) -> Json | Response:
        address = read_path(request.scope["path"])
        if address is None:
            raise not_found(_NO_SUCH_URL)
        root, rest, upload = address
        upload_id = request.query_params.get("upload_id")
        if upload and upload_id and request.method in {"POST", "PUT"}:
            base = ApiRequest(request, {}, root).base
            return await upload_protocol.continue_session(self._context, request, upload_id, base=base)
        check_key(request, self._context.options.require_key)
        path_exists = False
        for method, pattern, handler in self._uploads if upload else self._table:
            match = pattern.fullmatch(rest)
            if match is None:
                continue
            path_exists = True
            if method == request.method:
                return await handler(ApiRequest(request, match.groupdict(), root))
        raise not_found("Method not found." if path_exists else _NO_SUCH_URL)

    # Stores

    async def _create_store(self, request: ApiRequest) -> Json:
        body, now = await request.message("FileSearchStore"), self._context.now()
        display_name = text_field(body, "displayName", max_length=MAX_DISPLAY_NAME)
        model = text_field(body, "embeddingModel") or _DEFAULT_EMBEDDING_MODEL
        if not model.startswith("models/"):
            raise invalid("embedding_model must be of the format models/{model}.")
        models.check(model.removeprefix("models/"), "embedContent")
        store = await self._context.database.write(
            lambda db: stores.create(db, display_name=display_name, model=model, now=now)
        )
        return store_json(store)

    async def _list_stores(self, request: ApiRequest) -> Json:
        size, after = request.paging(max_size=MAX_PAGE)
        page = await self._context.database.read(lambda db: stores.page(db, size, after))
        return page_json("fileSearchStores", page, store_json)

    async def _get_store(self, request: ApiRequest) -> Json:
        name = request.parts["store"]
        return store_json(await self._context.database.read(lambda db: stores.get(db, name)))

    async def _delete_store(self, request: ApiRequest) -> Json:
        name = request.parts["store"]
        await self._context.database.write(lambda db: stores.delete(db, name, force=request.force))
        self._context.work.set()
        return {}

    # Documents and operations

    async def _start_document(self, request: ApiRequest) -> Response:
        store = request.parts["store"]
        return await upload_protocol.start(self._context, request.http, store=store, base=request.base)

    async def _import_file(self, request: ApiRequest) -> Json:
        body, store, writer = (
            await request.message("ImportFileRequest"),
            request.parts["store"],
            self._context.writer(),
        )
        file = text_field(body, "fileName")
        if not file:
            raise invalid("* ImportFileRequest.file_name: file_name is required.")
        metadata = read_metadata(body, "ImportFileRequest")
        target = documents.ImportTarget(store, metadata, *read_chunking(body))
        document = await self._context.database.write(
            lambda db: documents.import_file(db, file, target, writer=writer)
        )
        self._context.work.set()
        return {"name": operations.operation_name(document, "import")}

    async def _get_operation(self, request: ApiRequest) -> Json:
        name = request.parts["name"]
        operation = await self._context.database.read(lambda db: operations.get(db, name))
        if not operation.done:
            self._look_again()
        return operation_json(operation, full_names=self._context.options.full_names_in_import)

    async def _list_documents(self, request: ApiRequest) -> Json:
        size, after = request.paging(max_size=MAX_PAGE)
        store = request.parts["store"]
        page = await self._context.database.read(lambda db: documents.page(db, store, size, after))
        return page_json("documents", page, document_json)

    async def _get_document(self, request: ApiRequest) -> Json:
        name = request.parts["name"]
        document = await self._context.database.read(lambda db: documents.get(db, name))
        if document.state == "PENDING":
            self._look_again()
        return document_json(document)

    def _look_again(self) -> None:
        """Wake the worker for a polled document: its owner may have died, or the disk may have room again.

        Raises:
            ApiError: there was no room when the worker last looked.
        """
        self._context.work.set()
        if self._context.disk_full:
            raise disk_full()

    async def _delete_document(self, request: ApiRequest) -> Json:
        name = request.parts["name"]
        await self._context.database.write(lambda db: documents.delete(db, name, force=request.force))
        return {}

    async def _get_media(self, request: ApiRequest) -> Response:
        """The bytes of a picture that a citation names; the SDKs ask with ``?alt=media``."""
        store, name = request.parts["store"], request.parts["media"]
        data, mime_type = await self._context.database.read(lambda db: documents.media(db, store, name))
        return Response(data, 200, media_type=mime_type)

    # Files

    async def _start_file(self, request: ApiRequest) -> Response:
        return await upload_protocol.start(self._context, request.http, store=None, base=request.base)

    async def _list_files(self, request: ApiRequest) -> Json:
        size, after = request.paging(max_size=MAX_FILE_PAGE)
        now = self._context.now()
        page = await self._context.database.read(lambda db: files.page(db, size, after, now=now))
        return page_json("files", page, partial(file_json, now=now, base=request.base))

    async def _get_file(self, request: ApiRequest) -> Json:
        name, now = request.parts["name"], self._context.now()
        file = await self._context.database.read(lambda db: files.get(db, name, now=now))
        return file_json(file, now=now, base=request.base)

    async def _delete_file(self, request: ApiRequest) -> Json:
        name, now = request.parts["name"], self._context.now()
        await self._context.database.write(lambda db: files.delete(db, name, now=now))
        return {}

    async def _download_file(self, request: ApiRequest) -> Json:
        name, now = request.parts["name"], self._context.now()
        await self._context.database.read(lambda db: files.get(db, name, now=now))
        raise invalid(f"The file {name} cannot be downloaded: only generated files can.")

    # Models

    async def _generate(self, request: ApiRequest) -> Json:
        models.check(request.parts["model"], "generateContent")
        return await generate.answer(self._context, await request.message("GenerateContentRequest"))

    async def _stream(self, request: ApiRequest) -> Response:
        whole = await self._generate(request)
        events = [dump(event) for event in generate.in_events(whole)]
        if request.http.query_params.get("alt") == "sse":
            return StreamingResponse(
                _stream_chunks(b"data: " + event + b"\r\n\r\n" for event in events),
                media_type="text/event-stream",
            )
        return Response(b"[" + b",\r\n".join(events) + b"]", 200, media_type=JSON_TYPE)

    async def _create_interaction(self, request: ApiRequest) -> Json | Response:
        whole, streamed = await self._interactions.create(await read_value(request.http))
        return _interaction_stream(whole) if streamed else whole

    async def _get_interaction(self, request: ApiRequest) -> Json | Response:
        await trio.lowlevel.checkpoint()
        whole = self._interactions.get(request.parts["interaction"])
        streamed = request.http.query_params.get("stream", "").lower() in {"true", "1"}
        return _interaction_stream(whole) if streamed else whole

    async def _delete_interaction(self, request: ApiRequest) -> Json:
        await trio.lowlevel.checkpoint()
        self._interactions.delete(request.parts["interaction"])
        return {}

    async def _count_tokens(self, request: ApiRequest) -> Json:
        await trio.lowlevel.checkpoint()
        models.check(request.parts["model"], "countTokens")
        return generate.count_tokens(await request.message("CountTokensRequest"))

    async def _embed(self, request: ApiRequest) -> Json:
        models.check(request.parts["model"], "embedContent")
        (embedding,) = await self._embeddings([await request.message("EmbedContentRequest")])
        return {"embedding": embedding}

    async def _embed_batch(self, request: ApiRequest) -> Json:
        models.check(request.parts["model"], "batchEmbedContents")
        requests = list_field(await request.message("BatchEmbedContentsRequest"), "requests")
        return {"embeddings": await self._embeddings(requests)}

    async def _embeddings(self, requests: list[Json]) -> list[Json]:
        return await self._context.embedding_runner(lambda: models.embed(self._context.embedder, requests))

    async def _list_models(self, request: ApiRequest) -> Json:
        await trio.lowlevel.checkpoint()
        return models.page()

    async def _get_model(self, request: ApiRequest) -> Json:
        await trio.lowlevel.checkpoint()
        return models.get(request.parts["model"])


async def _stream_chunks(chunks: Iterable[bytes]) -> AsyncGenerator[bytes, None]:
    for chunk in chunks:
        await trio.lowlevel.checkpoint()
        yield chunk


def _interaction_stream(whole: Json) -> Response:
    events = interactions.events(whole)
    lines = (b"event: " + name.encode() + b"\r\ndata: " + dump(event) + b"\r\n\r\n" for name, event in events)
    return StreamingResponse(_stream_chunks(lines), media_type="text/event-stream")


def make_app(context: Context) -> ASGIApp:
    """The ASGI app over an open file.

    Not Starlette's own application: its router answers an unknown method or path in a form of its own.
    """
    routes = Routes(context)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            response = await routes(Request(scope, receive))
            await response(scope, receive, send)

    around: ASGIApp = strict(app) if context.options.strict else app
    for middleware in reversed(context.options.middleware):
        around = middleware.cls(around, *middleware.args, **middleware.kwargs)
    return around
