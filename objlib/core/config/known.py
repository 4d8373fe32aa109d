"""Knowledge of a library before its ledger is open: an entry of the catalog, and a ledger's statements of itself."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class LedgerIdentity:
    """The statements of a ledger about itself.

    Attributes:
        root: the folder of its library; None before its first scan.
        library_id: the id of its library; empty in a ledger of an older objlib.
        ledger_id: the tag of its documents; empty before its first document.
        service: ``embedded``, or the base URL of the service; empty where it is not known.
        embedded: the file of its embedded store.
        store: resource name of the store it is bound to; empty before that.
        display_name: of that store.
        deleting: whether the deletion of that store was begun, and is not known to be done.
    """

    root: Path | None = None
    library_id: str = ""
    ledger_id: str = ""
    service: str = ""
    embedded: Path | None = None
    store: str = ""
    display_name: str = ""
    deleting: bool = False


@dataclass(frozen=True, slots=True)
class KnownLedger:
    """A ledger in the catalog; it may be lost since.

    Attributes:
        path: its file.
        ledger_id: the tag of its documents.
        service: ``embedded``, or the base URL of the service.
        embedded: the file of its embedded store.
        store: display name of its store.
    """

    path: Path
    ledger_id: str = ""
    service: str = ""
    embedded: Path | None = None
    store: str = ""

    def is_lost(self, identity: LedgerIdentity | None) -> bool:
        """Whether it sent documents that the ledger at its path, whose identity is given, does not know."""
        if not self.store:
            return False
        return identity is None or (identity.ledger_id != self.ledger_id and not identity.store)


@dataclass(frozen=True, slots=True)
class KnownLibrary:
    """A library in the catalog.

    Attributes:
        library_id: stays the same when the folder moves.
        root: the real path of the folder, as it was last known.
        folder: where ledgers and the embedded store lie unless they are named.
        config: the ``objlib.toml`` it was last used with.
        ledgers: one for each service; none before the first scan.
    """

    library_id: str
    root: Path
    folder: Path
    config: Path | None = None
    ledgers: tuple[KnownLedger, ...] = ()
