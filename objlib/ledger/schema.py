"""The ledger's tables and the ordered migrations that make them.

States and events in the CHECK constraints are generated from :mod:`objlib.core.lifecycle.table`, so the database
refuses whatever the table does not name. A migration that has shipped is never edited: a change of the
lifecycle or of a table is a new migration at the end of :data:`MIGRATIONS`.
"""

from collections.abc import Iterable
from typing import Final

from objlib.core.lifecycle.table import Event, State
from objlib.sqlite.migrations import Migration, Schema

APPLICATION_ID: Final = 0x6F626A6C
"""``objl`` in ASCII, in the SQLite header (offset 68): tells a ledger from any other database."""

OUTCOMES: Final = ("success", "rejected", "failed")
"""How an attempt at a transition can end."""

ATTEMPT_OUTCOMES: Final = ("indexed", "failed", "requeued")
"""How one try at uploading can end; NULL while it goes on."""


def _one_of(column: str, values: Iterable[str]) -> str:
    """A CHECK that ``column`` is one of ``values`` (or NULL, where the column may be).

    Not written with IN, for which SQLite fills a temporary table on every insert: four of them made an insert of
    an event more than twice as slow.
    """
    listed = " OR ".join(f"{column} = '{value}'" for value in values)
    return f"CHECK ({listed})"


