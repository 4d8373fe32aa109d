"""From flags, environment, ``objlib.toml`` and defaults to one :class:`~objlib.core.config.settings.Settings`.

Each setting has one parser for all of its sources (:mod:`objlib.core.config.registry`): a number is checked the same
way whether it was typed, exported or written in a file, and the message names where it came from.
Nothing here touches the disk; what has to be looked up is passed in (:class:`Places`, :class:`Config`).
"""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

from objlib.core.config.backend import Found, Source, choose
from objlib.core.config.default_paths import Places, default_files, default_store
from objlib.core.config.registry import SETTINGS, Setting
from objlib.core.config.settings import Settings
from objlib.core.errors import UsageError

_FIELDS: Final = frozenset(
    {
        "model",
        "ignore",
        "follow_links",
        "max_uploads",
        "max_pending",
        "settle_seconds",
        "embed_seconds",
        "prune_grace",
        "json",
        "quiet",
        "verbose",
    }
)
"""Settings that are fields of :class:`Settings` as they are; those not set keep its defaults."""
_MAX_PENDING: Final = next(field.default for field in fields(Settings) if field.name == "max_pending")

_BY_NAME: Final = {setting.name: setting for setting in SETTINGS}
_BY_KEY: Final = {setting.key: setting for setting in SETTINGS if setting.key is not None}


@dataclass(frozen=True, slots=True)
class Config:
    """A parsed ``objlib.toml``.

    Attributes:
        path: where it is; relative paths in it start from its folder.
        values: the TOML document.
    """

    path: Path
    values: Mapping[str, object]


def resolve(
    flags: Mapping[str, object], environ: Mapping[str, str], config: Config | None, places: Places
) -> Settings:
    """Merge every source into settings, decide on the backend, and fill in the defaults.

    Args:
        flags: values of the command line by setting name; None means "not given".
        environ: the environment.
        config: the configuration file, if one was found.
        places: folders that defaults depend on.

    Raises:
        UsageError: a value is not what its setting takes, an unknown key is in the file, the library is not
            known, or the chosen backend cannot be used. The message is one line and names the source.
    """
    found = _merge(flags, environ, config, places)

    def value(name: str, default: Any) -> Any:
        return found[name].value if name in found else default

    library: Path | None = value("library", places.fallback)
    if library is None:
        raise UsageError(
            "no library is set: name a folder (PATH or --library), "
            "or set OBJLIB_LIBRARY or `library` in objlib.toml"
        )
    library = places.real(library)
    _drop_what_belongs_to_another(found, config, library, places)
    ledger, embedded = default_files(library, places, value("ledger", None))
    embedded = value("embedded_store", embedded)
    if embedded == ledger:
        raise UsageError(f"the ledger and the embedded store cannot be the same file: {_shown(str(ledger))}")
    chosen, url, key = choose(found.get("backend"), found.get("base_url"), environ)
    own = {
        setting.name: found[setting.name].value
        for setting in SETTINGS
        if setting.name in _FIELDS & found.keys()
    }
    if "max_uploads" in own and "max_pending" not in own:
        own["max_pending"] = max(_MAX_PENDING, 3 * own["max_uploads"])
    return Settings(
        library=library,
        ledger=ledger,
        embedded=embedded,
        store=value("store", "") or default_store(library),
        store_given="store" in found,
        backend=chosen,
        base_url=url,
        api_key=key,
        config=config.path if config else None,
        patterns=value("metadata_patterns", ()),
        **own,
    )


def _drop_what_belongs_to_another(
    found: dict[str, Found], config: Config | None, library: Path, places: Places
) -> None:
    """A file's ledger and stores belong to the file's library; another folder gets places of its own.

    Otherwise ``objlib upload OTHER`` would take every file of the first library for deleted.
    """
    if config is None or "library" not in config.values:
        return
    own = _parse(_BY_NAME["library"], config.values["library"], "library", config.path.parent, places)
    if places.real(own) == library:
        return
    for name in ("ledger", "embedded_store", "store"):
        if name in found and found[name].source is Source.FILE:
            del found[name]


def unknown_variables(environ: Mapping[str, str]) -> list[tuple[str, str]]:
    """Variables that look like ours and are not, each with the closest real one (or an empty string)."""
    known = {setting.variable for setting in SETTINGS} | {"OBJLIB_DEBUG"}
    unknown = sorted(name for name in environ if name.startswith("OBJLIB_") and name not in known)
    return [(name, _closest(name, known)) for name in unknown]


def _merge(
    flags: Mapping[str, object], environ: Mapping[str, str], config: Config | None, places: Places
) -> dict[str, Found]:
    found: dict[str, Found] = {}
    if config is not None:
        for setting, raw in _file_values(config):
            where = f"{setting.key} in {config.path}"
            found[setting.name] = Found(
                _parse(setting, raw, where, config.path.parent, places), where, Source.FILE
            )
    for setting in SETTINGS:
        text = environ.get(setting.variable)
        if text:
            where = setting.variable
            found[setting.name] = Found(
                _parse(setting, text, where, places.cwd, places), where, Source.ENVIRONMENT
            )
        given = flags.get(setting.name)
        if given is not None:
            where = setting.option
            found[setting.name] = Found(_parse(setting, given, where, places.cwd, places), where, Source.FLAG)
    unknown = flags.keys() - _BY_NAME.keys()
    if unknown:
        raise ValueError(f"not settings: {sorted(unknown)}")
    return found


def _parse(setting: Setting, raw: object, where: str, base: Path, places: Places) -> Any:
    try:
        return setting.parse(raw, base, places.home)
    except UsageError as error:
        raise UsageError(f"{where}: {error}") from None
    except ValueError as error:
        shown = raw if len(str(raw)) <= 80 else str(raw)[:77] + "..."
        # A URL with a user in it may hold a password, which has no place in a log.
        instead = "" if "@" in str(raw) else f", not {shown!r}"
        raise UsageError(f"{where} must be {error}{instead}") from None


def _shown(name: str) -> str:
    """A name or a path in a message of one line, whatever is in it."""
    return name if name.isprintable() and name else repr(name)


def _file_values(config: Config) -> list[tuple[Setting, object]]:
    """The settings of a file, flattened; refuses keys that mean nothing and keys that must not be there."""
    flat: dict[str, object] = {}
    for name, raw in config.values.items():
        if isinstance(raw, Mapping) and any(key.startswith(name + ".") for key in _BY_KEY):
            flat.update({f"{name}.{inner}": below for inner, below in raw.items()})
        else:
            flat[name] = raw
    result = []
    for name, raw in flat.items():
        shown = _shown(name)
        if _names_a_key(name):
            raise UsageError(
                f"{config.path} holds {shown}: an API key does not belong in a file that is shared; "
                f"take it out and set GEMINI_API_KEY in the environment"
            )
        if name not in _BY_KEY:
            closest = _closest(name, set(_BY_KEY))
            hint = f"; did you mean {closest}?" if closest else f"; known keys: {', '.join(_BY_KEY)}"
            raise UsageError(f"unknown key {shown} in {config.path}{hint}")
        result.append((_BY_KEY[name], raw))
    return result


def _names_a_key(name: str) -> bool:
    plain = name.lower().replace("-", "").replace("_", "").rpartition(".")[2]
    return plain in {"key", "token", "secret"} or "apikey" in plain


def _closest(name: str, known: set[str]) -> str:
    return next(iter(difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.6)), "")
