"""The levers of quality, each with a switch that takes it away from the search as it is."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from benchmarks.search_lab import store
from objlib.embedded.index import lexical, vectors
from objlib.embedded.text import chunk


@dataclass(frozen=True)
class Lever:
    """A name for the table, and the constant that takes the lever away."""

    name: str
    module: Any
    constant: str
    off: Any
    rebuilds: bool
    """Whether other passages or other texts to embed follow from it."""


LEVERS = (
    Lever("repeats", lexical, "LONG_QUERY", 1_000_000, rebuilds=False),
    Lever("bare", vectors, "HEADED_PASSAGES", 1_000_000, rebuilds=True),
    Lever("filled", chunk, "_FULL", 0.0, rebuilds=True),
    Lever("pages", store, "PAGES_PART", False, rebuilds=True),
)


@contextmanager
def without(lever: Lever | None) -> Iterator[None]:
    """Take a lever away for a while."""
    if lever is None:
        yield
        return
    usual = getattr(lever.module, lever.constant)
    setattr(lever.module, lever.constant, lever.off)
    try:
        yield
    finally:
        setattr(lever.module, lever.constant, usual)
