"""Keeps keys and session addresses out of messages and logs.

httpcore, which carries the requests that go through a proxy, logs every URL and every header at DEBUG. The session
address of a resumable upload stands there in full, and a reader of that address can write into the store. So filters on
its loggers take it out before any handler sees the record.
"""

import logging
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

HIDDEN: Final = "…"
SHORTEST_SECRET: Final = 6
"""Characters of a secret at least; a shorter key is part of many words: ``x`` would be blanked in "exceeded"."""
_SECRETS: Final[ContextVar[tuple[str, ...]]] = ContextVar("secrets", default=())
_QUERY: Final = re.compile(r"(https?://[^\s'\"<>?\\]+)\?[^\s'\"<>\\]*")
_SESSION_HEADER: Final = re.compile(
    r"(x-goog-upload-(?:control-)?url|x-goog-api-key)(?P<gap>\W{1,6}?b?['\"]?)[^\s'\",)\]]+", re.IGNORECASE
)
_SESSION_PARAMETER: Final = re.compile(r"(upload_id)([=:%\s'\"]{1,6})[^\s&'\"<>,]+", re.IGNORECASE)
_LOGGERS: Final = (
    "httpcore.connection",
    "httpcore.http11",
    "httpcore.http2",
    "httpcore.proxy",
    "httpcore.socks",
)


@contextmanager
def redacting(*secrets: str) -> Iterator[None]:
    """While the block runs, this task's messages and logs are cleaned of ``secrets``."""
    token = _SECRETS.set((*_SECRETS.get(), *secrets))
    try:
        yield
    finally:
        _SECRETS.reset(token)


def without_secrets(text: str, secrets: Iterable[str] = ()) -> str:
    """``text`` without the given secrets and those of :func:`redacting`, any URL's query, and any upload id."""
    long_enough = (secret for secret in (*secrets, *_SECRETS.get()) if len(secret) >= SHORTEST_SECRET)
    spellings = {spelling for secret in long_enough for spelling in _spellings(secret)}
    for spelling in sorted(spellings, key=len, reverse=True):
        text = text.replace(spelling, HIDDEN)
    text = _QUERY.sub(rf"\1?{HIDDEN}", text)
    text = _SESSION_HEADER.sub(rf"\1\g<gap>{HIDDEN}", text)
    return _SESSION_PARAMETER.sub(rf"\1\2{HIDDEN}", text)


def _spellings(secret: str) -> set[str]:
    """Every spelling of ``secret`` to look for; of an address also its query and long query values."""
    spellings = {
        secret,
        secret.replace("/", "\\/"),
        secret.replace("&", "&amp;"),
        secret.replace("&", "\\u0026"),
    }
    if "://" in secret:
        address = urlsplit(secret)
        query = address.query
        values = {value for _, value in parse_qsl(query, keep_blank_values=True)}
        raw = {pair.partition("=")[2] for pair in query.split("&")}
        path = address.path.strip("/")
        spellings |= {path, path.rpartition("/")[2], query, unquote(query)} | {
            value for value in values | raw if len(value) >= 8
        }
    return spellings - {""}


class _Redact(logging.Filter):
    """Rewrites a record's text; never drops it."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Replace the message by one without secrets; always let it through."""
        try:
            text = record.getMessage()
        except (TypeError, ValueError):
            return True  # a malformed record: the handler reports it, and it holds no formatted address
        record.msg, record.args = without_secrets(text), None
        return True


_FILTER: Final = _Redact()


def quieten() -> None:
    """Put the filter on every logger of the HTTP libraries; may be called again."""
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(_FILTER)
