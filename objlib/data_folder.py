"""The libraries of a data folder without its catalog: as their ledgers, their marks and their stores say."""

from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from os import fsencode
from pathlib import Path

from objlib.core.config.default_paths import default_store, is_put_aside, plain_name
from objlib.core.config.known import KnownLedger, KnownLibrary, LedgerIdentity
from objlib.core.config.ledger_url import LedgerUrl
from objlib.core.config.settings import Backend
from objlib.ledger import identify
from objlib.library_mark import MARK_NAME, read_mark


def libraries_in(data: Path) -> Iterator[KnownLibrary]:
    """The libraries whose ledgers lie in the data folder, and those whose marks lie there.

    A ledger knows better than a mark, unless it is an empty one in the place of the lost one that the mark names.
    """
    found = {library.root: _with_abandoned(library) for library in _by_ledgers(data)}
    known = {ledger.path for library in found.values() for ledger in library.ledgers if ledger.store}
    for folder in sorted(data.glob(f"libraries/*/{MARK_NAME}")):
        mark = read_mark(folder.parent)
        if mark is None:
            continue
        marked = {ledger.path: _as_it_is(ledger) for ledger in mark.ledgers if ledger.path not in known}
        entry = found.get(mark.root)
        if entry is not None and entry.folder == mark.folder:
            own = {ledger.path: ledger for ledger in entry.ledgers}
            found[mark.root] = replace(mark, ledgers=tuple((own | marked).values()))
        elif entry is None and marked:
            found[mark.root] = replace(mark, ledgers=tuple(marked.values()))
        # Else another library has the folder, or the ledgers of this one say that it moved.
        known.update(marked)
    yield from (library for _, library in sorted(found.items()))


def abandoned_library(data: Path, root: Path) -> KnownLibrary | None:
    """The library at ``root`` of which nothing but an embedded store is left, known by the store's default name."""
    for folder in sorted(data.glob(f"libraries/{plain_name(root.name)}-*")):
        if read_mark(folder) is None and (ledger := _abandoned_store(folder, root)) is not None:
            return KnownLibrary(_id_of_path(root), root, folder, None, (ledger,))
    return None


def _abandoned_store(folder: Path, root: Path) -> KnownLedger | None:
    """The lost ledger of an embedded store in ``folder`` that holds documents of the library at ``root``."""
    name = default_store(root)
    if any((identity := identify(path)) and identity.store for path in _ledgers(folder)):
        return None
    for file in sorted(folder.glob("*store.db")):
        from objlib.embedded import documents_named  # it takes long to load

        if documents_named(file, name):
            return KnownLedger(folder / "ledger.db", "", str(Backend.EMBEDDED), file, name)
    return None


def _with_abandoned(library: KnownLibrary) -> KnownLibrary:
    """``library`` with its lost ledger, where none that is there has a store."""
    if any(ledger.store for ledger in library.ledgers):
        return library
    lost = _abandoned_store(library.folder, library.root)
    return library if lost is None else replace(library, ledgers=(lost,))


def identify_service(path: Path | LedgerUrl) -> LedgerIdentity | None:
    """The identity of a ledger; where an older objlib wrote it, its service is found out as far as possible."""
    identity = identify(path)
    if not isinstance(path, Path) or identity is None or identity.service or not identity.store:
        return identity
    from objlib.embedded import holds_store  # it takes long to load, and only old ledgers need it

    for file in (path.with_name(f"{path.stem}-store.db"), path.with_name("store.db")):
        if holds_store(file, identity.store):
            return replace(identity, service=str(Backend.EMBEDDED), embedded=file)
    return identity


def _by_ledgers(data: Path) -> Iterator[KnownLibrary]:
    by_root: dict[Path, list[tuple[LedgerIdentity, KnownLedger]]] = {}
    for path in (path for folder in sorted(data.glob("libraries/*")) for path in _ledgers(folder)):
        identity = identify_service(path)
        if identity is not None and identity.root is not None:
            by_root.setdefault(identity.root, []).append((identity, _ledger(path, identity)))
    for root, ledgers in by_root.items():
        library_id = next((each.library_id for each, _ in ledgers if each.library_id), "")
        yield KnownLibrary(
            library_id or _id_of_path(root),
            root,
            ledgers[0][1].path.parent,
            None,
            tuple(ledger for _, ledger in ledgers),
        )


def _ledgers(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("ledger*.db") if not is_put_aside(path))


def _ledger(path: Path, identity: LedgerIdentity) -> KnownLedger:
    return KnownLedger(
        path,
        identity.ledger_id,
        identity.service,
        identity.embedded or _beside(path),
        identity.display_name,
    )


def _as_it_is(ledger: KnownLedger) -> KnownLedger:
    """The ledger of a mark, as it says itself where it is there; it stays a lost one where a new one is empty."""
    identity = identify_service(ledger.path)
    return ledger if identity is None or ledger.is_lost(identity) else _ledger(ledger.path, identity)


def _id_of_path(root: Path) -> str:
    return sha256(fsencode(root)).hexdigest()[:32]


def _beside(ledger: Path) -> Path | None:
    file = ledger.with_name("store.db")
    return file if file.is_file() else None
