"""Tables of the index, beside the tables of the service in the same SQLite file.

A passage's id carries its document: ``chunk_id = text_id << 20 | position``. So "which document?" is a shift,
a filter on documents costs no look-up per passage, and the passages of a document are a range of ids.
``text_id`` is AUTOINCREMENT: an id is never used again, so a vector that was computed while its document
was replaced never joins another text.

The words are in ``postings`` and ``slots``; those of documents that an older objlib indexed are in ``fts``. A change
of :func:`objlib.embedded.index.terms.term_counts` needs a new form of documents, because a passage is removed by the
terms that it was added with.

Sign bits (48 bytes, scanned whole) and int8 vectors (384 bytes, fetched for a few hundred) stand in tables of
their own, so that a scan reads a ninth of the bytes. The bits stand in ``signs`` by slot; ``codes`` has those of
documents that an older objlib indexed.
"""

POSITION_BITS = 20
"""Bits of a chunk id that hold the position in its document; the rest is the text id."""
POSITION_MASK = (1 << POSITION_BITS) - 1

SCHEMA: tuple[str, ...] = (
    """
    CREATE TABLE IF NOT EXISTS texts (
        text_id INTEGER PRIMARY KEY AUTOINCREMENT,
        doc_id INTEGER NOT NULL UNIQUE REFERENCES documents(doc_id),
        store_id INTEGER NOT NULL,
        title TEXT NOT NULL,
        author TEXT NOT NULL,
        chunks INTEGER NOT NULL
    )
    """,
    "CREATE INDEX IF NOT EXISTS texts_store ON texts(store_id)",
    """
    CREATE TABLE IF NOT EXISTS chunks (
        chunk_id INTEGER PRIMARY KEY,
        start INTEGER NOT NULL,
        stop INTEGER NOT NULL,
        page INTEGER,
        heading TEXT NOT NULL,
        body TEXT NOT NULL
    )
    """,
    """
    CREATE VIRTUAL TABLE IF NOT EXISTS fts USING fts5(
        head, body, content='', tokenize='porter unicode61 remove_diacritics 2'
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS pending (
        position INTEGER NOT NULL,
        chunk_id INTEGER NOT NULL,
        PRIMARY KEY (position, chunk_id)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE IF NOT EXISTS codes (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        chunk_id INTEGER NOT NULL UNIQUE,
        bits BLOB NOT NULL
    )
    """,
    "CREATE TABLE IF NOT EXISTS vectors (chunk_id INTEGER PRIMARY KEY, i8 BLOB NOT NULL)",
    "CREATE TABLE IF NOT EXISTS index_meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
)
"""Statements that make the tables of the first version, in order; each may be run again."""

REBUILD: tuple[str, ...] = (
    "DROP TABLE fts",
    """
    CREATE VIRTUAL TABLE fts USING fts5(
        head, body, content='', tokenize="porter unicode61 remove_diacritics 2 categories 'L* N* Co Mn Mc'"
    )
    """,
    f"""
    INSERT INTO fts(rowid, head, body)
    SELECT chunk_id, indexed_form(passage_head(title, author, heading)), indexed_form(body)
    FROM chunks JOIN texts ON text_id = chunk_id >> {POSITION_BITS}
    """,
)
"""Statements that index the words of all passages anew, with the functions of :data:`FUNCTIONS` of the writer.

Version 2: vowel signs belong to their word, points and widths make no difference.
"""

POSTINGS: tuple[str, ...] = (
    "ALTER TABLE texts ADD COLUMN form INTEGER NOT NULL DEFAULT 0",
    "CREATE INDEX texts_by_form ON texts(form, text_id)",
    "ALTER TABLE chunks ADD COLUMN slot INTEGER",
    """
    CREATE TABLE postings (
        segment INTEGER NOT NULL,
        term TEXT NOT NULL,
        data BLOB NOT NULL,
        PRIMARY KEY (segment, term)
    ) WITHOUT ROWID
    """,
    "CREATE TABLE segments (segment INTEGER PRIMARY KEY, block INTEGER NOT NULL, passages INTEGER NOT NULL)",
    "CREATE TABLE slots (block INTEGER PRIMARY KEY, ids BLOB NOT NULL, lengths BLOB NOT NULL)",
    "CREATE TABLE slot_changes (block INTEGER PRIMARY KEY, version INTEGER NOT NULL)",
    "CREATE TABLE signs (block INTEGER PRIMARY KEY, bits BLOB NOT NULL)",
    "CREATE TABLE sign_changes (block INTEGER PRIMARY KEY, version INTEGER NOT NULL)",
    "CREATE TABLE free_slots (slot INTEGER PRIMARY KEY)",
)
"""Statements of the word index of our own (:mod:`objlib.embedded.index.postings`).

Documents of an older index keep ``form`` 0, no slots and their words in ``fts``, until they are indexed again; those of
``form`` 1 have terms of fewer scripts (:mod:`objlib.embedded.index.older_terms`).
"""

MORE_SCRIPTS: tuple[str, ...] = ("DELETE FROM index_meta WHERE key = 'folded'",)
"""No change of a table: from here on there are passages of form 2, whose terms an older objlib would not know."""

COMING_VECTORS: tuple[str, ...] = (
    "CREATE TABLE next_vectors (chunk_id INTEGER PRIMARY KEY, i8 BLOB NOT NULL)",
    "CREATE TABLE next_signs (block INTEGER PRIMARY KEY, bits BLOB NOT NULL)",
    """
    CREATE TABLE next_pending (
        position INTEGER NOT NULL,
        chunk_id INTEGER NOT NULL,
        PRIMARY KEY (position, chunk_id)
    ) WITHOUT ROWID
    """,
)
"""Statements of the second set of vectors, which another model makes (:mod:`objlib.embedded.index.vector_sets`)."""
