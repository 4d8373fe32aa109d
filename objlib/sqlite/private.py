"""Keeps what is private its owner's alone: databases of mode 0600, in folders of mode 0700.

A database of ours holds texts, names of files, or addresses of upload sessions, which authorise their holder.
SQLite gives the files beside a database the mode of the database.
"""

import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final

_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_SIDECARS: Final = ("", "-wal", "-shm", "-journal")


def make_file(path: Path) -> None:
    """Make an empty file, and missing folders above it, for their owner alone; one that exists stays.

    Raises:
        OSError: it cannot be made.
    """
    make_folder(path.parent)
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


def make_folder(folder: Path) -> None:
    """Make a folder and those above it; not ``Path.mkdir(parents=True)``, which gives the upper ones no mode."""
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)


def tighten(path: Path, data: Path) -> list[Path]:
    """Take a database, the files beside it and the folders up to ``data`` from other users.

    A folder outside of ``data``, the user's data folder for objlib, may hold more than ours, and stays as it is.
    So does what another user owns, and a file system without modes.

    Returns:
        What was open to others before.
    """
    real, top = Path(os.path.realpath(path)), Path(os.path.realpath(data))
    files = [real.with_name(real.name + end) for end in _SIDECARS]
    folders = [folder for folder in real.parents if folder.is_relative_to(top)]
    return [each for each in (*files, *folders) if _take_from_others(each)]


def _take_from_others(path: Path) -> bool:
    try:
        mode = path.stat().st_mode
        if not mode & _OTHERS or not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            return False
        path.chmod(stat.S_IMODE(mode) & ~_OTHERS)
        return not path.stat().st_mode & _OTHERS
    except OSError:
        return False
