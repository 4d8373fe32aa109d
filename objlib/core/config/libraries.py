"""The libraries of this user, and the choice of one for a command. Pure: what is known is passed in."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from objlib.core.advice import advise
from objlib.core.config.backend import Source, SourcedValue
from objlib.core.config.default_paths import Folders
from objlib.core.config.known import KnownLibrary, LedgerIdentity
from objlib.core.config.settings import Backend
from objlib.core.errors import RefusedError, UsageError

LISTED: Final = 8
"""Libraries that a message names; the command ``objlib libraries`` names them all."""


def select_library(sourced: Mapping[str, SourcedValue], folders: Folders) -> Path:
    """The library of a command, as the real path of its root.

    A library that the command line or the environment names is taken, whatever the ledger says; the ledger's own
    is compared with it when both are open. Otherwise: the ledger's own, where the ledger is named more strongly
    than the library; the library of ``objlib.toml``; the known one around the working folder; the only known one.

    Raises:
        UsageError: none is known, or several are and the working folder is in none of them.
    """
    library, ledger = sourced.get("library"), sourced.get("ledger")
    if ledger is not None and (library is None or library.source < min(ledger.source, Source.ENVIRONMENT)):
        own = _root_of(ledger.value, folders)
        if own is not None:
            return own
    if library is not None:
        return folders.real(library.value)
    here = folders.real(folders.cwd)
    if around := innermost(here, folders.libraries):
        return around.root
    live = [each for each in folders.libraries if each.ledgers]
    if len(live) == 1:
        return live[0].root
    if live and (not folders.anywhere or folders.fallback is None):
        raise UsageError(
            f"{len(live)} libraries are known, and {here} is in none of them: {_names(live)}; "
            f"name one with --library, or see `{advise('libraries')}`"
        )
    if folders.fallback is not None:
        return folders.real(folders.fallback)
    raise UsageError(
        "no library is set: name a folder (PATH or --library), "
        "or set OBJLIB_LIBRARY or `library` in objlib.toml"
    )


def innermost(folder: Path, libraries: Iterable[KnownLibrary]) -> KnownLibrary | None:
    """The known library that ``folder`` is, or is inside of; the innermost of several."""
    around = [each for each in libraries if each.ledgers and folder.is_relative_to(each.root)]
    return max(around, key=lambda each: len(each.root.parts), default=None)


def refuse_suspicious_root(root: Path, folders: Folders) -> None:
    """Refuse a new library that is unlikely to be meant.

    Raises:
        RefusedError: it holds the home folder, or a known library, or is inside of one.
    """
    home = folders.real(folders.home)
    yes = "name a folder of documents, or add --new if all of it is meant"
    if home.is_relative_to(root):
        what = "your home folder" if home == root else f"the folder around your home folder {home}"
        raise RefusedError(f"{root} is {what}, with everything private in it: {yes}")
    for each in folders.libraries:
        if not each.ledgers or each.root == root:
            continue
        if root.is_relative_to(each.root):
            raise RefusedError(
                f"{root} is inside the library {each.root}, which has its files already: leave the folder out to "
                "bring that library up to date, or add --new to keep the folder as a library of its own as well"
            )
        if each.root.is_relative_to(root):
            raise RefusedError(
                f"{root} holds the library {each.root}, whose files would be sent a second time: name that one, "
                "or add --new to keep the whole folder as a library as well"
            )


@dataclass(frozen=True, slots=True)
class ChosenFiles:
    """The files that a command works with.

    Attributes:
        ledger: of this library and this service.
        embedded: of the embedded store of this library.
        others: ledgers that this library has for other services.
        store: display name of the store that the ledger was bound to when it was last open; empty if unknown.
        lost: whether that ledger sent documents, and is not there any more.
    """

    ledger: Path
    embedded: Path
    others: tuple[Path, ...] = ()
    store: str = ""
    lost: bool = False


def select_files(
    library: Path, service: str, sourced: Mapping[str, SourcedValue], folders: Folders
) -> ChosenFiles:
    """The ledger of a library at a service, and the library's embedded store.

    Raises:
        UsageError: the library has several ledgers for this service, none of them in its own folder.
    """
    known = next((each for each in folders.libraries if each.root == library), None)
    named = sourced.get("ledger")
    folder = _folder(library, folders) if known is None else known.folder
    base = folder / "ledger.db" if named is None else Path(named.value)
    ledger = base
    rows = () if known is None else known.ledgers
    if named is None:
        ledger = _known_ledger(library, service, base, known, folders) or _for_service(base, service, folders)
    elif named.source is not Source.FLAG:
        ledger = _for_service(base, service, folders)
    family = {row.path for row in rows} | set(map(folders.real, (base, *folders.beside(base))))
    real = folders.real(ledger)
    others = tuple(path for path in sorted(family - {real}) if _belongs(path, library, folders))
    row = next((row for row in rows if row.path == real), None)
    return ChosenFiles(
        ledger,
        _embedded(base, ledger, known, named is not None, folders),
        others,
        "" if row is None else row.store,
        row is not None and row.is_lost(folders.identity(ledger)),
    )


def _folder(library: Path, folders: Folders) -> Path:
    """The folder of a library that the catalog does not know."""
    folder = folders.folder_of(library)
    identity = folders.identity(folder / "ledger.db")
    # Another library was here once, and moved.
    moved = identity is not None and identity.root not in (None, library)
    return folder.with_name(f"{folder.name}-new") if moved else folder


def serves(identity: LedgerIdentity, service: str) -> bool:
    """Whether a ledger is that of ``service``, or may become it; one of an older objlib does not say which."""
    if identity.service == service or (not identity.service and not identity.store):
        return True
    return not identity.service and service != Backend.EMBEDDED


def _known_ledger(
    library: Path, service: str, base: Path, known: KnownLibrary | None, folders: Folders
) -> Path | None:
    rows = [] if known is None else [row for row in known.ledgers if row.service == service]
    there = [row for row in rows if folders.identity(row.path) is not None]
    paths = [row.path for row in there or rows]
    own = [path for path in paths if path.parent == folders.real(base.parent)]
    if len(paths) < 2 or own:
        return next(iter(own or paths), None)
    raise UsageError(
        f"the library {library} has {len(paths)} ledgers for this service: {', '.join(map(str, paths))}; "
        "name one with --ledger"
    )


def _for_service(base: Path, service: str, folders: Folders) -> Path:
    """``base``, or the ledger beside it that is for ``service`` where ``base`` is for another one."""
    identity = folders.identity(base)
    if identity is None or serves(identity, service):
        return base
    return base.with_name(f"{base.stem}-{_plain_service(service)}{base.suffix}")


def _plain_service(service: str) -> str:
    """A service as a part of a file name: ``embedded``, or the host (and port) of an URL."""
    host = service.partition("://")[2] or service
    plain = "".join(char if char.isalnum() or char in ".-" else "-" for char in host).strip("-.")
    return "gemini" if plain == "generativelanguage.googleapis.com" else plain[:60]


def _embedded(base: Path, ledger: Path, known: KnownLibrary | None, named: bool, folders: Folders) -> Path:
    """The file of the embedded store: as the ledger says, else that of the library, else beside the ledger."""
    identity = folders.identity(ledger)
    if identity is not None and identity.embedded is not None:
        return identity.embedded
    beside = base.with_name(f"{base.stem}-store.db")
    places = (beside, base.with_name("store.db")) if base.name == "ledger.db" else (beside,)
    if identity is not None and (place := next(filter(folders.is_file, places), None)):
        return place  # a ledger of an older objlib, which does not say where its store is
    rows = () if known is None else known.ledgers
    of_ledger = [row.embedded for row in rows if row.path == folders.real(ledger) and row.embedded]
    if stores := of_ledger or [row.embedded for row in rows if row.embedded]:
        return stores[0]
    return beside if named else base.with_name("store.db")


def _belongs(path: Path, library: Path, folders: Folders) -> bool:
    identity = folders.identity(path)
    return identity is not None and identity.root in (None, library) and bool(identity.store)


def _root_of(ledger: Path, folders: Folders) -> Path | None:
    """The library of a ledger: as the ledger says; where it is lost, as the catalog says."""
    identity = folders.identity(ledger)
    if identity is not None:
        return identity.root
    real = folders.real(ledger)
    return next((each.root for each in folders.libraries for row in each.ledgers if row.path == real), None)


def _names(libraries: list[KnownLibrary]) -> str:
    names = ", ".join(str(each.root) for each in libraries[:LISTED])
    return names if len(libraries) <= LISTED else f"{names} and {len(libraries) - LISTED} more"