_FIRST: Final = (
    """
    CREATE TABLE migrations (
        version INTEGER PRIMARY KEY,
        name TEXT NOT NULL,
        applied_at REAL NOT NULL
    ) STRICT
    """,
    f"""
    CREATE TABLE files (
        seq INTEGER PRIMARY KEY,
        file_id TEXT NOT NULL UNIQUE,
        file_path TEXT NOT NULL,
        path_bytes BLOB,
        content_hash TEXT NOT NULL,
        size INTEGER NOT NULL CHECK (size >= 0),
        mtime_ns INTEGER NOT NULL,
        inode INTEGER NOT NULL DEFAULT 0,
        mime_type TEXT NOT NULL,
        metadata_json TEXT NOT NULL DEFAULT '{{}}' CHECK (json_valid(metadata_json)),
        gemini_state TEXT NOT NULL DEFAULT '{State.UNTRACKED}' {_one_of("gemini_state", State)},
        gemini_state_updated_at REAL NOT NULL,
        version INTEGER NOT NULL DEFAULT 0 CHECK (version >= 0),
        attempts INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
        retry_at REAL,
        last_error TEXT,
        failure_info TEXT CHECK (failure_info IS NULL OR json_valid(failure_info)),
        gemini_document TEXT,
        indexed_hash TEXT,
        superseded_document TEXT CHECK (superseded_document <> gemini_document),
        missing_since REAL,
        CHECK (gemini_state <> '{State.INDEXED}' OR gemini_document IS NOT NULL),
        CHECK (gemini_state <> '{State.INDEXED}' OR indexed_hash IS NOT NULL),
        CHECK (gemini_state <> '{State.FAILED}' OR failure_info IS NOT NULL)
    ) STRICT
    """,
    # Two rows may share a path only while at most one of them is on disk.
    "CREATE UNIQUE INDEX files_live_path ON files (file_path) WHERE missing_since IS NULL",
    "CREATE INDEX files_missing ON files (file_path, missing_since) WHERE missing_since IS NOT NULL",
    "CREATE INDEX files_state ON files (gemini_state, file_id)",
    f"""
    CREATE INDEX files_claimable ON files (retry_at, file_id, size)
    WHERE gemini_state = '{State.UNTRACKED}' AND missing_since IS NULL
    """,
    f"""
    CREATE INDEX files_changed ON files (file_id)
    WHERE gemini_state = '{State.INDEXED}' AND missing_since IS NULL AND content_hash <> indexed_hash
    """,
    "CREATE INDEX files_superseded ON files (file_id) WHERE superseded_document IS NOT NULL",
    """
    CREATE INDEX files_superseded_document ON files (superseded_document)
    WHERE superseded_document IS NOT NULL
    """,
    f"""
    CREATE TABLE attempts (
        seq INTEGER PRIMARY KEY,
        attempt_id TEXT NOT NULL UNIQUE,
        file_id TEXT NOT NULL REFERENCES files (file_id) ON DELETE CASCADE,
        content_hash TEXT NOT NULL,
        session_url TEXT,
        operation_name TEXT,
        document_name TEXT,
        run_id TEXT,
        started_at REAL NOT NULL,
        updated_at REAL NOT NULL,
        outcome TEXT {_one_of("outcome", ATTEMPT_OUTCOMES)},
        CHECK (outcome IS NULL OR session_url IS NULL)
    ) STRICT
    """,
    "CREATE INDEX attempts_file ON attempts (file_id)",
    # No foreign key: the log outlives what it describes, and also records attempts on rows that are gone.
    f"""
    CREATE TABLE events (
        event_id INTEGER PRIMARY KEY,
        attempt_id TEXT,
        timestamp REAL NOT NULL,
        file_id TEXT NOT NULL,
        event TEXT NOT NULL {_one_of("event", Event)},
        from_state TEXT NOT NULL {_one_of("from_state", State)},
        to_state TEXT NOT NULL {_one_of("to_state", State)},
        guard_result TEXT,
        outcome TEXT NOT NULL {_one_of("outcome", OUTCOMES)},
        error TEXT,
        run_id TEXT
    ) STRICT
    """,
    "CREATE INDEX events_file ON events (file_id)",
    """
    CREATE TABLE intents (
        intent_id TEXT NOT NULL PRIMARY KEY,
        file_id TEXT REFERENCES files (file_id) ON DELETE SET NULL,
        document_name TEXT NOT NULL,
        reason TEXT NOT NULL,
        run_id TEXT,
        created_at REAL NOT NULL,
        done_at REAL,
        outcome TEXT,
        CHECK ((done_at IS NULL) = (outcome IS NULL))
    ) STRICT
    """,
    "CREATE UNIQUE INDEX intents_open ON intents (document_name) WHERE done_at IS NULL",
    "CREATE INDEX intents_to_do ON intents (intent_id) WHERE done_at IS NULL",
    "CREATE INDEX intents_file ON intents (file_id)",
    """
    CREATE TABLE runs (
        run_id TEXT NOT NULL PRIMARY KEY,
        pid INTEGER NOT NULL,
        host TEXT NOT NULL,
        started REAL NOT NULL,
        heartbeat REAL NOT NULL,
        ended REAL,
        command TEXT NOT NULL
    ) STRICT
    """,
    "CREATE TABLE settings (key TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL) STRICT",
)

_LISTINGS: Final = (
    """
    CREATE TABLE listings (
        listing_id TEXT NOT NULL PRIMARY KEY,
        store TEXT NOT NULL,
        token TEXT,
        pages INTEGER NOT NULL DEFAULT 0,
        run_id TEXT NOT NULL,
        started REAL NOT NULL,
        updated REAL NOT NULL
    ) STRICT
    """,
    """
    CREATE TABLE listed (
        listing_id TEXT NOT NULL REFERENCES listings (listing_id) ON DELETE CASCADE,
        document TEXT NOT NULL,
        file_id TEXT,
        attempt_id TEXT,
        ledger_id TEXT,
        content_hash TEXT,
        state TEXT NOT NULL,
        created REAL NOT NULL,
        display_name TEXT NOT NULL,
        size INTEGER NOT NULL,
        mime_type TEXT NOT NULL,
        metadata_json TEXT NOT NULL CHECK (json_valid(metadata_json)),
        PRIMARY KEY (listing_id, document)
    ) STRICT, WITHOUT ROWID
    """,
    "CREATE INDEX listed_file ON listed (listing_id, file_id) WHERE file_id IS NOT NULL",
)

