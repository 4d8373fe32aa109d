"""Default paths: each library has a folder of its own in the user's data directory."""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))


@dataclass(frozen=True, slots=True)
class Folders:
    """Folders that defaults depend on.

    Attributes:
        cwd: the working folder, from which relative paths of flags and variables start.
        home: the user's home folder.
        data: the user's data folder for objlib.
        fallback: the library when none is set; None where one has to be named.
        real: gives a path with every symbolic link followed.
    """

    cwd: Path
    home: Path
    data: Path
    fallback: Path | None = None
    real: Callable[[Path], Path] = _real


def default_files(library: Path, folders: Folders, ledger: Path | None = None) -> tuple[Path, Path]:
    """The ledger and the embedded store of a library; beside a ``ledger`` that is named, the store lies too."""
    if ledger is not None:
        return ledger, ledger.with_name(f"{ledger.stem}-store.db")
    folder = folders.data / "libraries" / f"{_plain(library.name)}-{_digest(library)[:8]}"
    return folder / "ledger.db", folder / "store.db"


def default_store(library: Path) -> str:
    """The display name of a library's store: the same on every run, different for folders of one name."""
    return f"objlib-{_plain(library.name)}-{_digest(library)[:6]}"


def _digest(library: Path) -> str:
    return sha256(os.fsencode(library)).hexdigest()


def _plain(name: str) -> str:
    """A folder's name as letters, digits, dots and dashes, short enough for any file system."""
    return re.sub(r"[^\w.-]+", "-", name, flags=re.ASCII).strip("-.")[:40] or "library"
