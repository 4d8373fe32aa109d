"""The vectors of a store: the set that answers, and a second one that another model makes beside it.

A store changes its model without a gap: all passages are queued for the second set, which may be made in several
runs, and when it is whole it takes the place of the first in one transaction. A set is three tables: ``vectors`` with
the int8 numbers, ``signs`` with the sign bits by slot, and ``pending`` with the passages that have none yet.
"""

import sqlite3
from dataclasses import dataclass
from typing import Final

from objlib.embedded.index.confidence import SHIPPED_SCALE, CosineScale
from objlib.embedded.index.meta import bump, meta, set_meta
from objlib.embedded.index.schema import COMING_VECTORS, POSITION_MASK
from objlib.embedded.model import DIMENSIONS, MODEL_ID


@dataclass(frozen=True, slots=True)
class StoredModel:
    """The model of a set.

    Attributes:
        folder: where a user's model is; empty for the one that ships.
        dimensions: numbers of a vector.
        scale: that of its cosines; None where it was not measured yet.
    """

    model_id: str = MODEL_ID
    folder: str = ""
    dimensions: int = DIMENSIONS
    scale: CosineScale | None = None

    def __post_init__(self) -> None:
        if self.model_id == MODEL_ID:
            object.__setattr__(self, "scale", SHIPPED_SCALE)


@dataclass(frozen=True, slots=True)
class VectorSet:
    """The names of a set's tables."""

    prefix: str

    @property
    def vectors(self) -> str:
        """The table of the int8 vectors."""
        return f"{self.prefix}vectors"

    @property
    def signs(self) -> str:
        """The table of the sign bits."""
        return f"{self.prefix}signs"

    @property
    def pending(self) -> str:
        """The table of the passages without a vector."""
        return f"{self.prefix}pending"

    def model(self, db: sqlite3.Connection) -> StoredModel | None:
        """The model of the set; None if there is no such set yet."""
        model_id = meta(db, f"{self.prefix}model")
        if not model_id:
            return None
        dimensions = int(meta(db, f"{self.prefix}dimensions") or DIMENSIONS)
        return StoredModel(model_id, meta(db, f"{self.prefix}folder") or "", dimensions, self._scale(db))

    def set_model(self, db: sqlite3.Connection, model: StoredModel | None) -> None:
        """Write the model down; None for a set that there is not."""
        set_meta(db, f"{self.prefix}model", model.model_id if model else "")
        set_meta(db, f"{self.prefix}folder", model.folder if model else "")
        set_meta(db, f"{self.prefix}dimensions", str(model.dimensions if model else DIMENSIONS))
        scale = model.scale if model else None
        set_meta(db, f"{self.prefix}scale", f"{scale.factor!r} {scale.offset!r}" if scale else "")

    def _scale(self, db: sqlite3.Connection) -> CosineScale | None:
        values = (meta(db, f"{self.prefix}scale") or "").split()
        return CosineScale(float(values[0]), float(values[1])) if values else None

    def is_empty(self, db: sqlite3.Connection) -> bool:
        """Whether no passage has a vector."""
        return db.execute(f"SELECT 1 FROM {self.vectors} LIMIT 1").fetchone() is None


ANSWERING: Final = VectorSet("")
"""The set that searches use."""
COMING: Final = VectorSet("next_")
"""The set of another model, until it is whole."""


def sets(db: sqlite3.Connection) -> tuple[VectorSet, ...]:
    """The sets that a passage has a place in."""
    return (ANSWERING,) if COMING.model(db) is None else (ANSWERING, COMING)


def set_of(db: sqlite3.Connection, model_id: str) -> VectorSet | None:
    """The set of a model; None for a model that the store has no vectors of."""
    for vector_set in (ANSWERING, COMING):
        model = vector_set.model(db)
        if model is not None and model.model_id == model_id:
            return vector_set
    return None


def scale_of(db: sqlite3.Connection, model_id: str) -> CosineScale | None:
    """The scale of a model that the store has or is to have; None where it was not measured yet."""
    vector_set = set_of(db, model_id)
    model = vector_set.model(db) if vector_set is not None else None
    return model.scale if model is not None else None


def aim_at(db: sqlite3.Connection, model: StoredModel) -> None:
    """Make this the model of the store, the caller holds a transaction.

    A store without vectors takes it at once. Otherwise all passages are queued for a second set, unless that is so
    already; going back to the model that answers drops the second set.
    """
    current, coming = ANSWERING.model(db), COMING.model(db)
    if current is not None and current.model_id == model.model_id:
        if current != model:
            ANSWERING.set_model(db, model)  # its folder has moved
        if coming is not None:
            _drop_coming(db)
    elif current is None or ANSWERING.is_empty(db):
        _drop_coming(db)
        _drop_answering(db)
        ANSWERING.set_model(db, model)
    elif coming is None or coming.model_id != model.model_id:
        _drop_coming(db)
        COMING.set_model(db, model)
        db.execute(f"INSERT INTO next_pending SELECT chunk_id & {POSITION_MASK}, chunk_id FROM chunks")
    elif coming != model:
        COMING.set_model(db, model)


def drop_outdated(db: sqlite3.Connection) -> bool:
    """Drop vectors of an older model that shipped, and queue their passages; the caller holds a transaction.

    It cannot be loaded any more, so its vectors cannot be searched.

    Returns:
        Whether there were any.
    """
    current = ANSWERING.model(db)
    if current is None or current.folder or current.model_id == MODEL_ID:
        return False
    db.execute(f"INSERT OR IGNORE INTO pending SELECT chunk_id & {POSITION_MASK}, chunk_id FROM vectors")
    _drop_answering(db)
    ANSWERING.set_model(db, StoredModel())
    return True


def replace_answering(db: sqlite3.Connection) -> bool:
    """Let the second set answer if it is whole; the caller holds a transaction.

    Returns:
        Whether it does now.
    """
    coming = COMING.model(db)
    if coming is None or db.execute("SELECT 1 FROM next_pending LIMIT 1").fetchone() is not None:
        return False
    if db.execute("SELECT 1 FROM texts WHERE form < 1 LIMIT 1").fetchone() is not None:
        return False  # passages of an older index have no slot yet
    for table in ("vectors", "signs", "pending"):
        db.execute(f"DROP TABLE {table}")
        db.execute(f"ALTER TABLE next_{table} RENAME TO {table}")
    for statement in COMING_VECTORS:
        db.execute(statement)
    ANSWERING.set_model(db, coming)
    COMING.set_model(db, None)
    _mark_all_signs(db)
    return True


def _drop_answering(db: sqlite3.Connection) -> None:
    db.execute("DELETE FROM codes")
    db.execute("DELETE FROM vectors")
    db.execute("DELETE FROM signs")  # rows of another length may follow
    _mark_all_signs(db)


def _drop_coming(db: sqlite3.Connection) -> None:
    for table in ("next_vectors", "next_signs", "next_pending"):
        db.execute(f"DELETE FROM {table}")
    if COMING.model(db) is not None:
        COMING.set_model(db, None)


def _mark_all_signs(db: sqlite3.Connection) -> None:
    """Make every cache read all sign bits again."""
    now = bump(db, "signs_version")
    bump(db, "signs_epoch")
    db.execute("DELETE FROM sign_changes")
    db.execute("INSERT INTO sign_changes SELECT block, ? FROM signs", (now,))
