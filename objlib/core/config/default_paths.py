"""Default paths: each library has a folder of its own in the user's data directory."""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from objlib.core.config.known import KnownLibrary, LedgerIdentity
from objlib.core.config.ledger_url import LedgerUrl


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))


def _unknown(_ledger: Path | LedgerUrl) -> LedgerIdentity | None:
    return None


def _absent(_path: Path) -> bool:
    return False


def _alone(_path: Path) -> tuple[Path, ...]:
    return ()


@dataclass(frozen=True, slots=True)
class Folders:
    """Folders that defaults depend on, and what is known of the libraries in them.

    Attributes:
        cwd: the working folder, from which relative paths of flags and variables start.
        home: the user's home folder.
        data: the user's data folder for objlib.
        fallback: the library when none is set and none is known; None where one has to be named.
        anywhere: whether the fallback is used also where several libraries are known.
        libraries: the libraries of the catalog.
        real: gives a path with every symbolic link followed.
        identity: what the ledger at a path says of itself; None where there is none.
        is_file: whether a file is there.
        beside: the ledgers for other services that lie beside a ledger.
    """

    cwd: Path
    home: Path
    data: Path
    fallback: Path | None = None
    anywhere: bool = False
    libraries: tuple[KnownLibrary, ...] = ()
    real: Callable[[Path], Path] = _real
    identity: Callable[[Path | LedgerUrl], LedgerIdentity | None] = _unknown
    is_file: Callable[[Path], bool] = _absent
    beside: Callable[[Path], tuple[Path, ...]] = _alone

    def folder_of(self, library: Path) -> Path:
        """Where the files of a library lie that the catalog does not know: older versions chose this folder."""
        return self.data / "libraries" / f"{plain_name(library.name)}-{_digest(library)[:8]}"


ASIDE: Final = "-of-deleted-store-"
"""Part of the name of a ledger that is put aside, since its store was deleted."""


def is_put_aside(ledger: Path) -> bool:
    """Whether this is a ledger that is put aside: it is kept for its history, and belongs to no store any more."""
    return ASIDE in ledger.name


def default_store(library: Path) -> str:
    """The display name of a library's first store.

    It goes by the path, not by the library's id, so that a store is found again after ledger and catalog are lost.
    """
    return f"objlib-{plain_name(library.name)}-{_digest(library)[:6]}"


def _digest(library: Path) -> str:
    return sha256(os.fsencode(library)).hexdigest()


def plain_name(name: str) -> str:
    """A folder's name as letters, digits, dots and dashes, short enough for any file system."""
    return re.sub(r"[^\w.-]+", "-", name, flags=re.ASCII).strip("-.")[:40] or "library"
