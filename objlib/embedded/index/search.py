"""The search: by words, by meaning, fused, and the passages with their offsets."""

import json
import sqlite3
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from objlib.embedded.index.confidence import CosineScale, confidence
from objlib.embedded.index.embedder import Embedder, ModelError
from objlib.embedded.index.filters import compile_filter
from objlib.embedded.index.fusion import fuse
from objlib.embedded.index.lexical import Query, bm25, parse_query
from objlib.embedded.index.postings import index_weights
from objlib.embedded.index.records import Hit
from objlib.embedded.index.rerank import Reranking
from objlib.embedded.index.schema import POSITION_BITS
from objlib.embedded.index.sign_codes import SignBitCache, nearest
from objlib.embedded.index.vector_sets import ANSWERING, StoredModel
from objlib.embedded.index.vectors import cosines, products, searched_texts, texts_to_embed

if TYPE_CHECKING:
    from objlib.embedded.index.embedder import Floats

LIST_DEPTH = 200
"""Passages that each of the two lists brings into the union."""
_EMBED_GROUP = 4
"""Passages embedded between two looks at the clock."""
SHORTLIST = 500
"""Passages chosen by sign bits whose exact cosine is computed; they hold 99 % of the true first hundred."""


@dataclass(slots=True)
class OnDemand:
    """Vectors made during a search, ahead of the second pass: for its best passages by words.

    With the first 20 embedded as they are found, a store without any vectors ranks almost as well as one that
    has them all (nDCG@10: SciFact .730 of .742, Summa .739 of .750; by words alone .705 and .691).

    Attributes:
        seconds: time budget of one search; the group under way at its end is finished.
        limit: passages of one search.
        model: the model that makes them.
        rows: (chunk id, vector) of the new vectors, for the caller to give to ``store_vectors``.
    """

    seconds: float = 0.5
    limit: int = 20
    model: StoredModel = field(default_factory=StoredModel)
    rows: "list[tuple[int, Floats]]" = field(default_factory=list)


def search(
    db: sqlite3.Connection,
    query: str,
    *,
    store_ids: Sequence[int],
    k: int,
    where: str | None,
    embedder: Embedder | None,
    codes: SignBitCache | None,
    on_demand: OnDemand | None = None,
    reranking: Reranking | None = None,
) -> list[Hit]:
    """Find the best passages for a query.

    Args:
        db: the store; only read.
        query: any text. A phrase in double quotes must be there word for word, if any passage has it.
        k: passages at most.
        where: a ``metadataFilter`` (see :mod:`objlib.embedded.index.filters`), or None.
        embedder: for search by meaning; None for words alone.
        codes: cache that the caller keeps from search to search; None reads the sign bits afresh.
        on_demand: embeds the best passages without a vector; None leaves them to the second pass.
        reranking: orders the first passages anew; None for none.

    Returns:
        Hits, best first.

    Raises:
        ModelFolderError: the reranker cannot be used.
        FilterError: ``where`` is malformed.
    """
    allowed = _allowed(db, store_ids, where)
    if k < 1 or not query.strip() or (allowed is not None and not allowed):
        return []
    depth = max(LIST_DEPTH, k)
    ahead = _embed_ahead(db, query, embedder, on_demand)
    slots = codes.slots.load(db) if codes is not None else None
    parsed = parse_query(query)
    words, strict = bm25(db, parsed, slots, allowed=allowed, depth=depth)
    meaning: dict[int, float] = {}
    vector = ahead.result() if ahead is not None else None
    if embedder is not None and vector is not None:
        sign_bits = (codes or SignBitCache()).load(db, embedder.model_id)
        if sign_bits is not None:
            count = max(SHORTLIST, 2 * depth)
            near = [] if strict else nearest(sign_bits, vector, allowed=allowed, count=count)
            meaning = _meaning(db, vector, list(words), near, depth)
        if on_demand is not None:
            missing = [chunk_id for chunk_id in words if chunk_id not in meaning][: on_demand.limit]
            meaning |= _embed_now(db, vector, missing, embedder, on_demand)
    scores = fuse(words, meaning)
    # Of equal scores the one nearer in meaning comes first, then the order of the library decides.
    best = sorted(scores, key=lambda n: (-scores[n], -meaning.get(n, -1.0), n))
    if reranking is not None:
        best = reranking.order(db, query, best)
    hits = _hits(db, best[:k], scores, words, meaning)
    model = ANSWERING.model(db) or (on_demand.model if on_demand is not None else None)
    return _judged(db, hits, parsed, model.scale if model is not None else None, strict=strict)


def _judged(
    db: sqlite3.Connection, hits: Sequence[Hit], query: Query, scale: CosineScale | None, *, strict: bool
) -> list[Hit]:
    """The hits with their confidence; one that has a quoted phrase is what was asked for."""
    texts = {} if strict else searched_texts(db, [hit.chunk_id for hit in hits])
    weights = index_weights(query.words)
    out = []
    for hit in hits:
        text = "\n".join(texts.get(hit.chunk_id, (hit.text,)))
        found = 1.0 if strict else confidence(weights, text, hit.cosine, scale)
        out.append(replace(hit, confidence=found))
    return out


