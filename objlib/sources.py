"""The sources of the settings: the working folder, the data folder, the configuration file."""

import glob
import os
import stat
import time
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from difflib import get_close_matches
from enum import Enum, auto
from functools import cache, partial
from pathlib import Path

from platformdirs import user_data_dir

from objlib.core.advice import advise, quote
from objlib.core.config.default_paths import Folders, is_put_aside
from objlib.core.config.known import KnownLibrary
from objlib.core.config.libraries import refuse_suspicious_root
from objlib.core.config.registry import SETTINGS
from objlib.core.config.resolve import Config, locate, names_library, resolve
from objlib.core.config.settings import CONFIG_NAME, Settings
from objlib.core.errors import RefusedError, UsageError
from objlib.core.library.control_text import decode_control


class LibraryNeed(Enum):
    """A command's need of a library when none is named."""

    ANY = auto()
    """Nothing: the working folder will do."""
    KNOWN = auto()
    """One that is known; the working folder stands in where none is."""
    NEW = auto()
    """One that is named or known; a named one that is new is entered into the catalog."""
    NEW_DRY = auto()
    """The same, and nothing is entered."""


def load(
    flags: Mapping[str, object],
    config: Path | None,
    *,
    place: LibraryNeed,
    new: bool,
    environ: Mapping[str, str],
) -> Settings:
    """Load settings from flags, variables, the configuration file, the catalog of libraries, and defaults.

    Args:
        flags: values by setting name; None means "not given".
        config: the configuration file that is named, if any.
        place: what the command needs of the library.
        new: whether the user says that a suspicious folder, or a store in use, is meant.
        environ: the variables.

    Raises:
        UsageError: something is set wrong; one line that names the source.
        RefusedError: the folder is unlikely to be meant as a library.
    """
    from objlib.catalog import Catalog, CatalogError
    from objlib.data_folder import abandoned_library, identify_service

    cwd, catalog = working_folder(), Catalog(data_folder())
    libraries = catalog.libraries()
    folders = Folders(
        cwd=cwd,
        home=Path("~").expanduser(),
        data=catalog.data,
        fallback=cwd if place in {LibraryNeed.KNOWN, LibraryNeed.ANY} else None,
        anywhere=place is LibraryNeed.ANY,
        libraries=libraries,
        real=partial(_real, [each.root for each in libraries if each.ledgers]),
        identity=cache(identify_service),
        is_file=_is_file,
        beside=_ledgers_beside,
    )
    file = find_config(config, folders, environ)
    root = locate(flags, environ, file, folders)
    known = _entry(root, folders)
    if known is None and (known := abandoned_library(catalog.data, root)) is not None:
        folders = replace(folders, libraries=(*folders.libraries, known))
    missing: Path | None = None
    if config is None and not environ.get("OBJLIB_CONFIG"):
        file = _own_config(file, root, known, folders)
        missing = _missing_config(file, root, known, folders)
    if missing is not None and place in {LibraryNeed.NEW, LibraryNeed.NEW_DRY} and root.is_dir():
        raise RefusedError(
            f"{missing}, with the rules of the library {root}, is gone or cannot be reached; nothing was changed: put "
            "it back, name another with --config or, if its rules are not wanted any more, put an empty file there: "
            f"touch {quote(str(missing))}"
        )
    settings = resolve(flags, environ, file, folders)
    if (
        place in {LibraryNeed.NEW, LibraryNeed.NEW_DRY}
        and root.is_dir()
        and (known is None or not known.ledgers)
    ):
        if not new and folders.identity(settings.ledger) is None:
            refuse_suspicious_root(root, folders)
        if place is LibraryNeed.NEW and known is None:
            with suppress(OSError, CatalogError):  # the ledger keeps what matters
                catalog.claim(root, folder=folders.folder_of(root), now=time.time())
                folders = replace(folders, libraries=catalog.libraries(), identity=cache(identify_service))
                known, settings = _entry(root, folders), resolve(flags, environ, file, folders)
    return replace(
        settings,
        catalog=catalog.data,
        library_id=known.library_id if known else "",
        missing_config=missing,
        new=new,
    )


