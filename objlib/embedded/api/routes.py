"""The routes: paths of the REST API to functions over the file.

Clients put a version, and perhaps a prefix of their own, before the paths. Everything up to the version is
set aside first, so one table of patterns serves ``/v1``, ``/v1beta``, ``/v1alpha``, their ``/upload`` twins,
and all of them behind any prefix.
"""

import logging
import re
import sqlite3
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from functools import partial
from typing import Final

import trio
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from objlib.embedded.api import generate, models, upload_protocol
from objlib.embedded.api.request import ApiRequest, check_key
from objlib.embedded.context import Context
from objlib.embedded.resources import documents, files, imports, operations, stores
from objlib.embedded.wire.json import (
    JSON_TYPE,
    ApiError,
    Json,
    dump,
    invalid,
    list_field,
    no_room,
    not_found,
    text_field,
)
from objlib.embedded.wire.metadata import read_metadata
from objlib.embedded.wire.names import ID
from objlib.sqlite.errors import disk_is_full

_log = logging.getLogger(__name__)

_PATH: Final = re.compile(r"(?P<before>.*)/(?P<version>v1|v1beta|v1alpha)/(?P<rest>.+)")
_UPLOAD: Final = re.compile(r"(?P<prefix>.*?)(?:/resumable)?/upload")
_STORE: Final = f"(?P<store>fileSearchStores/{ID})"
_DOCUMENT: Final = f"(?P<name>fileSearchStores/{ID}/documents/{ID})"
_OPERATION: Final = f"(?P<name>fileSearchStores/{ID}/(?:upload/)?operations/{ID})"
_FILE: Final = f"(?P<name>files/{ID})"
_MODEL: Final = r"models/(?P<model>[A-Za-z0-9._-]+)"


Handler = Callable[[ApiRequest], Awaitable[Json | Response]]


