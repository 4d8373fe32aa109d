"""From flags, environment, ``objlib.toml`` and defaults to one :class:`~objlib.core.config.settings.Settings`.

Each setting has one parser for all of its sources (:mod:`objlib.core.config.registry`): a number is checked the same
way whether it was typed, exported or written in a file, and the message names where it came from.
Nothing here touches the disk; what has to be looked up is passed in (:class:`Folders`, :class:`Config`).
"""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

from objlib.core.config.backend import Source, SourcedValue, select_backend
from objlib.core.config.default_paths import Folders, default_store
from objlib.core.config.libraries import select_files, select_library
from objlib.core.config.registry import SETTINGS, Setting
from objlib.core.config.settings import Backend, Settings
from objlib.core.errors import UsageError

_DEFAULTS: Final = {field.name: field.default for field in fields(Settings)}
"""The fields of :class:`Settings`, with their defaults."""
_BY_NAME: Final = {setting.name: setting for setting in SETTINGS}
_BY_KEY: Final = {setting.key: setting for setting in SETTINGS if setting.key is not None}


ANSWER_KEY: Final = "OBJLIB_ANSWER_KEY"
"""The variable with the key for the server of ``answer_url``."""
OTHER_VARIABLES: Final = frozenset(
    {ANSWER_KEY, "OBJLIB_DEBUG", "OBJLIB_MCP_TOKEN", "OBJLIB_METRICS_TOKEN", "OBJLIB_SERVE_KEY"}
)
"""Variables that are no settings: the key of a model's server, the tracebacks of a bug, and the tokens of the ports."""


@dataclass(frozen=True, slots=True)
class Config:
    """A parsed ``objlib.toml``.

    Attributes:
        path: where it is; relative paths in it start from its folder.
        values: the TOML document.
    """

    path: Path
    values: Mapping[str, object]


def locate(
    flags: Mapping[str, object], environ: Mapping[str, str], config: Config | None, folders: Folders
) -> Path:
    """The library that :func:`resolve` would take, as the real path of its root.

    Raises:
        UsageError: as there.
    """
    return select_library(_merge(flags, environ, config, folders), folders)


def resolve(
    flags: Mapping[str, object], environ: Mapping[str, str], config: Config | None, folders: Folders
) -> Settings:
    """Merge every source into settings, decide on the backend, and fill in the defaults.

    ``flags`` are the values of the command line by setting name; None means "not given".

    Raises:
        UsageError: a value is not what its setting takes, an unknown key is in the file, the library is not
            known, or the chosen backend cannot be used. The message is one line and names the source.
    """
    sourced = _merge(flags, environ, config, folders)

    def value(name: str, default: Any) -> Any:
        return sourced[name].value if name in sourced else default

    library = select_library(sourced, folders)
    _drop_paths_of_another_library(sourced, config, library, folders)
    backend, url, key = select_backend(sourced.get("backend"), sourced.get("base_url"), environ)
    files = select_files(library, url if backend is Backend.GEMINI else str(backend), sourced, folders)
    embedded = value("embedded_store", files.embedded)
    if embedded == files.ledger:
        raise UsageError(
            f"the ledger and the embedded store cannot be the same file: {_printable(str(embedded))}"
        )
    values = {name: each.value for name, each in sourced.items() if name in _DEFAULTS}
    if "max_uploads" in sourced and "max_pending" not in sourced:
        values["max_pending"] = max(_DEFAULTS["max_pending"], 3 * values["max_uploads"])
    values |= {
        "library": library,
        "library_given": "library" in sourced and sourced["library"].source is not Source.FILE,
        "ledger": files.ledger,
        "ledger_given": "ledger" in sourced and sourced["ledger"].source is Source.FLAG,
        "other_ledgers": files.others,
        "lost": files.lost,
        "embedded": embedded,
        "store": value("store", "") or files.store or default_store(library),
        "store_given": "store" in sourced,
        "backend": backend,
        "base_url": url,
        "api_key": key,
        "answer_key": environ.get(ANSWER_KEY, ""),
        "config": config.path if config else None,
        "patterns": value("metadata_patterns", ()),
    }
    return Settings(**values)


