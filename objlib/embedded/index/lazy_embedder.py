"""The models of an open service, each loaded when it is first used: that takes a tenth of a second and 100 MB."""

import sqlite3
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from objlib.embedded.encoders.errors import ModelFolderError
from objlib.embedded.encoders.folder import read_folder
from objlib.embedded.index.embedder import (
    Embedder,
    ModelError,
    load_embedder,
    missing,
    missing_packages,
    obstacle,
)
from objlib.embedded.index.remembered import RememberedVectors
from objlib.embedded.index.sign_codes import SignBitCache
from objlib.embedded.index.vector_sets import ANSWERING, COMING, StoredModel
from objlib.embedded.index.vectors import vector_progress
from objlib.embedded.model import MODEL_ID

if TYPE_CHECKING:
    from objlib.embedded.index.embedder import Floats

SHIPPED: Final = "default"
"""The name of the model that ships, where a folder may stand."""


@dataclass(slots=True)
class _Loaded:
    embedder: Embedder | None
    reason: str


class LazyEmbedder:
    """Loads each embedder once and keeps it, with the cache of sign bits, until the service closes.

    Its methods may be called from several threads.

    Args:
        choice: the folder of the model that the store is to have, or ``default``; empty leaves the store its own.
    """

    def __init__(self, choice: str = "") -> None:
        self._choice = choice
        self._lock = threading.Lock()
        self._by_folder: dict[str, _Loaded] = {}
        self._last: Embedder | None = None
        self._remembered: tuple[Embedder, RememberedVectors] | None = None
        self.sign_bits = SignBitCache()

    def folder(self, db: sqlite3.Connection) -> str:
        """The folder of the model that the store is to have; empty for the one that ships.

        That is the user's choice, else the one that was begun last.
        """
        if self._choice:
            return "" if self._choice == SHIPPED else self._choice
        model = COMING.model(db) or ANSWERING.model(db)
        return model.folder if model is not None else ""

    def load(self, folder: str | None = None) -> tuple[Embedder | None, str]:
        """An embedder and an empty string, or None and the reason; blocks while it is loaded for the first time.

        ``folder`` is that of :meth:`folder`; None stands for the user's choice, else for the model that ships.
        """
        if folder is None:
            folder = "" if self._choice == SHIPPED else self._choice
        with self._lock:
            loaded = self._by_folder.get(folder)
            if loaded is None:
                loaded = self._by_folder[folder] = _Loaded(
                    *(load_folder(folder) if folder else load_embedder())
                )
            self._last = loaded.embedder or self._last
            return loaded.embedder, loaded.reason

    def obstacle(self, folder: str = "", model_id: str = "") -> str:
        """Why this model cannot be used, or an empty string; loads nothing, so a failure of loading is not foreseen.

        ``model_id``: the model that has to be there; empty for any.
        """
        with self._lock:
            loaded = self._by_folder.get(folder)
        if loaded is not None and (
            loaded.embedder is None or not model_id or loaded.embedder.model_id == model_id
        ):
            return loaded.reason
        if not folder:
            return obstacle()
        try:
            current = read_folder(Path(folder)).model_id
        except ModelFolderError as error:
            return f"no search by meaning: {error}"
        if model_id and current != model_id:
            return f"no search by meaning: {folder} holds another model by now than the one of the store's vectors"
        return missing_packages()

    def for_search(self, db: sqlite3.Connection) -> "LoadingEmbedder | None":
        """An embedder that is loaded at its first use, in the thread that uses it; None for an empty store.

        It is that of the vectors that the store has. Its use raises :class:`ModelError` if the model cannot be loaded
        after all.
        """
        if vector_progress(db)[1] == 0:
            return None
        model = ANSWERING.model(db)
        if model is None or (ANSWERING.is_empty(db) and self._choice):
            folder = self.folder(db)
            model = StoredModel(folder=folder, model_id=_model_id(folder))
        if not model.model_id or self.obstacle(model.folder, model.model_id):
            return None
        return LoadingEmbedder(model, lambda: self.load(model.folder))

    def loaded(self) -> Embedder | None:
        """The embedder that was loaded last; it remembers what it was asked for, which answers repeat."""
        with self._lock:
            if self._last is None:
                return None
            if self._remembered is None or self._remembered[0] is not self._last:
                self._remembered = (self._last, RememberedVectors(self._last))
            return self._remembered[1]


def load_folder(folder: str) -> tuple[Embedder | None, str]:
    """Load a user's model.

    Returns:
        The embedder and an empty string; or None and one line: why search goes by words alone.
    """
    try:
        from objlib.embedded.encoders.sentence_encoder import SentenceEncoder

        return SentenceEncoder(read_folder(Path(folder))), ""
    except ImportError as error:
        return None, missing(error.name)
    except ModelFolderError as error:
        return None, f"no search by meaning: {error}"


def _model_id(folder: str) -> str:
    """The id of a model; empty where the folder holds none."""
    try:
        return read_folder(Path(folder)).model_id if folder else MODEL_ID
    except ModelFolderError:
        return ""


class LoadingEmbedder:
    """An embedder that is not loaded yet."""

    def __init__(self, model: StoredModel, load: Callable[[], tuple[Embedder | None, str]]) -> None:
        self.model = model
        self.model_id = model.model_id
        self.dimensions = model.dimensions
        self._load = load

    def embed(self, texts: Sequence[str]) -> "Floats":
        """See :meth:`Embedder.embed`."""
        return self._embedder().embed(texts)

    def embed_query(self, text: str) -> "Floats":
        """See :meth:`Embedder.embed_query`."""
        return self._embedder().embed_query(text)

    def _embedder(self) -> Embedder:
        embedder, reason = self._load()
        if embedder is None:
            raise ModelError(reason)
        if embedder.model_id != self.model_id:
            raise ModelError("no search by meaning: the store's vectors are of another model")
        return embedder
