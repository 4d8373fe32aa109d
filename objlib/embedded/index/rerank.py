"""The first passages of a search in the order of a cross-encoder, as many as its time allows."""

import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from objlib.embedded.encoders.errors import ModelFolderError
from objlib.embedded.encoders.folder import read_folder
from objlib.embedded.index.vectors import texts_to_embed

RERANKED: Final = 40
"""Passages that the cross-encoder reads: further down hardly anything is right, and each costs some 20 ms."""


class Reranker(Protocol):
    """Says how well each text fits a query."""

    model_id: str
    """Name of the model."""
    at_once: int
    """Texts that are computed at the same time."""

    def scores(self, query: str, texts: Sequence[str]) -> list[float]:
        """Higher is better, on any scale."""
        ...


@dataclass(frozen=True, slots=True)
class Reranking:
    """How a search is reranked.

    Attributes:
        load: gives the model; called when the passages are there.
        seconds: time budget of one search; the group under way at its end is finished.
    """

    load: Callable[[], Reranker]
    seconds: float
    passages: int = RERANKED

    def order(self, db: sqlite3.Connection, query: str, ranking: Sequence[int]) -> list[int]:
        """The ranking with its first passages in the order of the model; those not reached stay behind, as they were.

        Raises:
            ModelFolderError: the model cannot be used.
        """
        texts = dict(texts_to_embed(db, ranking[: self.passages]))
        first = [chunk_id for chunk_id in ranking[: self.passages] if chunk_id in texts]
        if not first:
            return list(ranking)
        reranker = self.load()
        end = time.monotonic() + self.seconds
        scores: dict[int, float] = {}
        for start in range(0, len(first), reranker.at_once):
            if scores and time.monotonic() >= end:
                break
            group = first[start : start + reranker.at_once]
            scores.update(zip(group, reranker.scores(query, [texts[n] for n in group]), strict=True))
        best = sorted(scores, key=lambda chunk_id: -scores[chunk_id])  # stable: of equal ones the order stays
        return best + [chunk_id for chunk_id in ranking if chunk_id not in scores]


class LazyReranker:
    """Loads the cross-encoder of a folder once. Its methods may be called from several threads."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._reranker: Reranker | None = None

    def load(self) -> Reranker:
        """The cross-encoder; blocks while it is loaded for the first time.

        Raises:
            ModelFolderError: the folder holds none that can be used.
        """
        with self._lock:
            if self._reranker is None:
                self._reranker = load_reranker(self._folder)
            return self._reranker


def load_reranker(folder: str) -> Reranker:
    """The cross-encoder of a folder.

    Raises:
        ModelFolderError: the folder holds none that can be used here.
    """
    try:
        from objlib.embedded.encoders.cross_encoder import CrossEncoder

        return CrossEncoder(read_folder(Path(folder)))
    except ImportError as error:
        raise ModelFolderError(f"a reranker needs {error.name}: install numpy and onnxruntime") from None
