"""Parsers of single settings: any source's value in, the value that is used out.

Each takes ``(raw, base, home)``: what was given (text from the environment, a TOML value, or what the command
line made of a flag), the folder that a relative path starts from, and the home folder. Each raises ValueError
with a phrase that completes "X must be …".
"""

import re
from collections.abc import Callable
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import SplitResult, urlsplit

from objlib.core.config.ledger_url import LedgerUrl, is_ledger_url
from objlib.core.library.paths import valid_text
from objlib.core.library.patterns import parse_patterns
from objlib.core.limits import MAX_DISPLAY_NAME

Parser = Callable[[object, Path, Path], Any]

_TRUE: Final = frozenset({"1", "true", "yes", "on"})
_FALSE: Final = frozenset({"0", "false", "no", "off"})

_UNITS: Final = {"w": 604_800, "d": 86_400, "h": 3600, "m": 60, "s": 1}
"""Seconds of each unit of a duration."""
_PART: Final = re.compile(r"(\d{1,12}(?:\.\d{1,9})?)\s*([wdhms])", re.ASCII)
_DURATION: Final = re.compile(rf"(?:{_PART.pattern}\s*)+", re.ASCII)


def path(raw: object, base: Path, home: Path) -> Path:
    """An absolute path; ``~`` is the home folder, and ``..`` stays as it is for the system to follow."""
    if not isinstance(raw, str | Path) or not str(raw) or "\0" in str(raw):
        raise ValueError("a path")
    text = str(raw)
    if text == "~" or text.startswith("~/"):
        return home / text[2:]
    return base / text


def model_folder(raw: object, base: Path, home: Path) -> str:
    """The absolute path of a model's folder, or ``default``, which stands for the model that ships."""
    return "default" if raw in ("default", Path("default")) else str(path(raw, base, home))


def ledger_place(raw: object, base: Path, home: Path) -> Path | LedgerUrl:
    """A path, or the URL of a ledger in a PostgreSQL database."""
    if isinstance(raw, LedgerUrl):
        return raw
    if isinstance(raw, str) and is_ledger_url(raw):
        return LedgerUrl.parse(raw)
    return path(raw, base, home)


def switch(raw: object, _base: Path, _home: Path) -> bool:
    """A yes or no: a boolean, or one of 1/0, true/false, yes/no, on/off."""
    if isinstance(raw, bool):
        return raw
    if isinstance(raw, str) and raw.strip().lower() in _TRUE | _FALSE:
        return stands_for_yes(raw)
    raise ValueError("true or false")


def stands_for_yes(text: str) -> bool:
    """Whether a text switches something on."""
    return text.strip().lower() in _TRUE


def whole(low: int, high: int) -> Parser:
    """A parser of whole numbers from ``low`` to ``high``."""
    return _number(int, low, high, f"a whole number from {low} to {high}")


def seconds(low: float, high: float) -> Parser:
    """A parser of durations from ``low`` to ``high`` seconds: a number of them, or a text such as ``1h30m``."""
    day = _UNITS["d"]
    most = f"{high:g} seconds" if high < day else f"{high / day:g} days" if high > day else "1 day"
    expected = f"a time such as 90, 15m, 1h30m or 7d, from {low:g} seconds to {most}"
    number = _number(float, low, high, expected)

    def parse(raw: object, base: Path, home: Path) -> float:
        text = raw.strip().lower() if isinstance(raw, str) else ""
        if text and _DURATION.fullmatch(text):
            raw = sum(float(count) * _UNITS[unit] for count, unit in _PART.findall(text))
        return cast("float", number(raw, base, home))

    return parse


def _number(kind: type[int | float], low: float, high: float, expected: str) -> Parser:
    def parse(raw: object, _base: Path, _home: Path) -> float:
        # A fraction is no whole number, and true is none either, though Python counts with it.
        if isinstance(raw, (str, int, kind)) and not isinstance(raw, bool):
            with suppress(ValueError, OverflowError):
                if low <= (number := kind(raw)) <= high:
                    return number
        raise ValueError(expected)

    return parse


