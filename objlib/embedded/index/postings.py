"""The word index: for each term the passages that have it, in segments of blocks of passages.

A passage that is indexed has a *slot*, a small number, and 4,096 slots are a block. ``postings`` has a row for each
segment and each term in it: a record of three bytes for each passage, its place in the block and how often it has the
term. The passages that are added at one time are a fresh segment, whose rows stand together at the end of the table,
where they are written fast; :func:`merge` joins them to the one large segment of their block. A document that is
added or removed so touches the few pages of its own block. ``slots`` has the chunk id and the length in words of each
passage of a block.

FTS5 scores every match through a function call for each. Reading these rows whole and adding up arrays takes a small
part of that, and no second file has to be kept in step. See docs/adr/0028.
"""

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from struct import Struct
from typing import Final, NamedTuple

from objlib.embedded.index.meta import bump, meta_number, set_meta
from objlib.embedded.index.terms import term_counts

BLOCK: Final = 4096
"""Slots of a block; a place in it fits into two bytes."""
RECORD: Final = Struct("<HB")
"""A posting: the place in the block, and the number of times, 255 at most."""
MOST_SEGMENTS: Final = 128
"""Fresh segments from which on those of a block are merged: a search looks each of its words up in each segment."""
MOST_FRESH: Final = 1024
"""Passages in fresh segments of one block from which on they are merged, so that a merge has few large rows."""
_FRESH: Final = 1 << 40
"""Number of the first fresh segment. The large segment of a block has the block's own number."""
_ID: Final = Struct("<q")
_LENGTH: Final = Struct("<H")
_MOST_WORDS: Final = 0xFFFF

TermCounts = Callable[[str], Mapping[str, int]]


class IndexedPassage(NamedTuple):
    """A passage as the word index has it: its id, and the terms of its text and of what stands over it."""

    chunk_id: int
    text: str


def add(
    db: sqlite3.Connection, passages: Sequence[IndexedPassage], *, terms: TermCounts = term_counts
) -> list[int]:
    """Put passages into the index; the caller holds a transaction.

    Returns:
        The slot of each, which :func:`remove` needs.
    """
    slots = _take_slots(db, len(passages))
    _add_at(db, slots, passages, terms)
    return slots


def change_terms(
    db: sqlite3.Connection, slots: Sequence[int], passages: Sequence[IndexedPassage], *, old: TermCounts
) -> None:
    """Give passages that were added with other terms those of now, at their slots; the caller holds a transaction."""
    remove(db, zip(slots, (passage.text for passage in passages), strict=True), terms=old)
    db.executemany("DELETE FROM free_slots WHERE slot = ?", ((slot,) for slot in slots))
    _add_at(db, slots, passages, term_counts)


