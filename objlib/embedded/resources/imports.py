"""importFile: a document made of a file of the files API."""

import sqlite3

from objlib.embedded.options import Writer
from objlib.embedded.resources import documents, files
from objlib.embedded.wire.mime import check_supported
from objlib.embedded.wire.names import last_part


def import_file(db: sqlite3.Connection, file: str, *, store: str, metadata: str, writer: Writer) -> str:
    """Make a PENDING document of a file's bytes; they are shared, not copied, and outlive the file.

    The service has no display name for imports: the document is called by the file's id.

    Args:
        db: the store's file; the caller holds a transaction.
        file: resource name of the file.
        store: resource name of the store.
        metadata: the JSON object that the file keeps.
        writer: the open service.

    Returns:
        The full resource name.

    Raises:
        ApiError: no such store or file, or the file is not ACTIVE, too large or of a type no store takes.
    """
    source = files.get_active(db, file, now=writer.now)
    check_supported(source.mime_type)
    documents.check_size(source.size, writer.options, in_store=True)
    draft = documents.DocumentDraft(store, last_part(file), source.mime_type, metadata, "import")
    return documents.create(db, draft, blob_id=source.blob_id, size=source.size, writer=writer)
