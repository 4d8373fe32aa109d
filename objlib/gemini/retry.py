"""How long the service asks to wait, in any of the three places where it may say so."""

import math
import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any, Final

from objlib.gemini.envelope import Envelope

LONGEST_WAIT: Final = 86_400.0
"""Seconds; a longer wait is cut to this, since quotas are renewed daily."""
_DURATION: Final = re.compile(r"(\d{1,12}(?:\.\d{1,9})?)s")
_RETRY_IN: Final = re.compile(r"retry in (\d{1,12}(?:\.\d{1,20})?)\s?(ms|s)\b", re.IGNORECASE)


def retry_after(headers: Mapping[str, str], envelope: Envelope, now: float) -> float | None:
    """Seconds to wait, at least 0 and at most :data:`LONGEST_WAIT`; None where the answer does not say.

    Looks at ``RetryInfo.retryDelay`` (a protobuf Duration, possibly fractional), then at the ``Retry-After``
    header (seconds or an HTTP date, RFC 9110 section 10.2.3), then for "retry in 28.3s" in the message.

    An HTTP date is compared with the answer's own ``Date``, or with ``now`` (Unix time) where it has none.
    """
    for seconds in (_duration(envelope.retry_delay), _header(headers, now), _sentence(envelope.message)):
        if seconds is not None:
            return min(max(seconds, 0.0), LONGEST_WAIT)
    return None


def _duration(value: str | dict[str, Any] | None) -> float | None:
    if isinstance(value, str):
        match = _DURATION.fullmatch(value.strip())
        return float(match[1]) if match else None
    if value is None:
        return None
    try:
        seconds = float(value.get("seconds", 0)) + float(value.get("nanos", 0)) / 1e9
    except (TypeError, ValueError, OverflowError):
        return None
    return seconds if math.isfinite(seconds) else None


def _header(headers: Mapping[str, str], now: float) -> float | None:
    value = headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d{1,12}(?:\.\d{1,9})?", value, re.ASCII):
        return float(value)
    then = _date(value)
    if then is None:
        return None
    # The service's own clock, where it tells it: ours may be wrong.
    served = _date(headers.get("date", ""))
    return then - (now if served is None else served)


def _date(value: str) -> float | None:
    try:
        return parsedate_to_datetime(value).timestamp() if value else None
    except (ValueError, OverflowError, TypeError, IndexError):
        return None


def _sentence(message: str) -> float | None:
    match = _RETRY_IN.search(message)
    if not match:
        return None
    return float(match[1]) / (1000 if match[2].lower() == "ms" else 1)