def _add_at(
    db: sqlite3.Connection, slots: Sequence[int], passages: Sequence[IndexedPassage], terms: TermCounts
) -> None:
    blocks: dict[int, dict[str, bytearray]] = defaultdict(lambda: defaultdict(bytearray))
    lengths = []
    for slot, passage in zip(slots, passages, strict=True):
        block, place = divmod(slot, BLOCK)
        counts = terms(passage.text)
        lengths.append(min(sum(counts.values()), _MOST_WORDS))
        rows, once = blocks[block], RECORD.pack(place, 1)
        for term, count in counts.items():
            rows[term] += once if count == 1 else RECORD.pack(place, min(count, 255))
    for block, rows in sorted(blocks.items()):
        sorted_rows = [(term, bytes(rows[term])) for term in sorted(rows)]
        _add_segment(db, block, sum(slot // BLOCK == block for slot in slots), sorted_rows)
    _write_slots(db, zip(slots, (p.chunk_id for p in passages), lengths, strict=True))
    _count(db, len(passages), sum(lengths))


def remove(
    db: sqlite3.Connection, passages: Iterable[tuple[int, str]], *, terms: TermCounts = term_counts
) -> None:
    """Take passages, as (slot, the text they were added with), out of the index; the caller holds a transaction.

    ``terms`` is how their terms were made.
    """
    rows: dict[tuple[int, str], set[int]] = defaultdict(set)
    slots, words = [], 0
    for slot, text in passages:
        block, place = divmod(slot, BLOCK)
        counts = terms(text)
        words += min(sum(counts.values()), _MOST_WORDS)
        for term in counts:
            rows[block, term].add(place)
        slots.append(slot)
    for block in sorted({block for block, _ in rows}):
        merge(db, block)
    for (block, term), places in sorted(rows.items()):
        row = db.execute("SELECT data FROM postings WHERE segment = ? AND term = ?", (block, term)).fetchone()
        data = row[0] if row else b""
        kept = b"".join(
            data[at : at + RECORD.size]
            for at in range(0, len(data), RECORD.size)
            if data[at] | data[at + 1] << 8 not in places
        )
        if kept:
            values = (kept, block, term)
            db.execute("UPDATE postings SET data = ? WHERE segment = ? AND term = ?", values)
        else:
            db.execute("DELETE FROM postings WHERE segment = ? AND term = ?", (block, term))
    _write_slots(db, ((slot, 0, 0) for slot in slots))
    db.executemany("INSERT INTO free_slots VALUES(?)", ((slot,) for slot in slots))
    _count(db, -len(slots), -words)


def _add_segment(
    db: sqlite3.Connection, block: int, passages: int, rows: Sequence[tuple[str, bytes]]
) -> None:
    (last,) = db.execute("SELECT max(segment) FROM segments").fetchone()
    segment = max(_FRESH, (last or 0) + 1)
    db.execute("INSERT INTO segments VALUES(?, ?, ?)", (segment, block, passages))
    db.executemany("INSERT INTO postings VALUES(?, ?, ?)", ((segment, *row) for row in rows))
    count, fresh = db.execute(
        "SELECT count(*), sum(passages) FROM segments WHERE block = ? AND segment >= ?", (block, _FRESH)
    ).fetchone()
    if count >= MOST_SEGMENTS or fresh >= MOST_FRESH:
        merge(db, block)


def merge(db: sqlite3.Connection, block: int) -> None:
    """Join the fresh segments of a block to its large one, so that a search has one to look into."""
    fresh = db.execute(
        "SELECT min(segment), max(segment) FROM segments WHERE block = ? AND segment >= ?", (block, _FRESH)
    ).fetchone()
    if fresh[0] is None:
        return
    rows: dict[str, bytearray] = defaultdict(bytearray)
    for term, data in db.execute(
        "SELECT p.term, p.data FROM segments s JOIN postings p ON p.segment = s.segment"
        " WHERE s.block = ? AND s.segment BETWEEN ? AND ?",
        (block, *fresh),
    ):
        rows[term] += data
    db.executemany(
        "INSERT INTO postings VALUES(?, ?, ?)"
        " ON CONFLICT DO UPDATE SET data = CAST(data || excluded.data AS BLOB)",
        ((block, term, bytes(data)) for term, data in sorted(rows.items())),
    )
    db.execute(
        "DELETE FROM postings WHERE segment IN (SELECT segment FROM segments WHERE block = ? AND segment >= ?)",
        (block, _FRESH),
    )
    db.execute("DELETE FROM segments WHERE block = ? AND segment >= ?", (block, _FRESH))
    db.execute("INSERT OR IGNORE INTO segments VALUES(?, ?, 0)", (block, block))


def merge_next(db: sqlite3.Connection) -> bool:
    """Merge the fresh segments of one block; False if no block has more than one. The caller holds a transaction."""
    row = db.execute(
        "SELECT block FROM segments WHERE segment >= ? GROUP BY block HAVING count(*) > 1 LIMIT 1", (_FRESH,)
    ).fetchone()
    if row is not None:
        merge(db, row[0])
    return row is not None


def postings_of(db: sqlite3.Connection, term: str) -> Iterator[tuple[int, bytes]]:
    """(block, records) of each segment that has the term."""
    # CROSS JOIN: a look-up for each segment, and not a scan of all terms.
    return db.execute(
        "SELECT s.block, p.data FROM segments s CROSS JOIN postings p ON p.segment = s.segment AND p.term = ?",
        (term,),
    )


class Totals(NamedTuple):
    """Indexed passages, and the words in all of them."""

    passages: int
    words: int


def totals(db: sqlite3.Connection) -> Totals:
    """The totals as of now."""
    return Totals(meta_number(db, "passages"), meta_number(db, "words"))


def version(db: sqlite3.Connection) -> int:
    """A number that grows with each change of the slots."""
    return meta_number(db, "slots_version")


def _take_slots(db: sqlite3.Connection, count: int) -> list[int]:
    """Slots that no passage has: those of removed passages first."""
    rows = db.execute(
        "DELETE FROM free_slots WHERE slot IN (SELECT slot FROM free_slots ORDER BY slot LIMIT ?)"
        " RETURNING slot",
        (count,),
    ).fetchall()
    used = meta_number(db, "slots")
    more = count - len(rows)
    set_meta(db, "slots", str(used + more))
    return sorted(row[0] for row in rows) + list(range(used, used + more))


def _write_slots(db: sqlite3.Connection, rows: Iterable[tuple[int, int, int]]) -> None:
    """Write (slot, chunk id, length) rows; 0 and 0 for a slot without a passage."""
    blocks: dict[int, list[tuple[int, int, int]]] = defaultdict(list)
    for slot, chunk_id, length in rows:
        blocks[slot // BLOCK].append((slot % BLOCK, chunk_id, length))
    now = bump(db, "slots_version")
    for block, entries in blocks.items():
        size = (_ID.size * BLOCK, _LENGTH.size * BLOCK)
        db.execute("INSERT OR IGNORE INTO slots VALUES(?, zeroblob(?), zeroblob(?))", (block, *size))
        db.execute("INSERT OR REPLACE INTO slot_changes VALUES(?, ?)", (block, now))
        # Only the touched pages are written, not all forty kilobytes of the block.
        with db.blobopen("slots", "ids", block) as ids, db.blobopen("slots", "lengths", block) as lengths:
            for place, chunk_id, length in entries:
                ids.seek(place * _ID.size)
                ids.write(_ID.pack(chunk_id))
                lengths.seek(place * _LENGTH.size)
                lengths.write(_LENGTH.pack(length))


def _count(db: sqlite3.Connection, passages: int, words: int) -> None:
    now = totals(db)
    set_meta(db, "passages", str(now.passages + passages))
    set_meta(db, "words", str(now.words + words))


def index_weights(words: Iterable[str]) -> Mapping[str, int]:
    """The terms of a query's words and how often each counts; a pair of neighbouring characters is one term."""
    return Counter(term for word in words for term in _query_terms(word))


def _query_terms(word: str) -> list[str]:
    """The term of one word of a query."""
    return [word.replace(" ", "")] if " " in word else list(term_counts(word))[:1]
