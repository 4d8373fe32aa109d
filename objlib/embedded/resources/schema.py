"""The tables of the service's half of the file, and how a file is brought up to date.

``documents`` is shared with the index half, whose own tables come from ``objlib.embedded.index.SCHEMA``.
Times are Unix seconds. States are the service's words without the ``STATE_`` prefix.
"""

from typing import Final

from objlib.embedded import index
from objlib.sqlite.migrations import Migration, Schema

APPLICATION_ID: Final = 0x6F626A65
"""Marks the file as ours in SQLite's header ("obje"), so that a stranger's database is never touched."""
TABLES: Final[tuple[str, ...]] = (
    """
    CREATE TABLE stores (
        store_id INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL UNIQUE,              -- fileSearchStores/<id>
        display_name TEXT NOT NULL,
        embedding_model TEXT NOT NULL,
        create_time REAL NOT NULL,
        update_time REAL NOT NULL,
        deleted INTEGER NOT NULL DEFAULT 0      -- gone for every reader; the worker empties it in steps
    )""",
    """
    CREATE TABLE blobs (
        blob_id INTEGER PRIMARY KEY,
        size INTEGER NOT NULL DEFAULT 0,
        sha256 TEXT                             -- NULL while its upload is under way
    )""",
    "CREATE UNIQUE INDEX blobs_by_content ON blobs(sha256) WHERE sha256 IS NOT NULL",
    """
    CREATE TABLE blob_parts (
        blob_id INTEGER NOT NULL REFERENCES blobs ON DELETE CASCADE,
        start INTEGER NOT NULL,                 -- offset of the part's first byte
        data BLOB NOT NULL,                     -- at most PART bytes
        PRIMARY KEY (blob_id, start)
    )""",
    """
    CREATE TABLE documents (
        doc_id INTEGER PRIMARY KEY AUTOINCREMENT,
        store_id INTEGER NOT NULL REFERENCES stores,
        name TEXT NOT NULL UNIQUE,              -- fileSearchStores/<id>/documents/<id>
        display_name TEXT NOT NULL,
        mime_type TEXT NOT NULL,
        size INTEGER NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('PENDING', 'ACTIVE', 'FAILED')),
        create_time REAL NOT NULL,
        update_time REAL NOT NULL,
        metadata TEXT NOT NULL,                 -- JSON object: key -> string | number | [string]
        blob_id INTEGER NOT NULL REFERENCES blobs,
        chunks INTEGER NOT NULL DEFAULT 0,
        ready_at REAL NOT NULL,                 -- not indexed before
        searchable_at REAL NOT NULL DEFAULT 0,
        claim TEXT,                             -- the open service that means to index it
        claim_until REAL
    )""",
    "CREATE INDEX documents_in_order ON documents(store_id, create_time, doc_id)",
    "CREATE INDEX documents_by_state ON documents(store_id, state, size)",
    "CREATE INDEX documents_pending ON documents(claim, doc_id, ready_at, claim_until) WHERE state = 'PENDING'",
    "CREATE INDEX documents_by_blob ON documents(blob_id)",
    """
    CREATE TABLE operations (
        name TEXT PRIMARY KEY,                  -- the full resource name
        kind TEXT NOT NULL CHECK (kind IN ('upload', 'import')),
        store_id INTEGER NOT NULL REFERENCES stores,
        document TEXT NOT NULL,                 -- full name; its id is the operation's id too
        mime_type TEXT NOT NULL,
        size INTEGER NOT NULL,
        done INTEGER NOT NULL DEFAULT 0,
        error_code INTEGER,                     -- a gRPC status number
        error_message TEXT,
        create_time REAL NOT NULL
    ) WITHOUT ROWID""",
    "CREATE INDEX operations_by_document ON operations(document)",
    "CREATE INDEX operations_by_store ON operations(store_id)",
    """
    CREATE TABLE files (
        file_id INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL UNIQUE,              -- files/<id>
        display_name TEXT NOT NULL,
        mime_type TEXT NOT NULL,
        size INTEGER NOT NULL,
        sha256 TEXT NOT NULL,
        create_time REAL NOT NULL,
        ready_at REAL NOT NULL,
        expires_at REAL NOT NULL,
        blob_id INTEGER NOT NULL REFERENCES blobs
    )""",
    "CREATE INDEX files_in_order ON files(create_time, file_id)",
    "CREATE INDEX files_by_blob ON files(blob_id)",
    """
    CREATE TABLE uploads (
        upload_id TEXT PRIMARY KEY,             -- the secret of the session URL
        store_id INTEGER REFERENCES stores,     -- NULL for the files API
        status TEXT NOT NULL CHECK (status IN ('active', 'final', 'cancelled')),
        wanted TEXT NOT NULL,                   -- JSON: what to make of the bytes
        declared INTEGER,                       -- total size, where the start said it
        received INTEGER NOT NULL DEFAULT 0,
        blob_id INTEGER REFERENCES blobs,       -- the bytes so far; NULL before the first and after the end
        final_body BLOB,
        expires_at REAL NOT NULL
    ) WITHOUT ROWID""",
    "CREATE INDEX uploads_by_blob ON uploads(blob_id)",
)

MIGRATIONS: Final = (
    Migration(1, "the first store", (*TABLES, *index.SCHEMA)),
    Migration(2, "marks and widths", index.REBUILD),
    Migration(
        3,
        "chunking",
        tuple(
            f"ALTER TABLE documents ADD COLUMN {column} INTEGER NOT NULL DEFAULT 0"
            for column in ("chunk_words", "chunk_overlap")
        ),
    ),
    Migration(4, "postings", index.POSTINGS),
    Migration(5, "a second set of vectors", index.COMING_VECTORS),
    Migration(6, "terms of more scripts", index.MORE_SCRIPTS),
)
"""All migrations, oldest first: versions 1, 2 and so on. One that has shipped is never edited."""
SCHEMA: Final = Schema(APPLICATION_ID, MIGRATIONS, functions=index.FUNCTIONS)
"""The application id and the migrations of the store file, with the functions that they call."""
