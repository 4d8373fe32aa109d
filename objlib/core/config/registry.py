"""Every setting there is: its names in each source, how its value is read, and what it is about."""

from dataclasses import dataclass
from typing import Final

from objlib.core.config.parsers import (
    Parser,
    backend,
    base_url,
    lines,
    model,
    path,
    patterns,
    seconds,
    store,
    switch,
    whole,
)


@dataclass(frozen=True, slots=True)
class Setting:
    """One thing that can be set.

    Attributes:
        name: the name of the field; the flag is ``--name`` with dashes, the variable ``OBJLIB_NAME``.
        parse: turns a value of any source into the one that is used; raises ValueError with what it expected.
        key: the key in ``objlib.toml``, dotted inside a table; None where it cannot be set there.
        flag: whether a command line flag exists.
        about: one line for the documentation.
    """

    name: str
    parse: Parser
    about: str
    key: str | None = None
    flag: bool = True

    @property
    def option(self) -> str:
        """The flag, such as ``--base-url``."""
        return "--" + self.name.replace("_", "-")

    @property
    def variable(self) -> str:
        """The environment variable, such as ``OBJLIB_BASE_URL``."""
        return "OBJLIB_" + self.name.upper()


SETTINGS: Final[tuple[Setting, ...]] = (
    Setting("library", path, "the folder of documents", key="library"),
    Setting("ledger", path, "the SQLite file that remembers what was sent", key="ledger"),
    Setting("store", store, "display name or resource name of the File Search store", key="store"),
    Setting("backend", backend, "auto, embedded or gemini", key="backend"),
    Setting("base_url", base_url, "root URL of a Gemini-compatible service", key="base_url"),
    Setting("config", path, "the objlib.toml to read instead of the one found upward"),
    Setting("embedded_store", path, "the SQLite file of the embedded store", key="embedded_store"),
    Setting("model", model, "the model that answers questions", key="model"),
    Setting("max_uploads", whole(1, 256), "uploads in flight at most", key="max_uploads"),
    Setting(
        "max_pending",
        whole(1, 10_000),
        "files sent but not yet indexed, at most",
        key="max_pending",
        flag=False,
    ),
    Setting(
        "settle_seconds",
        seconds(1, 86_400),
        "how long one document may take to be indexed",
        key="settle_seconds",
        flag=False,
    ),
    Setting(
        "embed_seconds",
        seconds(0, 86_400),
        "how long an upload may go on preparing search by meaning",
        key="embed_seconds",
    ),
    Setting(
        "prune_grace",
        seconds(0, 3.2e9),
        "how long a file must be gone before `sync --prune` removes its document",
        key="prune_grace",
    ),
    Setting("ignore", lines, "rules in gitignore syntax for files to leave out", key="ignore", flag=False),
    Setting(
        "follow_links",
        switch,
        "whether symbolic links to folders are followed",
        key="follow_links",
        flag=False,
    ),
    Setting(
        "metadata_patterns",
        patterns,
        "path patterns that become metadata, first match wins",
        key="metadata.patterns",
        flag=False,
    ),
    Setting("json", switch, "print JSON on stdout"),
    Setting("quiet", switch, "print errors only"),
    Setting("verbose", whole(0, 3), "log what happens to stderr"),
)
