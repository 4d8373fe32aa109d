"""What every route needs: the file, the options, the clock, and a way to wake the worker."""

from collections.abc import Callable
from dataclasses import dataclass

from objlib.embedded.database import Database
from objlib.embedded.options import Options
from objlib.threads import Runner


@dataclass(frozen=True, slots=True)
class Context:
    """The open service, as its routes see it.

    Attributes:
        database: the file.
        options: how the service behaves.
        now: the clock, in Unix seconds.
        claim: this open service's mark on the documents it means to index.
        embed: runs the embedding model, which knows nothing of the file.
        wake: tells the worker that there may be something to do; returns at once.
    """

    database: Database
    options: Options
    now: Callable[[], float]
    claim: str
    embed: Runner
    wake: Callable[[], None]
