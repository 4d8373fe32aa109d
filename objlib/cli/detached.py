"""The command line that works with the same things from anywhere, for units and for the settings of other programs."""

import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Final

from objlib.cli.options import CommonOptions
from objlib.core.config.backend import api_key
from objlib.core.config.registry import SETTINGS
from objlib.core.config.settings import Backend, Settings
from objlib.core.detached import DetachedCommand
from objlib.core.errors import UsageError
from objlib.sources import LibraryNeed, load

_FIELDS: Final = {"embedded_store": "embedded", "metadata_patterns": "patterns"}
"""Fields of the settings that have another name than the setting."""
_OPTIONS: Final = {field.name for field in fields(CommonOptions)} - {"json", "quiet", "verbose"}
_NETWORK: Final = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR")
"""Variables that decide how a service is reached; proxies also in small letters."""
_FOLDERS: Final = ("XDG_DATA_HOME",)
"""Variables that decide where the catalog of libraries is."""


def detach(settings: Settings, command: str, *own: str) -> DetachedCommand:
    """The command with the settings of this call, however each of them was given.

    Paths, backend and service are arguments. Whatever else differs from what a bare environment and the same
    ``objlib.toml`` would give is an argument where every command has it, else a variable. A rule of the file stays
    the file's, so that a later edit of it counts.

    Args:
        settings: of this call.
        command: its name.
        own: its own arguments.

    Raises:
        UsageError: a value is no text, so that nothing can print it.
    """
    fixed = _fixed(settings)
    key = None if settings.backend is Backend.EMBEDDED else api_key(os.environ)
    bare = load(
        fixed | dict.fromkeys(["json", "quiet", "verbose"]),
        settings.config,
        place=LibraryNeed.NEW_DRY,
        new=True,
        environ={} if key is None else dict([key]),
    )
    variables, secrets = _environment(settings)
    words = [*program_words(), command]
    for name, value in fixed.items():
        words += [f"--{name.replace('_', '-')}", str(value)]
    for setting in SETTINGS:
        field_name = _FIELDS.get(setting.name, setting.name)
        value = getattr(settings, field_name)
        if setting.name in fixed or value == getattr(bare, field_name):
            continue
        if setting.name in _OPTIONS:
            words += _option(setting.option, value)
        else:
            variables[setting.variable] = _text(value)
    found = DetachedCommand([*words, *own], settings.library, variables, secrets + ([key[0]] if key else []))
    _require_text([*found.words, *variables.values()])
    return found


def program_words() -> list[str]:
    """The words that start this program from any folder."""
    script = Path(sys.argv[0]).absolute()  # not resolved: a link may be what stays
    path = shutil.which("objlib") or (str(script) if script.stem == "objlib" else "")
    return [str(Path(path).absolute())] if path else [sys.executable, "-m", "objlib"]


def _fixed(settings: Settings) -> dict[str, object]:
    """The options that say which library, ledger, store and service; each is named, however it was found."""
    fixed: dict[str, object] = {"library": settings.library, "ledger": settings.ledger}
    if settings.config is not None:
        fixed["config"] = settings.config.absolute()
    fixed["backend"] = str(settings.backend)
    if settings.backend is Backend.EMBEDDED:
        fixed["embedded_store"] = settings.embedded
    else:
        fixed["base_url"] = settings.base_url
    if settings.store_given:
        fixed["store"] = settings.store
    return fixed


def _environment(settings: Settings) -> tuple[dict[str, str], list[str]]:
    """Variables of this shell that are no settings of ours and decide something, and those that hold a password."""
    names: list[str] = list(_FOLDERS)
    if settings.backend is not Backend.EMBEDDED:
        names += [spelt for name in _NETWORK for spelt in (name, name.lower())]
    present = {name: os.environ[name] for name in names if os.environ.get(name)}
    secrets = [name for name, value in present.items() if "@" in value]
    return {name: value for name, value in present.items() if name not in secrets}, secrets


def _option(name: str, value: object) -> list[str]:
    if isinstance(value, bool):
        return [name if value else f"--no-{name[2:]}"]
    values: Sequence[object] = value if isinstance(value, tuple) else (value,)
    return [f"{name}={each}" for each in values]  # a rule may begin with a dash


def _text(value: object) -> str:
    """A value as its variable takes it."""
    match value:
        case bool():
            return "true" if value else "false"
        case tuple():
            return "\n".join(map(str, value))
        case float():
            return f"{value:g}" if value == float(f"{value:g}") else repr(value)
        case _:
            return str(value)


def _require_text(words: Sequence[str]) -> None:
    for word in words:
        try:
            word.encode()
        except UnicodeEncodeError:
            raise UsageError(
                f"{word!r} is no UTF-8, so no unit and no configuration can hold it; rename it"
            ) from None


def secrets_note(secrets: Sequence[str], place: str) -> str:
    """A line that says which variables to add by hand, and where; empty where there are none."""
    return f"add {' and '.join(secrets)} to {place}; it is not printed" if secrets else ""
