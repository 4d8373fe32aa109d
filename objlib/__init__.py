"""Put a library of documents into a Gemini File Search store, keep it in sync, and search it.

``async with objlib.open("~/lectures") as library:`` gives a :class:`Library`, whose methods are the commands.
"""

from objlib.version import __version__

TYPE_CHECKING = False  # type checkers take it for true; typing itself takes longer to load than this package

if TYPE_CHECKING:
    from objlib.api import Library
    from objlib.api import open_from_sources as open
    from objlib.core.errors import ObjlibError, RefusedError, UsageError
    from objlib.core.events import Observer

__all__ = ["Library", "ObjlibError", "Observer", "RefusedError", "UsageError", "__version__", "open"]

_PLACES = {
    "Library": ("api", "Library"),
    "Observer": ("core.events", "Observer"),
    "open": ("api", "open_from_sources"),
}


def __getattr__(name: str) -> object:
    """Load a name of the API when it is asked for, so that ``objlib --version`` pays for none of it."""
    if name not in __all__:
        raise AttributeError(f"module 'objlib' has no attribute {name!r}")
    from importlib import import_module

    room, attribute = _PLACES.get(name, ("core.errors", name))
    return getattr(import_module(f"objlib.{room}"), attribute)
