"""The sources of the settings: the working folder, the data folder, the configuration file."""

import os
import stat
import tomllib
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

from platformdirs import user_data_dir

from objlib.cli.again import carry
from objlib.cli.options import CommonOptions
from objlib.core.config.default_paths import Folders, default_files
from objlib.core.config.resolve import Config, resolve
from objlib.core.config.settings import Settings
from objlib.core.errors import RefusedError, UsageError
from objlib.core.library.control_text import decode_control

CONFIG_NAME: Final = "objlib.toml"
"""Name of the configuration file that is looked for, going up from the working folder."""


def load_settings(
    options: CommonOptions | None, *, path: Path | None = None, names_library: bool = False, **more: object
) -> Settings:
    """Load the settings of one command from every source, and let its advice name what they name.

    Args:
        options: the common options.
        path: the library as a positional argument; the same as ``--library``.
        names_library: whether the library has to be named or be one that is already known; otherwise the
            working folder stands in for it.
        more: the command's own options that are settings.

    Raises:
        UsageError: something is set wrong; one line that names the source.
    """
    settings = _load(options or CommonOptions(), path=path, names_library=names_library, **more)
    carry(settings, partial(_load, names_library=True))
    return settings


def _load(
    options: CommonOptions, *, path: Path | None = None, names_library: bool, **more: object
) -> Settings:
    if path is not None and options.library not in (None, path):
        raise UsageError(f"two libraries are named: {path} and --library {options.library}; name one")
    cwd = working_folder()
    folders = Folders(cwd=cwd, home=Path("~").expanduser(), data=data_folder())
    fallback = known_library(folders) or (None if names_library else cwd)
    folders = replace(folders, fallback=fallback)
    flags = options.flags(**more) | {"library": path or options.library}
    if flags["quiet"] and flags["verbose"]:
        raise UsageError("--quiet and --verbose contradict each other; leave one out")
    return resolve(flags, os.environ, find_config(options.config, folders), folders)


def data_folder() -> Path:
    """The user's data folder for objlib, where ledgers and embedded stores lie by default."""
    return Path(user_data_dir("objlib", appauthor=False))


def find_config(path: Path | None, folders: Folders) -> Config | None:
    """The configuration file: the one that is named, else the first going up from the working folder.

    The search ends at the home folder when it starts below it, so that nothing above decides for a user.

    Raises:
        UsageError: the file cannot be read or is not TOML.
    """
    variable = os.environ.get("OBJLIB_CONFIG")
    if path is not None:
        return read_config(folders.cwd / path, "--config")
    if variable:
        return read_config(folders.cwd / Path(variable).expanduser(), "OBJLIB_CONFIG")
    for folder in (folders.cwd, *folders.cwd.parents):
        if os.path.lexists(folder / CONFIG_NAME):
            return read_config(folder / CONFIG_NAME, "")
        if folder == folders.home:
            break
    return None


def read_config(path: Path, source: str) -> Config:
    """Read one configuration file; ``source`` is the flag or variable that names it, for messages.

    Raises:
        UsageError: it cannot be read or is not TOML.
    """
    prefix = f"{source}: " if source else ""
    try:
        if not source and not stat.S_ISREG(path.stat().st_mode):
            raise UsageError(f"{path} is no regular file; remove it, or name another with --config")
        text = decode_control(path.read_bytes())
    except OSError as error:
        raise UsageError(f"{prefix}cannot read {path}: {error.strerror or error}") from None
    except ValueError as error:
        raise UsageError(f"{prefix}cannot read {path}: {error}") from None
    try:
        return Config(path, tomllib.loads(text))
    except (ValueError, RecursionError) as error:
        # TOMLDecodeError, a number of 5,000 digits, nesting too deep
        raise UsageError(f"{prefix}{path} is not valid TOML: {error}") from None


def known_library(folders: Folders) -> Path | None:
    """The library that the working folder lies in: the nearest folder upward that already has a ledger."""
    here = folders.real(folders.cwd)
    for folder in (here, *here.parents):
        if _is_file(default_files(folder, folders)[0]):
            return folder
    return None


def working_folder() -> Path:
    """The working folder.

    Raises:
        UsageError: it was removed.
    """
    try:
        return Path.cwd()
    except FileNotFoundError:
        raise UsageError("the working folder no longer exists; change to another one") from None


def require_folder(settings: Settings) -> None:
    """Check that the library is there before anything is opened.

    Raises:
        UsageError: it is not a folder, or it does not exist and never did.
        RefusedError: it has a ledger, so it was there once; it may only be unplugged.
    """
    try:
        kind = settings.library.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        kind = 0
    except OSError as error:
        raise UsageError(f"cannot look at {settings.library}: {error.strerror or error}") from None
    if stat.S_ISDIR(kind):
        return
    if kind:
        raise UsageError(f"{settings.library} is a file, not a folder; name the folder it is in")
    if settings.ledger.exists():
        raise RefusedError(
            f"the library {settings.library} is gone, and nothing was changed: connect the disk it is on, or "
            f"name the folder it is in now (and --ledger {settings.ledger} to go on with what is known)"
        )
    raise UsageError(f"there is no folder {settings.library}")


def _is_file(path: Path) -> bool:
    """Whether a file is there; one that we may not look at counts as absent."""
    try:
        return path.is_file()
    except OSError:
        return False
