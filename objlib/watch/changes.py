"""The changes of a folder, as the system tells of them, without those that no run would take in."""

import os
from collections.abc import Callable
from contextlib import aclosing
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

import trio
from watchfiles import awatch

from objlib.core.config.settings import Settings
from objlib.core.events import Observer
from objlib.core.library.ignore import IGNORE_FILE
from objlib.core.library.paths import readable
from objlib.engine.scan.scope import Absence, Scope

RULES_FILES: Final = frozenset({IGNORE_FILE.encode(), b".gitignore"})
"""Files whose change may take other files in, or leave them out."""


class _Place(NamedTuple):
    file_path: str
    path_bytes: bytes


async def watch_folder(settings: Settings, changed: Callable[[], None], observer: Observer) -> None:
    """Call ``changed`` after each batch of changes that concerns the library, until cancelled.

    Where the system cannot watch the folder (a network drive, too many folders), the user is told once, and the full
    scans of the loop are what is left.
    """
    try:
        async with aclosing(awatch(settings.library, watch_filter=None, recursive=True)) as batches:
            async for batch in batches:
                paths = [path for _, path in batch]
                if await trio.to_thread.run_sync(partial(concerns, settings, paths)):
                    changed()
    except (OSError, RuntimeError) as error:
        observer.note(f"cannot watch {settings.library} ({error}); it is scanned each hour instead")


def concerns(settings: Settings, paths: list[str]) -> bool:
    """Whether one of ``paths`` belongs to the library: no rule leaves it out, and it is no file of our own."""
    scope = Scope.of(settings)
    return any(_belongs(scope, path) for path in paths)


def _belongs(scope: Scope, path: str) -> bool:
    root, exact = os.fsencode(scope.root), os.fsencode(path)
    name = exact[len(root) :].lstrip(b"/") if exact.startswith(root) else b""
    if not name:
        return Path(path) == scope.root
    folder, _, last = name.rpartition(b"/")
    if last in RULES_FILES:  # which no run takes in, but which decides what a run takes in
        return not folder or _belongs(scope, str(Path(path).parent))
    absent = scope.absent(_Place(readable(name), name))
    return absent is None or absent.kind is not Absence.LEFT_OUT
