"""Answers other than success: from any status and body to one error, by pure functions."""

import re
from collections.abc import Mapping
from typing import Final

from objlib.core.pacing.backoff import span
from objlib.gemini.envelope import Envelope, read_envelope
from objlib.gemini.errors import Call, ErrorKind, GeminiError
from objlib.gemini.redact import without_secrets
from objlib.gemini.retry import retry_after

_ADVICE: Final = {
    ErrorKind.AUTH: "check the API key (GEMINI_API_KEY) and what it may do",
    ErrorKind.STORE_FULL: (
        "make room (delete documents or stores) or have the limit raised, then run the same command again"
    ),
}
# python-genai issue 1658: ordinary small files are refused like this, and pass on the two-step path.
_COUNT_TOKENS: Final = "failed to count tokens"
_TERMINATED: Final = "upload has already been terminated"
_BAD_FIELD: Final = "* uploadtofilesearchstorerequest."
_STATUS: Final = re.compile(r"[A-Z_]{2,40}")
_KEY_REASONS: Final = frozenset({"API_KEY_INVALID", "API_KEY_SERVICE_BLOCKED", "API_KEY_EXPIRED"})
_KEY_WORDS: Final = ("api key not valid", "api key expired", "api key not found", "api_key_invalid")
_PLACE_WORDS: Final = "location is not supported"
_NOT_READY: Final = "not in an active state"
# python-genai issue 2037: a correct documents.list was refused like this for some days, then worked again.
_REGRESSION: Final = "document name must be of the format corpora/"


def classify(call: Call, status: int, headers: Mapping[str, str], body: bytes, *, now: float) -> GeminiError:
    """The error that an answer other than success is.

    Total: any status, headers and body give an error, never an exception of another type.

    Args:
        call: what was asked.
        status: HTTP status of the answer (200 when an error envelope came with it).
        headers: of the answer, with names in lower case.
        body: of the answer, as far as it was read.
        now: Unix time, to turn an HTTP date in ``Retry-After`` into seconds.
    """
    envelope = read_envelope(body)
    code = envelope.code if status < 400 and 400 <= envelope.code < 600 else status
    kind = _kind(call, code, envelope)
    pause = retry_after(headers, envelope, now) if code in {408, 429} or code >= 500 else None
    advice = _renewed(pause) if kind is ErrorKind.DAILY_QUOTA else _ADVICE.get(kind)
    reason = f"{call.what}: {_reason(code, envelope, headers, body)}"
    message = f"{reason.rstrip('.')}; {advice}" if advice else reason
    return GeminiError(
        message,
        kind=kind,
        status=code,
        retry_after=pause,
        fallback=code == 400
        and any(words in envelope.message.lower() for words in (_COUNT_TOKENS, _TERMINATED)),
        op=call.op,
    )


def _renewed(pause: float | None) -> str:
    """When to come back after a daily quota is used up.

    A wait of less than a minute is that of another quota, which was met as well. Source for the hour: Gemini API, "Rate
    limits": requests per day are counted anew at midnight Pacific time.
    """
    if pause is None or pause < 60:
        return "run the same command again after midnight Pacific time, when daily quotas are renewed"
    return f"run the same command again in {span(pause)}, when the daily quota is renewed"


def _kind(call: Call, code: int, envelope: Envelope) -> ErrorKind:
    if code == 429:
        return _throttled(envelope)
    if code < 400 or code in {408, 499} or code >= 500:
        return call.unanswered
    if _about_key(code, envelope):
        return ErrorKind.AUTH
    if call.session:
        return _session_kind(code, envelope)
    return _refused_kind(call, code, envelope)


def _throttled(envelope: Envelope) -> ErrorKind:
    """The three meanings of 429. A full store is never healed by waiting (python-genai issue 1774)."""
    message = envelope.message.lower()
    if "storage limit" in message or "storage quota" in message:
        return ErrorKind.STORE_FULL
    if "per day" in message or any("perday" in quota.lower() for quota in envelope.quota_ids):
        return ErrorKind.DAILY_QUOTA
    return ErrorKind.RATE_LIMIT


def _about_key(code: int, envelope: Envelope) -> bool:
    message = envelope.message.lower()
    return (
        bool(_KEY_REASONS.intersection(envelope.reasons))
        or any(words in message for words in _KEY_WORDS)
        or (code in {400, 403} and _PLACE_WORDS in message)
    )


def _session_kind(code: int, envelope: Envelope) -> ErrorKind:
    """Answers about an upload session: what google.api_core's resumable client resumes from, we query for."""
    message = envelope.message.lower()
    if code == 400 and (_COUNT_TOKENS in message or _BAD_FIELD in message):
        return (
            ErrorKind.PERMANENT
        )  # about the content, so it is a verdict and no disagreement about the offset
    match code:
        case 400 | 409 | 412 | 416:
            return ErrorKind.UNKNOWN
        case 401 | 403 | 404 | 410:
            # No key is sent on a session, so this is not about one: the session is not honoured any more.
            return ErrorKind.NOT_FOUND
        case _:
            return ErrorKind.PERMANENT


def _refused_kind(call: Call, code: int, envelope: Envelope) -> ErrorKind:
    message = envelope.message.lower()
    if code in {404, 410}:
        return ErrorKind.NOT_FOUND
    if code == 401:
        return ErrorKind.AUTH
    if code == 403:
        return ErrorKind.NOT_FOUND if call.file or "may not exist" in message else ErrorKind.AUTH
    if code == 409 and envelope.status != "ALREADY_EXISTS":
        return call.unanswered
    if code == 400 and (_NOT_READY in message or _REGRESSION in message):
        return ErrorKind.TRANSIENT
    return ErrorKind.PERMANENT


def _reason(code: int, envelope: Envelope, headers: Mapping[str, str], body: bytes) -> str:
    if envelope.message.strip():
        name = f" {without_secrets(envelope.status)}" if _STATUS.fullmatch(envelope.status) else ""
        return f"the service answered {code}{name}: {one_line(without_secrets(envelope.message))}"
    if 300 <= code < 400:
        return f"the service answered {code} and points elsewhere; check the base URL"
    start = body[:512].lstrip().lower()
    if "html" in headers.get("content-type", "").lower() or start.startswith((b"<!doctype", b"<html")):
        return f"the service answered {code} with an HTML page"
    if not body.strip():
        return f"the service answered {code} with an empty body"
    if envelope.present:
        return f"the service answered {code} without a message"
    # Cleaned before it is cut, or the first half of a secret could stay.
    text = without_secrets(body[:4096].decode("utf-8", "replace"))
    return f"the service answered {code}: {one_line(text[:2000])}"


def one_line(text: str, limit: int = 300) -> str:
    """``text`` as one printable line of at most ``limit`` characters."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"
