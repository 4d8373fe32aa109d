"""Everything that can be set, as one frozen value. How it is found is in :mod:`objlib.core.config.resolve`."""

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final

from objlib.core.config.ledger_url import LedgerUrl

CONFIG_NAME: Final = "objlib.toml"
"""Name of the configuration file that is looked for, going up from the working folder and from the library."""
GEMINI_URL: Final = "https://generativelanguage.googleapis.com"
DUMMY_KEY: Final = "objlib-local"
"""Sent to a ``--base-url`` when no key is set, so that a real key is never needed locally."""


class Backend(StrEnum):
    """Which service answers."""

    EMBEDDED = "embedded"
    GEMINI = "gemini"


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one command, after flags, environment, ``objlib.toml`` and defaults were merged.

    Attributes:
        library: the absolute root of the library on disk.
        library_given: whether the command line or the environment names the library.
        ledger_given: whether the command line names the ledger.
        library_id: the id of the library; empty until it is in the catalog.
        other_ledgers: ledgers of the library for other services.
        lost: whether the ledger that sent the library's documents is known, and is not there any more.
        catalog: the data folder whose catalog names the library; None for none.
        new: whether the user wants a new library or store, although it looks like one that is known.
        embedded: the embedded store's SQLite file (unused with another backend).
        store: the store's display name or resource name (``fileSearchStores/…``); never empty.
        store_given: whether the user named the store, as opposed to the default for the library.
        backend: the service that answers, already decided.
        base_url: root URL of the service; for the embedded backend it is never looked up.
        api_key: the key, hidden from repr; empty for the embedded backend.
        api_version: path prefix of the REST API.
        answer_url: root of the server whose model writes the answers; empty for the service's own model.
        answer_model: its name there; empty for the first that the server lists.
        answer_key: for that server alone, hidden from repr.
        config: the ``objlib.toml`` that was read, if any.
        missing_config: the one that the library was last used with, where it is gone and none stands in for it.
        patterns: path patterns that become metadata, first match wins.
        ignore: extra ignore rules in gitignore syntax.
        exclude: further ones, which are stronger than any other.
        include: rules of which each file has to fit one, where there are any.
        gitignore: whether the rules of git count too.
        follow_links: whether symbolic links out of the library are followed.
        max_uploads: upper bound on uploads in flight; the governor moves below it.
        max_pending: upper bound on files between claimed and indexed.
        pacing: name of the rate controller: ``measured`` or ``aimd``.
        settle_seconds: how long one document may take to become ACTIVE before it is left for recovery.
        embed_seconds: how long an upload may go on making vectors in the embedded store afterwards.
        log_file: gets what happens as JSON lines; None for none.
        embedder: folder of the model that the embedded store is to have, or ``default``; empty leaves it its own.
        reranker: folder of the cross-encoder that orders the first passages of a search; None for none.
        rerank_seconds: how long one search may take for that.
        prune_grace: how long a file must have been missing before its document may be removed.
        keep_history: how old the history of files must be before it may be removed.
    """

    library: Path
    ledger: Path | LedgerUrl
    embedded: Path
    store: str
    backend: Backend
    library_given: bool = field(default=True, compare=False)
    ledger_given: bool = field(default=False, compare=False)
    library_id: str = ""
    other_ledgers: tuple[Path, ...] = ()
    lost: bool = False
    catalog: Path | None = None
    new: bool = False
    store_given: bool = False
    base_url: str = GEMINI_URL
    api_key: str = field(default="", repr=False)
    api_version: str = "v1beta"
    model: str = "gemini-3.5-flash"
    answer_url: str = ""
    answer_model: str = ""
    answer_key: str = field(default="", repr=False)
    embedding_model: str = ""
    config: Path | None = None
    missing_config: Path | None = None
    patterns: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    gitignore: bool = False
    follow_links: bool = False
    max_uploads: int = 16
    max_pending: int = 48
    pacing: str = "measured"
    settle_seconds: float = 900.0
    embed_seconds: float = 120.0
    embedder: str = ""
    reranker: Path | None = None
    rerank_seconds: float = 1.0
    prune_grace: float = 3600.0
    keep_history: float = 90 * 86_400.0
    json: bool = False
    quiet: bool = False
    verbose: int = 0
    log_file: Path | None = None

    @property
    def ledger_file(self) -> Path:
        """The file of a ledger that is one."""
        assert isinstance(self.ledger, Path), "it is in a database"
        return self.ledger

    @property
    def service(self) -> str:
        """The service as ledger and catalog name it: ``embedded``, or the base URL."""
        return str(self.backend) if self.backend is Backend.EMBEDDED else self.base_url

    @property
    def may_be_served(self) -> bool:
        """Whether the service may be the store of another of the library's ledgers, behind a port."""
        served = self.backend is Backend.GEMINI and self.base_url != GEMINI_URL
        return served and bool(self.other_ledgers) and not self.ledger_given