class Routes:
    """The calls of the API over one open file."""

    def __init__(self, context: Context) -> None:
        self._context = context
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
            ("GET", "files", self._list_files),
            ("GET", _FILE, self._get_file),
            ("DELETE", _FILE, self._delete_file),
            ("POST", f"{_MODEL}:generateContent", self._generate),
            ("POST", f"{_MODEL}:streamGenerateContent", self._stream),
            ("POST", f"{_MODEL}:countTokens", self._count_tokens),
            ("POST", f"{_MODEL}:embedContent", self._embed),
            ("POST", f"{_MODEL}:batchEmbedContents", self._embed_batch),
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
        """Answer a request; whatever goes wrong becomes the API's error envelope."""
        self._context.requests.ring()
        try:
            result = await self._dispatch(request)
        except ApiError as error:
            return error.response()
        except ClientDisconnect:
            return Response(status_code=400)  # nobody is there to read it
        except sqlite3.Error as error:
            _log.warning("the store file cannot be used just now: %s", error)
            if disk_is_full(error):  # waiting does not help, so it is told like any store that is full
                return no_room().response()
            return ApiError("UNAVAILABLE", f"The store file cannot be used just now: {error}.").response()
        except Exception:
            _log.exception("a request failed")
            return ApiError("INTERNAL", "An internal error has occurred.").response()
        return result if isinstance(result, Response) else Response(dump(result), 200, media_type=JSON_TYPE)

    async def _dispatch(self, request: Request) -> Json | Response:
        path = _PATH.fullmatch(request.url.path)
        if path is None:
            raise not_found("The requested URL was not found on this server.")
        upload = _UPLOAD.fullmatch(path["before"])
        prefix = upload["prefix"] if upload else path["before"]
        base = str(request.url.replace(path=f"{prefix}/{path['version']}", query=""))
        upload_id = request.query_params.get("upload_id")
        if upload and upload_id and request.method in {"POST", "PUT"}:
            return await upload_protocol.continue_session(self._context, request, upload_id, base=base)
        check_key(request, self._context.options.require_key)
        known = False
        for method, pattern, handler in self._uploads if upload else self._table:
            found = pattern.fullmatch(path["rest"])
            if found is None:
                continue
            known = True
            if method == request.method:
                return await handler(ApiRequest(request, found.groupdict(), base))
        raise not_found("Method not found." if known else "The requested URL was not found on this server.")

    # Stores

    async def _create_store(self, request: ApiRequest) -> Json:
        body, now = await request.body(), self._context.now()
        return await self._context.database.write(lambda db: stores.create(db, body, now))

    async def _list_stores(self, request: ApiRequest) -> Json:
        size, after = request.paging(most=stores.MOST_PER_PAGE)
        return await self._context.database.read(lambda db: stores.page(db, size, after))

    async def _get_store(self, request: ApiRequest) -> Json:
        return await self._context.database.read(lambda db: stores.get(db, request.parts["store"]))

    async def _delete_store(self, request: ApiRequest) -> Json:
        answer = await self._context.database.write(
            lambda db: stores.delete(db, request.parts["store"], force=request.force)
        )
        self._context.work.ring()
        return answer

    # Documents and operations

    async def _start_document(self, request: ApiRequest) -> Response:
        return await upload_protocol.start(self._context, request.http, store=request.parts["store"])

    async def _import_file(self, request: ApiRequest) -> Json:
        context, body, store = self._context, await request.body(), request.parts["store"]
        file = text_field(body, "fileName")
        if not file:
            raise invalid("* ImportFileRequest.file_name: file_name is required.")
        metadata = read_metadata(body, "ImportFileRequest")
        answer = await context.database.write(
            partial(
                imports.import_file,
                file=file,
                store=store,
                metadata=metadata,
                now=context.now(),
                options=context.options,
                claim=context.claim,
            )
        )
        context.work.ring()
        return answer

    async def _get_operation(self, request: ApiRequest) -> Json:
        full_names = self._context.options.full_names_in_import
        answer, runs = await self._context.database.read(
            lambda db: operations.get(db, request.parts["name"], full_names=full_names)
        )
        if runs:
            self._look_again()
        return answer

    async def _list_documents(self, request: ApiRequest) -> Json:
        size, after = request.paging(most=documents.MOST_PER_PAGE)
        return await self._context.database.read(
            lambda db: documents.page(db, request.parts["store"], size, after)
        )

    async def _get_document(self, request: ApiRequest) -> Json:
        answer = await self._context.database.read(lambda db: documents.get(db, request.parts["name"]))
        if answer["state"] == "STATE_PENDING":
            self._look_again()
        return answer

    def _look_again(self) -> None:
        """Somebody waits for a document: perhaps a process that has died claimed it, or there is room again.

        Raises:
            ApiError: there was none when the worker last looked.
        """
        self._context.work.ring()
        if self._context.disk.full:
            raise no_room()

    async def _delete_document(self, request: ApiRequest) -> Json:
        return await self._context.database.write(
            lambda db: documents.delete(db, request.parts["name"], force=request.force)
        )

    # Files

    async def _start_file(self, request: ApiRequest) -> Response:
        return await upload_protocol.start(self._context, request.http, store=None)

    async def _list_files(self, request: ApiRequest) -> Json:
        size, after = request.paging(most=files.MOST_PER_PAGE)
        now = self._context.now()
        return await self._context.database.read(
            lambda db: files.page(db, size, after, now=now, base=request.base)
        )

    async def _get_file(self, request: ApiRequest) -> Json:
        now = self._context.now()
        return await self._context.database.read(
            lambda db: files.get(db, request.parts["name"], now=now, base=request.base)
        )

    async def _delete_file(self, request: ApiRequest) -> Json:
        now = self._context.now()
        return await self._context.database.write(lambda db: files.delete(db, request.parts["name"], now=now))

    # Models

    async def _generate(self, request: ApiRequest) -> Json:
        return await generate.answer(self._context, request.parts["model"], await request.body())

    async def _stream(self, request: ApiRequest) -> Response:
        whole = await generate.answer(self._context, request.parts["model"], await request.body())
        events = [dump(event) for event in generate.in_events(whole)]
        if request.http.query_params.get("alt") == "sse":
            return StreamingResponse(
                _one_by_one(b"data: " + event + b"\r\n\r\n" for event in events),
                media_type="text/event-stream",
            )
        return Response(b"[" + b",\r\n".join(events) + b"]", 200, media_type=JSON_TYPE)

    async def _count_tokens(self, request: ApiRequest) -> Json:
        await trio.lowlevel.checkpoint()
        return generate.count_tokens(await request.body())

    async def _embed(self, request: ApiRequest) -> Json:
        body = await request.body()
        embedded = await self._context.embedding_runner(
            lambda: models.embed(self._context.embedder.load, [body])
        )
        return {"embedding": embedded[0]}

    async def _embed_batch(self, request: ApiRequest) -> Json:
        requests = list_field(await request.body(), "requests")
        if not all(isinstance(request, dict) for request in requests):
            raise invalid("Invalid value at 'requests': objects were expected.")
        return {
            "embeddings": await self._context.embedding_runner(
                lambda: models.embed(self._context.embedder.load, requests)
            )
        }

    async def _list_models(self, request: ApiRequest) -> Json:
        await trio.lowlevel.checkpoint()
        return models.page()

    async def _get_model(self, request: ApiRequest) -> Json:
        await trio.lowlevel.checkpoint()
        return models.get(request.parts["model"])


async def _one_by_one(chunks: Iterable[bytes]) -> AsyncGenerator[bytes, None]:
    for chunk in chunks:
        await trio.lowlevel.checkpoint()
        yield chunk


def make_app(context: Context) -> Starlette:
    """The ASGI app over an open file."""
    routes = Routes(context)

    async def endpoint(request: Request) -> Response:
        return await routes(request)

    route = Route("/{path:path}", endpoint, methods=["GET", "POST", "DELETE", "PUT", "PATCH"])
    return Starlette(routes=[route], middleware=list(context.options.middleware))