def _real(roots: Sequence[Path], path: Path) -> Path:
    """The real path of ``path``; of a folder that is the root of a library by another path, that root.

    It is another path by a bind mount, or by the case of its letters where a file system has none.
    """
    real = Path(os.path.realpath(path))
    if real in roots or (identity := _folder_identity(real)) is None:
        return real
    return next((root for root in roots if _folder_identity(root) == identity), real)


def _folder_identity(path: Path) -> tuple[int, int] | None:
    """Device and inode of a folder; None for anything else, and where a file system has none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return (status.st_dev, status.st_ino) if stat.S_ISDIR(status.st_mode) and status.st_ino else None


def _entry(root: Path, folders: Folders) -> KnownLibrary | None:
    return next((each for each in folders.libraries if each.root == root), None)


def _own_config(
    config: Config | None, root: Path, known: KnownLibrary | None, folders: Folders
) -> Config | None:
    """The configuration file of a library, given the one of the working folder: the first of these that there is.

    1. The one of the working folder, if it names the library.
    2. The one that the library was last used with, if it names the library.
    3. The first going up from the library, whatever the working folder is: rules that keep files private are in it.
    4. The one of the working folder, then the one that was last used, if they name no library at all.
    """
    last = read_config(known.config, "") if known and known.config and _is_file(known.config) else None
    for file in (config, last):
        if file is not None and "library" in file.values and names_library(file, root, folders):
            return file
    for file in (_config_above(root, folders), config, last):
        if file is not None and ("library" not in file.values or names_library(file, root, folders)):
            return file
    return config


def _missing_config(
    config: Config | None, root: Path, known: KnownLibrary | None, folders: Folders
) -> Path | None:
    """The ``objlib.toml`` that the library was last used with, where it is gone and ``config`` is none for it."""
    if known is None or known.config is None or _is_file(known.config):
        return None
    if config is not None and "library" in config.values:
        return None if names_library(config, root, folders) else known.config
    if config is not None and (
        root.is_relative_to(config.path.parent) or not root.is_relative_to(known.config.parent)
    ):
        return None
    return known.config


def _ledgers_beside(ledger: Path) -> tuple[Path, ...]:
    try:
        beside = ledger.parent.glob(f"{glob.escape(ledger.stem)}-*{glob.escape(ledger.suffix)}")
        return tuple(sorted(path for path in beside if not is_put_aside(path)))
    except OSError:
        return ()


def data_folder() -> Path:
    """The user's data folder for objlib, where ledgers and embedded stores lie by default."""
    return Path(user_data_dir("objlib", appauthor=False))


def find_config(path: Path | None, folders: Folders, environ: Mapping[str, str]) -> Config | None:
    """The configuration file: the one that is named, else the first going up from the working folder.

    The search ends at the home folder when it starts below it, so that nothing above decides for a user.

    Raises:
        UsageError: the file cannot be read or is not TOML.
    """
    variable = environ.get("OBJLIB_CONFIG")
    if path is not None:
        return read_config(folders.cwd / path, "--config")
    if variable:
        return read_config(folders.cwd / Path(variable).expanduser(), "OBJLIB_CONFIG")
    return _config_above(folders.cwd, folders)


def _config_above(start: Path, folders: Folders) -> Config | None:
    for folder in (start, *start.parents):
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


def working_folder() -> Path:
    """The working folder.

    Raises:
        UsageError: it was removed.
    """
    try:
        return Path.cwd()
    except FileNotFoundError:
        raise UsageError("the working folder no longer exists; change to another one") from None


def require_names(settings: Iterable[str]) -> None:
    """Check that each is the name of a setting.

    Raises:
        UsageError: one is not.
    """
    known = [setting.name for setting in SETTINGS]
    for name in settings:
        if name not in known:
            near = get_close_matches(name, known, 1)
            raise UsageError(f"there is no setting {name}" + (f"; did you mean {near[0]}?" if near else ""))


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
    from objlib.ledger import ledger_exists

    if ledger_exists(settings.ledger):
        raise RefusedError(
            f"the library {settings.library} is gone, and nothing was changed: connect the disk it is on or, if "
            f"the folder moved: `{advise('move', str(settings.library), 'NEW_FOLDER')}`"
        )
    raise UsageError(f"there is no folder {settings.library}")


def _is_file(path: Path) -> bool:
    """Whether a file is there; one that we may not look at counts as absent."""
    try:
        return path.is_file()
    except OSError:
        return False