def _drop_paths_of_another_library(
    sourced: dict[str, SourcedValue], config: Config | None, library: Path, folders: Folders
) -> None:
    """Drop the file's ledger and stores where the library is not the file's: another folder has its own.

    Otherwise ``objlib upload OTHER`` would take every file of the first library for deleted.
    """
    if config is None or "library" not in config.values:
        return
    if names_library(config, library, folders):
        return
    for name in ("ledger", "embedded_store", "store"):
        if name in sourced and sourced[name].source is Source.FILE:
            del sourced[name]


def names_library(config: Config, library: Path, folders: Folders) -> bool:
    """Whether ``library`` in a file means the folder ``library``.

    Raises:
        UsageError: it is no path.
    """
    raw = config.values.get("library", "")
    named = _parse(_BY_NAME["library"], raw, f"library in {config.path}", config.path.parent, folders)
    return bool(folders.real(named) == library)


def unknown_variables(environ: Mapping[str, str]) -> list[tuple[str, str]]:
    """Variables that look like ours and are not, each with the closest real one (or an empty string)."""
    variables = {setting.variable for setting in SETTINGS} | OTHER_VARIABLES
    unknown = sorted(name for name in environ if name.startswith("OBJLIB_") and name not in variables)
    return [(name, _closest(name, variables)) for name in unknown]


def _merge(
    flags: Mapping[str, object], environ: Mapping[str, str], config: Config | None, folders: Folders
) -> dict[str, SourcedValue]:
    if unknown := flags.keys() - _BY_NAME.keys():
        raise ValueError(f"not settings: {sorted(unknown)}")
    merged: dict[str, SourcedValue] = {}

    def add(setting: Setting, raw: object, where: str, base: Path, source: Source) -> None:
        merged[setting.name] = SourcedValue(_parse(setting, raw, where, base, folders), where, source)

    if config is not None:
        for setting, raw in _file_values(config):
            add(setting, raw, f"{setting.key} in {config.path}", config.path.parent, Source.FILE)
    for setting in SETTINGS:
        if text := environ.get(setting.variable):
            add(setting, text, setting.variable, folders.cwd, Source.ENVIRONMENT)
        if (flag := flags.get(setting.name)) is not None:
            add(setting, flag, setting.option, folders.cwd, Source.FLAG)
    return merged


def _parse(setting: Setting, raw: object, where: str, base: Path, folders: Folders) -> Any:
    try:
        return setting.parse(raw, base, folders.home)
    except UsageError as error:
        raise UsageError(f"{where}: {error}") from None
    except ValueError as error:
        value = raw if len(str(raw)) <= 80 else str(raw)[:77] + "..."
        # A URL with a user in it may hold a password, which has no place in a log.
        contrast = "" if "@" in str(raw) else f", not {value!r}"
        raise UsageError(f"{where} must be {error}{contrast}") from None


def _printable(name: str) -> str:
    """A name or a path in a message of one line, whatever is in it."""
    return name if name.isprintable() and name else repr(name)


def _file_values(config: Config) -> list[tuple[Setting, object]]:
    """The settings of a file, flattened; refuses keys that mean nothing and keys that must not be there."""
    flat: dict[str, object] = {}
    for name, raw in config.values.items():
        if isinstance(raw, Mapping) and any(known.startswith(name + ".") for known in _BY_KEY):
            flat.update({f"{name}.{inner}": below for inner, below in raw.items()})
        else:
            flat[name] = raw
    result = []
    for name, raw in flat.items():
        key = _printable(name)
        if _names_a_key(name):
            raise UsageError(
                f"{config.path} holds {key}: an API key does not belong in a file that is shared; "
                f"take it out and set GEMINI_API_KEY in the environment"
            )
        if name not in _BY_KEY:
            closest = _closest(name, set(_BY_KEY))
            hint = f"; did you mean {closest}?" if closest else f"; known keys: {', '.join(_BY_KEY)}"
            raise UsageError(f"unknown key {key} in {config.path}{hint}")
        result.append((_BY_KEY[name], raw))
    return result


def _names_a_key(name: str) -> bool:
    plain = name.lower().replace("-", "").replace("_", "").rpartition(".")[2]
    return plain in {"key", "token", "secret"} or "apikey" in plain


def _closest(name: str, candidates: set[str]) -> str:
    return next(iter(difflib.get_close_matches(name, sorted(candidates), n=1, cutoff=0.6)), "")
