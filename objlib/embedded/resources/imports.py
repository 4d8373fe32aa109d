"""importFile: a document made of a file that was uploaded through the files API."""

import sqlite3

from objlib.embedded.options import Options
from objlib.embedded.resources import documents, files, operations
from objlib.embedded.resources.leases import LEASE
from objlib.embedded.resources.upload_sessions import check_storage
from objlib.embedded.wire.json import Json, invalid
from objlib.embedded.wire.mime import check_supported
from objlib.embedded.wire.names import last_part


def import_file(
    db: sqlite3.Connection, *, file: str, store: str, metadata: str, now: float, options: Options, claim: str
) -> Json:
    """Make a PENDING document of a file's bytes; they are shared, not copied, and outlive the file.

    The service has no display name for imports: the document is called by the file's id.

    Args:
        db: the store's file; the caller holds a transaction.
        file: resource name of the file.
        store: resource name of the store.
        metadata: the JSON object that is stored.
        now: Unix time.
        options: how the service behaves.
        claim: the open service that will index it.

    Returns:
        The operation, still running.

    Raises:
        ApiError: no such store or file, or the file is not ACTIVE, too large or of a type no store takes.
    """
    blob_id, size, mime_type = files.for_import(db, file, now=now)
    check_supported(mime_type)
    if size > options.max_document:
        raise invalid(
            f"The file is too large: {size} bytes. At most {options.max_document} bytes are allowed."
        )
    check_storage(db, size, options)
    draft = documents.Draft(store, last_part(file), mime_type, metadata, "import")
    name = documents.create(
        db,
        draft,
        blob_id=blob_id,
        size=size,
        now=now,
        ready_at=now + options.settle_seconds,
        claim=claim,
        until=now + options.settle_seconds + LEASE,
    )
    return {"name": operations.name_of(name, "import")}
