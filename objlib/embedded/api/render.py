"""Records of the resources as JSON of the API."""

import base64
import json
from collections.abc import Callable
from typing import Final

from objlib.embedded.resources.documents import DocumentDraft
from objlib.embedded.resources.operations import operation_name
from objlib.embedded.resources.records import (
    DocumentRecord,
    FileRecord,
    OperationRecord,
    R,
    RecordPage,
    StoreRecord,
)
from objlib.embedded.wire.json import Json, compact, int64, timestamp
from objlib.embedded.wire.metadata import write_metadata
from objlib.embedded.wire.names import last_part
from objlib.embedded.wire.paging import page_token

_TYPE: Final = "type.googleapis.com/google.ai.generativelanguage.v1main."


def page_json(key: str, page: RecordPage[R], item: Callable[[R], Json]) -> Json:
    """A page of a list under ``key``."""
    token = None if page.after is None else page_token(page.after)
    return compact(**{key: [item(record) for record in page.records]}, nextPageToken=token)


def store_json(store: StoreRecord) -> Json:
    """A FileSearchStore."""
    return compact(
        name=store.name,
        displayName=store.display_name,
        createTime=timestamp(store.created),
        updateTime=timestamp(store.updated),
        activeDocumentsCount=int64(store.documents.get("ACTIVE", 0)),
        pendingDocumentsCount=int64(store.documents.get("PENDING", 0)),
        failedDocumentsCount=int64(store.documents.get("FAILED", 0)),
        sizeBytes=int64(store.size),
        embeddingModel=store.embedding_model,
    )


def document_json(document: DocumentRecord) -> Json:
    """A Document."""
    return compact(
        name=document.name,
        displayName=document.display_name,
        customMetadata=write_metadata(json.loads(document.metadata)),
        createTime=timestamp(document.created),
        updateTime=timestamp(document.updated),
        state=f"STATE_{document.state}",
        sizeBytes=int64(document.size),
        mimeType=document.mime_type,
    )


def file_json(file: FileRecord, *, now: float, base: str) -> Json:
    """A File; ``base`` is the URL up to and including the version, for ``uri``."""
    return compact(
        name=file.name,
        displayName=file.display_name,
        mimeType=file.mime_type,
        sizeBytes=int64(file.size),
        createTime=timestamp(file.created),
        updateTime=timestamp(max(file.created, min(now, file.ready_at))),
        expirationTime=timestamp(file.expires_at),
        # Base64 of the 64 hex digits, not of the 32 bytes: the service answers like that.
        sha256Hash=base64.b64encode(file.sha256.encode()).decode(),
        uri=f"{base}/{file.name}",
        state="ACTIVE" if now >= file.ready_at else "PROCESSING",
        source="UPLOADED",
    )


def operation_json(operation: OperationRecord, *, full_names: bool) -> Json:
    """An Operation.

    The real service names parent and document of an import by bare ids, those of an upload in full;
    ``full_names`` makes both the same.
    """
    if not operation.done:
        return {"name": operation.name}
    if operation.error_code is not None:
        error = {"code": operation.error_code, "message": operation.error_message}
        return {"name": operation.name, "done": True, "error": error}
    document = operation.document
    store = document.partition("/documents/")[0]
    if operation.kind == "upload":
        response = _upload_response(document, operation.mime_type, operation.size)
    else:
        response = {
            "@type": f"{_TYPE}ImportFileResponse",
            "parent": store if full_names else last_part(store),
            "documentName": document if full_names else last_part(document),
        }
    return {"name": operation.name, "done": True, "response": response}


def upload_json(document: str, draft: DocumentDraft, size: int) -> Json:
    """The Operation that ends an upload; as in the service the response is there already, but no ``done``."""
    response = _upload_response(document, draft.mime_type, size)
    return {"name": operation_name(document, draft.kind), "response": response}


def _upload_response(document: str, mime_type: str, size: int) -> Json:
    return compact(
        **{"@type": f"{_TYPE}UploadToFileSearchStoreResponse"},
        parent=document.partition("/documents/")[0],
        documentName=document,
        mimeType=mime_type,
        sizeBytes=int64(size),
    )
