"""The options that every command takes, as one dataclass that cyclopts flattens."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Group, Parameter

from objlib.core.errors import UsageError

COMMON = Group("Common options", sort_key=90)


def option(about: str, *, setting: str = "", **more: Any) -> Parameter:
    """A flag with its text for ``--help``, and the setting's name where a variable stands in for it."""
    text = f"{about} [env: OBJLIB_{setting.upper()}]" if setting else about
    return Parameter(help=text, **more)


def switch(about: str, **more: Any) -> Parameter:
    """A flag that is off unless it is given."""
    return Parameter(help=about, negative="", show_default=False, **more)


def dry(about: str) -> Parameter:
    """The flag ``--dry-run``."""
    return switch(about, name=("--dry-run", "-n"))


def common(about: str, *, setting: str, **more: Any) -> Parameter:
    """A flag of the common group."""
    return option(about, setting=setting, group=COMMON, **more)


@dataclass(frozen=True, kw_only=True)
class CommonOptions:
    """Options that every command takes; None means "not given", so that environment and file have their turn."""

    library: Annotated[
        tuple[Path, ...] | None,
        common(
            "Folder of documents; repeatable for search and ask",
            setting="library",
            metavar="PATH",
            negative="",
        ),
    ] = None
    ledger: Annotated[
        str | Path | None,
        common(
            "SQLite file, or postgresql:// URL, that remembers what was sent",
            setting="ledger",
            metavar="PATH",
        ),
    ] = None
    store: Annotated[str | None, common("Name of the File Search store", setting="store")] = None
    backend: Annotated[
        Literal["auto", "embedded", "gemini"] | None,
        common("auto: gemini if an API key is set, else embedded", setting="backend"),
    ] = None
    base_url: Annotated[
        str | None, common("Root URL of a Gemini-compatible service", setting="base_url", metavar="URL")
    ] = None
    embedded_store: Annotated[
        Path | None, common("SQLite file of the embedded store", setting="embedded_store")
    ] = None
    config: Annotated[
        Path | None, common("objlib.toml to read instead of the one found upward", setting="config")
    ] = None
    exclude: Annotated[
        tuple[str, ...] | None,
        common(
            "Leave out files and folders that fit (gitignore syntax); repeatable",
            setting="exclude",
            metavar="RULE",
            negative="",
        ),
    ] = None
    include: Annotated[
        tuple[str, ...] | None,
        common(
            "Take in only files that fit (gitignore syntax); repeatable",
            setting="include",
            metavar="RULE",
            negative="",
        ),
    ] = None
    gitignore: Annotated[bool | None, common("Leave out what .gitignore leaves out", setting="gitignore")] = (
        None
    )
    json: Annotated[bool | None, common("Print JSON on stdout", setting="json", name=("--json", "-j"))] = None
    quiet: Annotated[
        bool | None,
        common("Print what was asked for and errors only", setting="quiet", name=("--quiet", "-q")),
    ] = None
    verbose: Annotated[
        int | None,
        common(
            "Log what happens to stderr; twice for more",
            setting="verbose",
            name=("--verbose", "-v"),
            count=True,
        ),
    ] = None

    log_file: Annotated[
        Path | None,
        common("Also write what happens to this file, as JSON lines", setting="log_file", metavar="FILE"),
    ] = None

    @property
    def folder(self) -> Path | None:
        """The one library that is named.

        Raises:
            UsageError: several are named, and this command works with one.
        """
        if self.library is not None and len(self.library) > 1:
            names = " and ".join(map(str, self.library))
            raise UsageError(f"this command works with one library, not with {names}; name one")
        return self.library[0] if self.library else None

    def flags(self, **more: object) -> dict[str, object]:
        """The values by setting name, with those of one command's own options."""
        own = {name: getattr(self, name) for name in self.__dataclass_fields__} | {"library": self.folder}
        if own["verbose"] == 0:  # a counting option starts at 0, which is not "given"
            own["verbose"] = None
        return own | more


Common = Annotated[CommonOptions | None, Parameter(name="*")]
"""The parameter by which a command takes the common options."""

Embedder = Annotated[
    str | None,
    option(
        "Folder of the ONNX model that makes the vectors of the embedded store, or default",
        setting="embedder",
        metavar="PATH",
    ),
]
"""The model of vectors."""

Reranker = Annotated[
    Path | None,
    option(
        "Folder of an ONNX cross-encoder that orders the first passages of the embedded store",
        setting="reranker",
        metavar="PATH",
    ),
]
"""The model that orders passages anew."""

DryRun = Annotated[bool, dry("Only say what would be done to each path, and what it costs; leave no trace")]
"""Whether a command only says what it would do."""

EveryStep = Annotated[bool, switch("With --dry-run: list every path, not only the first", name="--all")]
"""Whether the plan of a dry run is printed whole."""

LibraryPath = Annotated[Path | None, option("The library; the same as --library")]
"""The library as a positional argument."""


def require_dry_run(dry_run: bool, every_step: bool) -> None:
    """Check that ``--all`` stands with ``--dry-run``.

    Raises:
        UsageError: it stands alone.
    """
    if every_step and not dry_run:
        raise UsageError("--all lists every path of a dry run; add --dry-run, or leave it out")