# A delete that was sent once may be carried out at any time, however its answer was lost.
_SENT: Final = ("ALTER TABLE intents ADD COLUMN sent_at REAL",)

# NULL until a scan fills it in: an older ledger does not make every file be read again.
_CTIME: Final = ("ALTER TABLE files ADD COLUMN ctime_ns INTEGER",)

# NULL for the attempts of an older ledger: the name of their documents is in the store alone.
_SENT_AS: Final = ("ALTER TABLE attempts ADD COLUMN file_path TEXT",)

# A table of its own: ledgers are read from outside without a migration, and the columns of `runs` stay as they were.
_SAMPLES: Final = (
    """
    CREATE TABLE samples (
        run_id TEXT NOT NULL REFERENCES runs (run_id) ON DELETE CASCADE,
        at REAL NOT NULL,
        progress TEXT NOT NULL CHECK (json_valid(progress)),
        PRIMARY KEY (run_id, at)
    ) STRICT, WITHOUT ROWID
    """,
)

# Such a document carries no tag of ours, so only this table says that it is a file's, and how a citation names it.
_ADOPTED: Final = (
    """
    CREATE TABLE adopted (
        document TEXT NOT NULL PRIMARY KEY,
        display_name TEXT NOT NULL
    ) STRICT, WITHOUT ROWID
    """,
    "CREATE INDEX adopted_name ON adopted (display_name)",
)

# Its run reads it with the next heartbeat; a table of its own for the same reason as the samples.
_STOPS: Final = (
    """
    CREATE TABLE stops (
        run_id TEXT NOT NULL PRIMARY KEY REFERENCES runs (run_id) ON DELETE CASCADE,
        at REAL NOT NULL
    ) STRICT, WITHOUT ROWID
    """,
)

# Of two machines that scan at once, one only repeats what the other reads.
_LEASES: Final = (
    """
    CREATE TABLE leases (
        name TEXT NOT NULL PRIMARY KEY,
        run_id TEXT NOT NULL REFERENCES runs (run_id) ON DELETE CASCADE,
        at REAL NOT NULL
    ) STRICT, WITHOUT ROWID
    """,
)

# Kept with the row, since only a join of all files with their attempts would find it. The attempt of an older ledger
# may not say its path, and then the column is NULL until the file is renamed.
_SENT_PATH: Final = (
    "ALTER TABLE files ADD COLUMN sent_path TEXT",
    f"""
    UPDATE files SET sent_path = (
        SELECT a.file_path FROM attempts a
        WHERE a.file_id = files.file_id AND a.document_name = files.gemini_document AND a.file_path <> files.file_path
        ORDER BY a.seq DESC LIMIT 1
    ) WHERE gemini_state = '{State.INDEXED}'
    """,
    f"""
    CREATE INDEX files_renamed ON files (file_id)
    WHERE gemini_state = '{State.INDEXED}' AND missing_since IS NULL AND sent_path IS NOT NULL
    """,
)

MIGRATIONS: Final[tuple[Migration, ...]] = (
    Migration(1, "the first ledger", _FIRST),
    Migration(2, "listings of the store", _LISTINGS),
    Migration(3, "when deletes were sent", _SENT),
    Migration(4, "when the status of files changed", _CTIME),
    Migration(5, "samples of the progress of runs", _SAMPLES),
    Migration(6, "the path that a document was sent with", _SENT_AS),
    Migration(7, "documents of other tools", _ADOPTED),
    Migration(8, "the path that an indexed file was sent with", _SENT_PATH),
    Migration(9, "runs that are asked to stop", _STOPS),
    Migration(10, "leases of runs", _LEASES),
)
"""All migrations, oldest first: versions 1, 2 and so on."""

SCHEMA: Final = Schema(APPLICATION_ID, MIGRATIONS, record="INSERT INTO migrations VALUES (?, ?, ?)")
"""The schema of the ledger's file."""
