"""Reports on the stores of a service: the list, one that was made, one that was deleted, documents taken over."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from objlib.core.lifecycle.adoption import Adoption


@dataclass(frozen=True, slots=True)
class StoreEntry:
    """One store of the service.

    Attributes:
        name: resource name.
        display_name: what its owner called it; not unique.
        active, pending, failed: its documents by state.
        size: bytes as the service counts them, embeddings included.
        embedding_model: ``models/<model>``; empty where the service does not say.
        libraries: folders of the libraries of this user that have it as their store.
        own: whether it is the store of the library at hand.
    """

    name: str
    display_name: str
    active: int = 0
    pending: int = 0
    failed: int = 0
    size: int = 0
    embedding_model: str = ""
    libraries: tuple[str, ...] = ()
    own: bool = False

    @property
    def documents(self) -> int:
        """Its documents in any state."""
        return self.active + self.pending + self.failed


@dataclass(frozen=True, slots=True)
class StoreInventory:
    """All stores of the service.

    Attributes:
        service: ``embedded``, or the base URL.
        size: bytes of all stores.
        tier: the smallest tier whose projects may hold them all; empty for the embedded store, which has none.
        tier_size: bytes that a project of this tier may hold.
    """

    service: str
    stores: tuple[StoreEntry, ...]
    size: int = 0
    tier: str = ""
    tier_size: int = 0
    requests: int = 0


@dataclass(frozen=True, slots=True)
class StoreMade:
    """A store that was made, or would be in a dry run; then ``name`` is empty."""

    name: str
    display_name: str
    embedding_model: str
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class StoreDeletion:
    """A store that was deleted, or is to be.

    Attributes:
        documents: that were in it.
        own: those among them that the ledger at hand recorded.
        others: those of others, by whose they are: the folder of a library, the id of a ledger, ``another tool``.
        size: bytes, as for :class:`StoreEntry`.
        deleted: whether it is gone.
        put_aside: where the ledger of the library at hand is now, which recorded the documents of this store.
        libraries: folders of the other libraries whose store it was.
    """

    name: str
    display_name: str
    documents: int
    own: int
    others: Mapping[str, int] = field(default_factory=dict)
    size: int = 0
    deleted: bool = False
    put_aside: str = ""
    libraries: tuple[str, ...] = ()
    requests: int = 0

    @property
    def foreign(self) -> int:
        """Documents that are not of the library at hand."""
        return sum(self.others.values())


@dataclass(frozen=True, slots=True)
class AdoptionReport:
    """Documents of another tool that files took over, or would.

    Attributes:
        documents: searchable documents in the store that carry no mark of objlib.
        files: files on disk that have no document.
        adopted: files that have one of them now.
        by_content: pairs with the same bytes.
        by_name: pairs with the same name and size alone, for the user to look at.
        ambiguous: documents that fit several files, or files that several documents fit.
        unmatched: documents that fit no file.
    """

    store: str
    documents: int = 0
    files: int = 0
    adopted: int = 0
    by_content: tuple[Adoption, ...] = ()
    by_name: tuple[Adoption, ...] = ()
    ambiguous: tuple[str, ...] = ()
    unmatched: int = 0
    requests: int = 0
    dry_run: bool = False