def lines(raw: object, _base: Path, _home: Path) -> tuple[str, ...]:
    """Several texts: a TOML array of strings, or one text with a line each."""
    items = raw.splitlines() if isinstance(raw, str) else raw
    if not isinstance(items, list | tuple) or not all(isinstance(item, str) for item in items):
        raise ValueError("a list of texts")
    if any(
        valid_text(item) != item for item in items
    ):  # a rule that means nothing would send what it is to hide
        raise ValueError("a list of texts in UTF-8")
    return tuple(item for item in items if item.strip())


def patterns(raw: object, base: Path, home: Path) -> tuple[str, ...]:
    """Path patterns, each a text that :func:`~objlib.core.library.patterns.parse_pattern` understands.

    Raises:
        UsageError: one is malformed; the message quotes it.
    """
    texts = lines(raw, base, home)
    parse_patterns(texts)
    return texts


def backend(raw: object, _base: Path, _home: Path) -> str:
    """``auto``, ``embedded`` or ``gemini``."""
    text = str(raw).strip().lower()
    if text not in {"auto", "embedded", "gemini"}:
        raise ValueError("auto, embedded or gemini")
    return text


def pacing(raw: object, _base: Path, _home: Path) -> str:
    """``measured`` or ``aimd``."""
    text = str(raw).strip().lower()
    if text not in {"measured", "aimd"}:
        raise ValueError("measured or aimd")
    return text


def store(raw: object, _base: Path, _home: Path) -> str:
    """A display name, or a resource name ``fileSearchStores/<id>``."""
    text = raw.strip() if isinstance(raw, str) else ""
    if not text or len(text) > MAX_DISPLAY_NAME or not text.isprintable():
        raise ValueError(f"a store name of 1 to {MAX_DISPLAY_NAME} printable characters")
    if text.startswith("fileSearchStores/") and not re.fullmatch(r"fileSearchStores/[A-Za-z0-9_-]+", text):
        raise ValueError("a display name or fileSearchStores/<id>")
    return text


def model(raw: object, _base: Path, _home: Path) -> str:
    """A model's name, with or without the prefix ``models/``."""
    text = raw.strip().removeprefix("models/") if isinstance(raw, str) else ""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", text):
        raise ValueError("a model name such as gemini-3.5-flash")
    return text


def served_model(raw: object, _base: Path, _home: Path) -> str:
    """A model's name on a server of the user, such as ``llama3.2:3b`` or ``qwen/qwen3-8b``."""
    text = raw.strip() if isinstance(raw, str) else ""
    if not text.isprintable() or not text or " " in text:
        raise ValueError("a model name such as llama3.2:3b")
    return text


def base_url(raw: object, _base: Path, _home: Path) -> str:
    """The root URL of a service, without a slash at its end."""
    parts = http_url(raw.strip() if isinstance(raw, str) else "")
    if parts is None:
        raise ValueError("a URL such as http://127.0.0.1:8765")
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        raise ValueError("a plain URL without user, password, query or fragment")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


def is_loopback(url: str) -> bool:
    """Whether a URL's host is this machine, by its name or address alone (nothing is looked up)."""
    return is_loopback_host(urlsplit(url).hostname or "")


def is_loopback_host(host: str) -> bool:
    """Whether a host name or address means this machine."""
    name = host.strip("[]").rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):  # RFC 6761, section 6.3
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False


def is_ours_to_trust(url: str) -> bool:
    """Whether a URL belongs to the service that issued the key."""
    parts = urlsplit(url)
    return parts.scheme == "https" and (parts.hostname or "").endswith(".googleapis.com")


def http_url(text: str) -> SplitResult | None:
    """The parts of an absolute http(s) address; None when it is none.

    Parsers disagree about blanks, backslashes and non-ASCII hosts, and no service needs them.
    """
    if len(text) > 8192 or not all("!" <= char <= "~" for char in text) or "\\" in text:
        return None
    try:
        parts = urlsplit(text)
        valid = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return None
    return parts if valid else None
