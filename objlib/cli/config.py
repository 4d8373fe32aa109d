"""The settings of one command: its options, joined with every other source."""

import os
from functools import partial
from pathlib import Path

from objlib.cli.again import carry
from objlib.cli.options import CommonOptions
from objlib.core.config.settings import Settings
from objlib.core.errors import UsageError
from objlib.sources import LibraryNeed, load


def load_settings(
    options: CommonOptions | None,
    *,
    path: Path | None = None,
    place: LibraryNeed = LibraryNeed.KNOWN,
    new: bool = False,
    **more: object,
) -> Settings:
    """Load the settings of one command from every source, and let its advice name what they name.

    Args:
        options: the common options.
        path: the library as a positional argument; the same as ``--library``.
        place: what the command needs of the library.
        new: whether the user says that a suspicious folder, or a store in use, is meant.
        more: the command's own options that are settings.

    Raises:
        UsageError: something is set wrong; one line that names the source.
        RefusedError: the folder is unlikely to be meant as a library.
    """
    settings = _load(options or CommonOptions(), path=path, place=place, new=new, **more)
    if settings.may_be_served:
        settings = _served(settings)
    carry(settings, partial(_load, place=LibraryNeed.NEW_DRY, new=True))
    return settings


def _load(
    options: CommonOptions, *, path: Path | None = None, place: LibraryNeed, new: bool, **more: object
) -> Settings:
    if path is not None and options.folder not in (None, path):
        raise UsageError(f"two libraries are named: {path} and --library {options.folder}; name one")
    flags = options.flags(**more) | {"library": path or options.folder}
    if flags["quiet"] and flags["verbose"]:
        raise UsageError("--quiet and --verbose contradict each other; leave one out")
    return load(flags, options.config, place=place, new=new, environ=os.environ)


def _served(settings: Settings) -> Settings:
    """Ask a service behind a port which ledger is its own; in a thread, since a run may be under way in this one."""
    from concurrent.futures import ThreadPoolExecutor

    import trio

    from objlib.engine.bootstrap.served_ledger import find_served_ledger

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(trio.run, find_served_ledger, settings).result()
