"""From flags, environment, ``objlib.toml`` and defaults to one :class:`~objlib.core.settings.Settings`.

Every setting is one row of :data:`SETTINGS`, with one parser for all of its sources: a number is checked the
same way whether it was typed, exported or written in a file, and the message names where it came from.
Nothing here touches the disk; what has to be looked up is passed in (:class:`Places`, :class:`Config`).
"""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

from objlib.core.errors import UsageError
from objlib.core.parsers import (
    Parser,
    backend,
    base_url,
    is_loopback,
    is_ours_to_trust,
    lines,
    model,
    path,
    seconds,
    store,
    switch,
    whole,
)
from objlib.core.places import Places, default_files, default_store
from objlib.core.settings import DUMMY_KEY, GEMINI_URL, Backend, Settings

KEY_VARIABLES: Final = ("GOOGLE_API_KEY", "GEMINI_API_KEY")
"""Variables that hold the API key, the winner first: the order of Google's own SDK."""

AUTO: Final = "auto"


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
        lines,
        "path patterns that become metadata, first match wins",
        key="metadata.patterns",
        flag=False,
    ),
    Setting("json", switch, "print JSON on stdout"),
    Setting("quiet", switch, "print errors only"),
    Setting("verbose", whole(0, 3), "log what happens to stderr"),
)

_FIELDS: Final = frozenset(
    {
        "model",
        "ignore",
        "follow_links",
        "max_uploads",
        "max_pending",
        "settle_seconds",
        "embed_seconds",
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


@dataclass(frozen=True, slots=True)
class _Found:
    """A value, parsed, and where it came from."""

    value: Any
    where: str
    rank: int


_FLAG, _ENVIRONMENT, _FILE = range(3)


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
    ledger, embedded = default_files(library, places, value("ledger", None))
    embedded = value("embedded_store", embedded)
    if embedded == ledger:
        raise UsageError(f"the ledger and the embedded store cannot be the same file: {ledger}")
    chosen, url, key = _service(found, environ)
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


def api_key(environ: Mapping[str, str]) -> tuple[str, str] | None:
    """The API key in the environment as (variable, key), not yet checked; None when there is none."""
    for variable in KEY_VARIABLES:
        if environ.get(variable):
            return variable, environ[variable]
    return None


def unknown_variables(environ: Mapping[str, str]) -> list[tuple[str, str]]:
    """Variables that look like ours and are not, each with the closest real one (or an empty string)."""
    known = {setting.variable for setting in SETTINGS} | {"OBJLIB_DEBUG"}
    unknown = sorted(name for name in environ if name.startswith("OBJLIB_") and name not in known)
    return [(name, _closest(name, known)) for name in unknown]


def _merge(
    flags: Mapping[str, object], environ: Mapping[str, str], config: Config | None, places: Places
) -> dict[str, _Found]:
    found: dict[str, _Found] = {}
    if config is not None:
        for setting, raw in _file_values(config):
            where = f"{setting.key} in {config.path}"
            found[setting.name] = _Found(
                _parse(setting, raw, where, config.path.parent, places), where, _FILE
            )
    for setting in SETTINGS:
        text = environ.get(setting.variable)
        if text:
            where = setting.variable
            found[setting.name] = _Found(
                _parse(setting, text, where, places.cwd, places), where, _ENVIRONMENT
            )
        given = flags.get(setting.name)
        if given is not None:
            where = setting.option
            found[setting.name] = _Found(_parse(setting, given, where, places.cwd, places), where, _FLAG)
    unknown = flags.keys() - _BY_NAME.keys()
    if unknown:
        raise ValueError(f"not settings: {sorted(unknown)}")
    return found


def _parse(setting: Setting, raw: object, where: str, base: Path, places: Places) -> Any:
    try:
        return setting.parse(raw, base, places.home)
    except ValueError as error:
        shown = raw if len(str(raw)) <= 80 else str(raw)[:77] + "..."
        # A URL with a user in it may hold a password, which has no place in a log.
        instead = "" if "@" in str(raw) else f", not {shown!r}"
        raise UsageError(f"{where} must be {error}{instead}") from None


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
        shown = name if name.isprintable() and name else repr(name)
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


def _service(found: Mapping[str, _Found], environ: Mapping[str, str]) -> tuple[Backend, str, str]:
    """Backend, base URL and key: design section 8."""
    wanted = found.get("backend")
    url = found.get("base_url")
    key = api_key(environ)
    named = wanted.value if wanted is not None else AUTO
    if named == Backend.EMBEDDED:
        if wanted is not None and url is not None and wanted.rank == url.rank:
            raise UsageError(
                f"{url.where} names a service, but {wanted.where} says embedded, "
                "which is never called over a network; leave one of them out"
            )
        return Backend.EMBEDDED, GEMINI_URL, ""
    if named == AUTO and key is None and url is None:
        return Backend.EMBEDDED, GEMINI_URL, ""
    if url is None:
        if key is None:
            assert wanted is not None
            raise UsageError(
                f"{wanted.where} says gemini, but there is no API key: set GEMINI_API_KEY "
                "(from https://aistudio.google.com/apikey), or leave the backend on auto to work offline"
            )
        return Backend.GEMINI, GEMINI_URL, _checked_key(*key)
    if key is None:
        return Backend.GEMINI, url.value, DUMMY_KEY
    if url.value.startswith("http:") and not is_loopback(url.value):
        raise UsageError(
            f"{url.where} would send the key in {key[0]} unencrypted to {url.value}: "
            f"use https, or unset {key[0]} if that service needs no key"
        )
    if url.rank == _FILE and not is_loopback(url.value) and not is_ours_to_trust(url.value):
        raise UsageError(
            f"{url.where} would send the key in {key[0]} to {url.value}: if you trust it, "
            f"say so with --base-url or OBJLIB_BASE_URL, else unset {key[0]}"
        )
    return Backend.GEMINI, url.value, _checked_key(*key)


def _checked_key(variable: str, key: str) -> str:
    """The key, if it can be one at all. Its text never gets into a message.

    Raises:
        UsageError: it holds characters that no header may carry, usually a slip while copying.
    """
    if not key.isascii() or any(not char.isprintable() or char.isspace() for char in key):
        raise UsageError(
            f"{variable} does not look like an API key (it holds spaces, line breaks or special characters): "
            "copy it again"
        )
    return key
