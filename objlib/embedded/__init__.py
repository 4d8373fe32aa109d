"""An embedded File Search service: the REST API of Gemini File Search over one SQLite file.

``async with open_service(path) as service:`` gives ``service.app``, an ASGI app that any client of the API
can talk to, in process or behind a server. Nothing here imports the engine or the ledger.

The names are imported at their first use: a reader process needs a fifth of the room, and starts in a fifth of the
time.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from objlib.embedded.api.generate import EXTRACTIVE
    from objlib.embedded.encoders.errors import ModelFolderError
    from objlib.embedded.index import WEAK, filter_keys, load_embedder, load_folder, load_reranker
    from objlib.embedded.index.model_check import check_model
    from objlib.embedded.options import Options
    from objlib.embedded.resources.holdings import documents_named, holds_store, tagged_values
    from objlib.embedded.service import Service, open_service
    from objlib.embedded.text.extract import extract, has_places
    from objlib.embedded.text.extracted import Extracted
    from objlib.embedded.text.places import PassagePlace, passage_place

__all__ = [
    "EXTRACTIVE",
    "WEAK",
    "Extracted",
    "ModelFolderError",
    "Options",
    "PassagePlace",
    "Service",
    "check_model",
    "documents_named",
    "extract",
    "filter_keys",
    "has_places",
    "holds_store",
    "load_embedder",
    "load_folder",
    "load_reranker",
    "open_service",
    "passage_place",
    "tagged_values",
]
_MODULES: Final = {
    "EXTRACTIVE": "api.generate",
    "Extracted": "text.extracted",
    "ModelFolderError": "encoders.errors",
    "Options": "options",
    "PassagePlace": "text.places",
    "Service": "service",
    "WEAK": "index",
    "check_model": "index.model_check",
    "documents_named": "resources.holdings",
    "extract": "text.extract",
    "filter_keys": "index",
    "has_places": "text.extract",
    "holds_store": "resources.holdings",
    "load_embedder": "index",
    "load_folder": "index",
    "load_reranker": "index",
    "open_service": "service",
    "passage_place": "text.places",
    "tagged_values": "resources.holdings",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(name)
    return getattr(import_module(f"objlib.embedded.{_MODULES[name]}"), name)