class _Ahead:
    """The vector of a query, made in a thread while the caller ranks by words."""

    def __init__(self, embedder: Embedder, query: str) -> None:
        self._embedder = embedder
        self._query = query
        self._vector: Floats | None = None
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="objlib query vector")
        self._thread.start()

    def _run(self) -> None:
        try:
            self._vector = self._embedder.embed_query(self._query)
        except Exception as error:  # raised where it is awaited
            self._error = error

    def result(self) -> "Floats | None":
        """The vector; None if the model turned out to be unusable."""
        self._thread.join()
        if isinstance(self._error, ModelError):
            return None
        if self._error is not None:
            raise self._error
        return self._vector


def _embed_ahead(
    db: sqlite3.Connection, query: str, embedder: Embedder | None, on_demand: OnDemand | None
) -> _Ahead | None:
    """Begin with the vector of the query; None where it would be compared with nothing."""
    if embedder is None:
        return None
    model = ANSWERING.model(db)
    has_vectors = model is not None and model.model_id == embedder.model_id and not ANSWERING.is_empty(db)
    useful = on_demand is not None or has_vectors
    return _Ahead(embedder, query) if useful else None


def _allowed(db: sqlite3.Connection, store_ids: Sequence[int], where: str | None) -> list[int] | None:
    """Ids of the texts to search in, or None for all."""
    stores = str(list(store_ids))
    if where is None or not where.strip():
        # Both ends of the index at once: one look-up each, however many documents there are.
        ends = db.execute(
            "SELECT (SELECT min(store_id) FROM texts), (SELECT max(store_id) FROM texts)"
        ).fetchone()
        if ends[0] == ends[1]:
            return None if ends[0] in store_ids else []
        rows = db.execute(
            "SELECT text_id FROM texts WHERE store_id IN (SELECT value FROM json_each(?))", (stores,)
        )
        return [row[0] for row in rows]
    condition, values = compile_filter(where)
    rows = db.execute(
        "SELECT t.text_id FROM texts t JOIN documents d ON d.doc_id = t.doc_id"
        f" WHERE t.store_id IN (SELECT value FROM json_each(?)) AND {condition}",
        [stores, *values],
    )
    return [row[0] for row in rows]


def _meaning(
    db: sqlite3.Connection, vector: "Floats", by_words: Sequence[int], near: Sequence[int], depth: int
) -> dict[int, float]:
    """Cosines of all passages by words, and of the best ``depth`` of those that may be near in meaning."""
    cosine_of = cosines(db, vector, [*by_words, *near])
    keep = set(by_words)
    if near:
        keep.update(sorted(cosine_of, key=lambda chunk_id: -cosine_of[chunk_id])[:depth])
    return {chunk_id: cosine for chunk_id, cosine in cosine_of.items() if chunk_id in keep}


def _embed_now(
    db: sqlite3.Connection, vector: "Floats", missing: Sequence[int], embedder: Embedder, on_demand: OnDemand
) -> dict[int, float]:
    """Embed the first of these passages, as many as the time allows, and return their cosines."""
    end = time.monotonic() + on_demand.seconds
    out: dict[int, float] = {}
    for start in range(0, len(missing), _EMBED_GROUP):
        if time.monotonic() >= end:
            break
        rows = texts_to_embed(db, missing[start : start + _EMBED_GROUP])
        if not rows:  # deleted in the meantime
            continue
        vectors = embedder.embed([text for _, text in rows])
        ids = [chunk_id for chunk_id, _ in rows]
        on_demand.rows += zip(ids, vectors, strict=True)
        out.update(zip(ids, products(vectors, vector).tolist(), strict=True))
    return out


def _hits(
    db: sqlite3.Connection,
    best: list[int],
    scores: dict[int, float],
    words: dict[int, float],
    meaning: dict[int, float],
) -> list[Hit]:
    rows = db.execute(
        "SELECT c.chunk_id, d.doc_id, d.display_name, c.start, c.stop, c.body, c.heading, c.page, d.metadata"
        " FROM chunks c JOIN texts t ON t.text_id = c.chunk_id >> ? JOIN documents d ON d.doc_id = t.doc_id"
        " WHERE c.chunk_id IN (SELECT value FROM json_each(?))",
        (POSITION_BITS, str(best)),
    )
    hits = {
        chunk_id: Hit(
            doc_id=doc_id,
            chunk_id=chunk_id,
            display_name=name,
            start=start,
            stop=stop,
            text=body,
            heading=heading,
            page=page,
            score=scores[chunk_id],
            bm25=words.get(chunk_id),
            cosine=meaning.get(chunk_id),
            metadata=json.loads(metadata),
        )
        for chunk_id, doc_id, name, start, stop, body, heading, page, metadata in rows
    }
    # Without a transaction of the caller a passage may be deleted between the statements.
    return [hits[chunk_id] for chunk_id in best if chunk_id in hits]
