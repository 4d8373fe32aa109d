"""The passages of the word index's slots, kept in memory between searches."""

import sqlite3
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from objlib.embedded.index.postings import BLOCK, version

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Slots:
    """By slot: the chunk id, 0 for none, and the passage's length in words."""

    ids: "NDArray[np.int64]"
    lengths: "NDArray[np.float32]"


class SlotCache:
    """Reads the blocks once, then only those that have changed, by this process or another."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._version = 0
        self._slots: Slots | None = None

    def load(self, db: sqlite3.Connection) -> Slots | None:
        """The slots as of now; None where numpy is missing."""
        try:
            import numpy as np
        except ImportError:
            return None

        with self._lock:
            now = version(db)
            if self._slots is not None and now == self._version:
                return self._slots
            # A connection whose snapshot is older than the cache reads all for itself.
            after = self._version if self._slots is not None and now > self._version else 0
            rows = db.execute(
                "SELECT block, ids, lengths FROM slot_changes JOIN slots USING (block) WHERE version > ?",
                (after,),
            ).fetchall()
            (count,) = db.execute("SELECT coalesce(max(block) + 1, 0) FROM slot_changes").fetchone()
            ids = np.zeros(count * BLOCK, np.int64)
            lengths = np.zeros(count * BLOCK, np.float32)
            if after and self._slots is not None:
                ids[: len(self._slots.ids)] = self._slots.ids
                lengths[: len(self._slots.lengths)] = self._slots.lengths
            for block, some_ids, some_lengths in rows:
                span = slice(block * BLOCK, (block + 1) * BLOCK)
                ids[span] = np.frombuffer(some_ids, "<i8")
                lengths[span] = np.frombuffer(some_lengths, "<u2")
            slots = Slots(ids, lengths)
            if now >= self._version:
                self._slots, self._version = slots, now
            return slots
