"""Every setting there is: its names in each source, how its value is read, and what it means."""

from dataclasses import dataclass
from typing import Final

from objlib.core.config.parsers import (
    Parser,
    backend,
    base_url,
    ledger_place,
    lines,
    model,
    model_folder,
    pacing,
    path,
    patterns,
    seconds,
    served_model,
    store,
    switch,
    whole,
)

DAY: Final = 86_400
"""Seconds."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One thing that can be set.

    Attributes:
        name: its name; the flag is ``--name`` with dashes, the variable ``OBJLIB_NAME``.
        parse: turns a value of any source into the one that is used; raises ValueError with what it expected.
        about: one line for the documentation.
        flag: whether a command line flag exists.
        in_file: whether it can be set in ``objlib.toml``.
        table: the table of the file that it is in; the first word of its name then.
    """

    name: str
    parse: Parser
    about: str
    flag: bool = True
    in_file: bool = True
    table: str = ""

    @property
    def option(self) -> str:
        """The flag, such as ``--base-url``."""
        return "--" + self.name.replace("_", "-")

    @property
    def variable(self) -> str:
        """The environment variable, such as ``OBJLIB_BASE_URL``."""
        return "OBJLIB_" + self.name.upper()

    @property
    def key(self) -> str | None:
        """The key in ``objlib.toml``, such as ``metadata.patterns``; None where it cannot be set there."""
        if not self.in_file:
            return None
        return f"{self.table}.{self.name.removeprefix(self.table + '_')}" if self.table else self.name


SETTINGS: Final[tuple[Setting, ...]] = (
    Setting("library", path, "the folder of documents"),
    Setting(
        "ledger", ledger_place, "the SQLite file, or the postgresql:// URL, that remembers what was sent"
    ),
    Setting("store", store, "display name or resource name of the File Search store"),
    Setting("backend", backend, "auto, embedded or gemini"),
    Setting("base_url", base_url, "root URL of a Gemini-compatible service"),
    Setting("config", path, "the objlib.toml to read instead of the one found upward", in_file=False),
    Setting("embedded_store", path, "the SQLite file of the embedded store"),
    Setting("model", model, "the model that answers questions"),
    # Not in a file: one that came with documents of another author would send passages to their address.
    Setting(
        "answer_url",
        base_url,
        "chat completions server of a model that writes the answers, /v1 included",
        in_file=False,
    ),
    Setting(
        "answer_model",
        served_model,
        "the model there; without it the first that the server has",
        in_file=False,
    ),
    Setting(
        "embedding_model", model, "the embedding model of a store that is made; the second takes pictures"
    ),
    Setting("max_uploads", whole(1, 256), "uploads in flight at most"),
    Setting("max_pending", whole(1, 10_000), "files sent but not yet indexed, at most", flag=False),
    Setting("pacing", pacing, "how requests are paced: measured, or aimd, a simpler rule", flag=False),
    Setting("settle_seconds", seconds(1, DAY), "how long one document may take to be indexed", flag=False),
    Setting("embed_seconds", seconds(0, DAY), "how long an upload may go on preparing search by meaning"),
    Setting(
        "embedder",
        model_folder,
        "folder of the ONNX model that makes the vectors of the embedded store, or default",
    ),
    Setting("reranker", path, "folder of an ONNX cross-encoder that orders the first passages of a search"),
    Setting("rerank_seconds", seconds(0, DAY), "how long one search may be reranked", flag=False),
    Setting(
        "prune_grace",
        seconds(0, 36_500 * DAY),
        "how long a file must be gone before `sync --prune` removes its document",
    ),
    Setting(
        "keep_history",
        seconds(0, 36_500 * DAY),
        "how old the history of files must be before `ledger compact` removes it",
    ),
    Setting("ignore", lines, "rules in gitignore syntax for files to leave out", flag=False),
    Setting("exclude", lines, "further such rules, which no other rule overrules", in_file=False),
    Setting("include", lines, "rules in gitignore syntax of which each file has to fit one"),
    Setting("gitignore", switch, "whether what .gitignore leaves out is left out too"),
    Setting("follow_links", switch, "whether symbolic links out of the library are followed", flag=False),
    Setting(
        "metadata_patterns",
        patterns,
        "path patterns that become metadata, first match wins",
        flag=False,
        table="metadata",
    ),
    Setting("json", switch, "print JSON on stdout", in_file=False),
    Setting("quiet", switch, "print errors only", in_file=False),
    Setting("verbose", whole(0, 3), "log what happens to stderr", in_file=False),
    Setting("log_file", path, "a file that gets what happens as JSON lines", in_file=False),
)
"""Every setting, in the order of the documentation."""
