"""Documents of a store: immutable once their bytes are complete, deleted with their passages and bytes."""

import re
import sqlite3
from typing import Final, NamedTuple

from objlib.core.library.mime import ACCEPTED, OFFLINE, PICTURES, takes_pictures
from objlib.embedded import index
from objlib.embedded.options import MAX_FILE, Options, Writer
from objlib.embedded.resources import blobs, files, operations
from objlib.embedded.resources.leases import LEASE_SECONDS
from objlib.embedded.resources.records import DocumentRecord, RecordPage, page_of
from objlib.embedded.resources.stores import bytes_held, store_row
from objlib.embedded.resources.stores import get as get_store
from objlib.embedded.wire.errors import ApiError, invalid, not_found
from objlib.embedded.wire.names import last_part, new_resource_id
from objlib.embedded.wire.paging import Position

_TEXT_TYPE: Final = re.compile(r"text/[a-z0-9!#$&^_.+-]+")
_COLUMNS: Final = (
    "doc_id, name, display_name, mime_type, size, state, create_time, update_time, metadata, chunks"
)


class DocumentDraft(NamedTuple):
    """A document to be made; ``metadata`` is a JSON object, ``kind`` is upload or import.

    ``chunk_words`` is 0 where the request leaves the chunking to the service.
    """

    store: str
    display_name: str
    mime_type: str
    metadata: str
    kind: str
    chunk_words: int = 0
    chunk_overlap: int = 0


def create(db: sqlite3.Connection, draft: DocumentDraft, *, blob_id: int, size: int, writer: Writer) -> str:
    """Make a PENDING document and its operation, leased to the open service; the caller holds a transaction.

    Returns:
        The full resource name. The operation's id is the document's id, as in the service.

    Raises:
        ApiError: the store is gone or takes no pictures, or the storage is full.
    """
    check_storage(db, size, writer.options)
    store_id = store_row(db, draft.store)
    check_picture(db, draft.mime_type, store=draft.store)
    name = f"{draft.store}/documents/{new_resource_id(draft.display_name)}"
    last = db.execute("SELECT max(create_time) FROM documents WHERE store_id = ?", (store_id,)).fetchone()[0]
    now = max(writer.now, last or writer.now)
    ready_at = writer.now + writer.options.settle_seconds
    db.execute(
        "INSERT INTO documents(store_id, name, display_name, mime_type, size, state, create_time,"
        " update_time, metadata, blob_id, ready_at, claim, claim_until, chunk_words, chunk_overlap)"
        " VALUES (?, ?, ?, ?, ?, 'PENDING', ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            store_id,
            name,
            draft.display_name or last_part(name),
            draft.mime_type,
            size,
            now,
            now,
            draft.metadata,
            blob_id,
            ready_at,
            writer.claim,
            ready_at + LEASE_SECONDS,
            draft.chunk_words,
            draft.chunk_overlap,
        ),
    )
    operations.create(
        db, name, kind=draft.kind, store_id=store_id, mime_type=draft.mime_type, size=size, now=now
    )
    return name


class ImportTarget(NamedTuple):
    """Where a file is imported, and with what; ``metadata`` is a JSON object."""

    store: str
    metadata: str
    chunk_words: int = 0
    chunk_overlap: int = 0


def import_file(db: sqlite3.Connection, file: str, target: ImportTarget, *, writer: Writer) -> str:
    """Make a PENDING document of a file's bytes; they are shared, not copied, and outlive the file.

    The service has no display name for imports: the document is called by the file's id.

    Raises:
        ApiError: no such store or file, or the file is not ACTIVE, too large or of a type no store takes.
    """
    source = files.get_active(db, file, now=writer.now)
    check_type(source.mime_type)
    check_size(source.size, writer.options, in_store=True)
    draft = DocumentDraft(
        target.store,
        last_part(file),
        source.mime_type,
        target.metadata,
        "import",
        target.chunk_words,
        target.chunk_overlap,
    )
    return create(db, draft, blob_id=source.blob_id, size=source.size, writer=writer)


