"""Selection of the backend: what ``--backend``, ``--base-url`` and the key mean in every combination."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

from objlib.core.config.parsers import is_loopback, is_ours_to_trust
from objlib.core.config.settings import DUMMY_KEY, GEMINI_URL, Backend
from objlib.core.errors import UsageError

KEY_VARIABLES: Final = ("GOOGLE_API_KEY", "GEMINI_API_KEY")
"""Variables that may hold the API key. The first one that is set wins, in the order of Google's own SDK."""


class Source(IntEnum):
    """Where a value comes from; the higher wins."""

    FILE = 1
    ENVIRONMENT = 2
    FLAG = 3


@dataclass(frozen=True, slots=True)
class SourcedValue:
    """A parsed value of a setting, and where it came from.

    Attributes:
        value: what the setting's parser made of it.
        where: the flag, the variable, or the key and its file, for messages.
        source: which of the three that is.
    """

    value: Any
    where: str
    source: Source


def api_key(environ: Mapping[str, str]) -> tuple[str, str] | None:
    """The API key in the environment as (variable, key), not yet checked; None when there is none."""
    for variable in KEY_VARIABLES:
        if environ.get(variable):
            return variable, environ[variable]
    return None


def select_backend(
    choice: SourcedValue | None, url: SourcedValue | None, environ: Mapping[str, str]
) -> tuple[Backend, str, str]:
    """Select the backend, and give its base URL and its key.

    ``auto`` is gemini if there is a key or a base URL, else embedded. A base URL without a key gets a fixed
    dummy key, and a key goes unencrypted to this machine only. A configuration file may come with foreign
    documents, so it cannot send the key to an address of its own choosing.

    Raises:
        UsageError: the combination cannot be, or the key would go where it should not.
    """
    key = api_key(environ)
    backend = choice.value if choice is not None else "auto"
    if backend == Backend.EMBEDDED:
        if choice is not None and url is not None and url.source >= choice.source:
            raise UsageError(
                f"{url.where} names a service, but {choice.where} says embedded, "
                "which is never called over a network; leave one of them out"
            )
        return Backend.EMBEDDED, GEMINI_URL, ""
    if backend == "auto" and key is None and url is None:
        return Backend.EMBEDDED, GEMINI_URL, ""
    if url is None:
        if key is None:
            assert choice is not None
            raise UsageError(
                f"{choice.where} says gemini, but there is no API key: set GEMINI_API_KEY "
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
    if url.source is Source.FILE and not is_loopback(url.value) and not is_ours_to_trust(url.value):
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