def check_type(mime_type: str) -> None:
    """Refuse a MIME type that no store takes; every ``text/*`` is taken, since the service lists 156 of them.

    Whether these very bytes hold text shows when they are indexed.

    Raises:
        ApiError: the type is missing, malformed or not supported.
    """
    if mime_type not in ACCEPTED | OFFLINE | PICTURES and not _TEXT_TYPE.fullmatch(mime_type):
        raise invalid(f"Unsupported MIME type: {mime_type or '(none)'}.")


def check_picture(db: sqlite3.Connection, mime_type: str, *, store: str) -> None:
    """Raise ApiError for a picture whose store has an embedding model for text alone."""
    if mime_type in PICTURES:
        model = get_store(db, store).embedding_model
        if not takes_pictures(model):
            raise invalid(f"Unsupported MIME type: {mime_type}. The embedding model {model} takes text only.")


def check_size(size: int, options: Options, *, in_store: bool) -> None:
    """Raise ApiError for a document, or a file of the files API, that is too large."""
    limit = options.max_document if in_store else MAX_FILE
    if size > limit:
        raise invalid(f"The file is too large: {size} bytes. At most {limit} bytes are allowed.")


def check_storage(db: sqlite3.Connection, size: int, options: Options) -> None:
    """Raise the storage 429, which waiting never clears, for bytes that take the stores past the limit."""
    limit = options.storage_limit
    if limit is not None and bytes_held(db) + size > limit:
        raise ApiError("RESOURCE_EXHAUSTED", f"Corpus has reached the storage limit of {limit} bytes.")


def get(db: sqlite3.Connection, name: str) -> DocumentRecord:
    """A document; ApiError if there is none, or its store is gone."""
    store_row(db, name.rpartition("/documents/")[0])
    row = db.execute(f"SELECT {_COLUMNS} FROM documents WHERE name = ?", (name,)).fetchone()
    if row is None:
        raise not_found(f"The document {name} was not found.")
    return DocumentRecord(*row)


def media(db: sqlite3.Connection, store: str, media_id: str) -> tuple[bytes, str]:
    """The bytes and the MIME type of a picture; ApiError if the store has none of that id."""
    row = db.execute(
        "SELECT blob_id, mime_type FROM documents WHERE store_id = ? AND name = ?",
        (store_row(db, store), f"{store}/documents/{media_id}"),
    ).fetchone()
    if row is None or row[1] not in PICTURES:
        raise not_found(f"The media {store}/media/{media_id} was not found.")
    return blobs.read(db, row[0]), row[1]


def media_name(document: str) -> str:
    """The resource name of the picture that a document is."""
    return document.replace("/documents/", "/media/")


def page(db: sqlite3.Connection, store: str, size: int, after: Position) -> RecordPage[DocumentRecord]:
    """A page of at most ``size`` documents of a store; ApiError if there is no such store."""
    rows = db.execute(
        f"SELECT {_COLUMNS} FROM documents WHERE store_id = ? AND (create_time, doc_id) > (?, ?)"
        " ORDER BY create_time, doc_id LIMIT ?",
        (store_row(db, store), *after, size + 1),
    )
    return page_of([DocumentRecord(*row) for row in rows], size)


def delete(db: sqlite3.Connection, name: str, *, force: bool) -> None:
    """Delete a document, its passages and, unless another document or file has them too, its bytes.

    Raises:
        ApiError: there is no such document, or it has passages and ``force`` is not set.
    """
    document = get(db, name)
    if document.chunks and not force:
        raise ApiError("FAILED_PRECONDITION", "Cannot delete non-empty Document.")
    remove(db, document.row)


def any_pending(db: sqlite3.Connection) -> bool:
    """Whether a document waits to be indexed."""
    return db.execute("SELECT 1 FROM documents WHERE state = 'PENDING' LIMIT 1").fetchone() is not None


def remove(db: sqlite3.Connection, doc_id: int) -> None:
    """Remove a document from every table; its operation, if it still runs, ends as NOT_FOUND."""
    name, blob_id = db.execute("SELECT name, blob_id FROM documents WHERE doc_id = ?", (doc_id,)).fetchone()
    index.drop_document(db, doc_id)
    operations.fail(db, name, "NOT_FOUND", "The document was deleted while it was processed.")
    db.execute("DELETE FROM documents WHERE doc_id = ?", (doc_id,))
    blobs.release(db, blob_id)
