"""The error envelope of Google's APIs, read leniently: gateways send HTML, empty or half-filled ones."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import msgspec

_MAX_ENVELOPE: Final = 1 << 20
"""An error body longer than this (bytes) is not an envelope."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """The parts of ``{"error": {"code", "message", "status", "details"}}`` that are there.

    Attributes:
        present: whether there was an envelope at all.
        alone: whether there was nothing beside it: operations and files have a member ``error`` too.
        code: HTTP status that it names, or 0.
        message: text, possibly empty.
        status: canonical name such as ``RESOURCE_EXHAUSTED``, or any other text.
        reasons: ``ErrorInfo.reason`` of the details.
        quota_ids: ``QuotaFailure.violations[].quotaId`` of the details.
        retry_delay: ``RetryInfo.retryDelay`` as it was given (a protobuf Duration), or None.
    """

    present: bool = False
    alone: bool = False
    code: int = 0
    message: str = ""
    status: str = ""
    reasons: tuple[str, ...] = ()
    quota_ids: tuple[str, ...] = ()
    retry_delay: str | dict[str, Any] | None = None


def read_envelope(body: bytes) -> Envelope:
    """The error envelope in ``body``; an empty one when there is none. Never raises."""
    body_object = _json_object(body)
    error = body_object.get("error")
    if isinstance(error, str):
        error = {"message": error}
    if not isinstance(error, dict):
        return Envelope()
    details = list(_items(error.get("details")))
    delays = [each.get("retryDelay") for each in details if isinstance(each.get("retryDelay"), str | dict)]
    violations = [violation for each in details for violation in _items(each.get("violations"))]
    code = error.get("code")
    return Envelope(
        present=True,
        alone=len(body_object) == 1,
        code=code if isinstance(code, int) and not isinstance(code, bool) else 0,
        message=_text(error.get("message")),
        status=_text(error.get("status")),
        reasons=tuple(_text(each.get("reason")) for each in details if each.get("reason")),
        quota_ids=tuple(_text(each.get("quotaId")) for each in violations if each.get("quotaId")),
        retry_delay=delays[0] if delays else None,
    )


def _json_object(body: bytes) -> dict[str, Any]:
    """The JSON object that ``body`` is; an empty one where it is none."""
    if len(body) > _MAX_ENVELOPE or b"error" not in body:
        return {}
    try:
        raw = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    if isinstance(raw, list) and raw:
        raw = raw[0]  # a stream asked for without alt=sse wraps its error in an array
    return raw if isinstance(raw, dict) else {}


def _items(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, list):
        yield from (each for each in value if isinstance(each, dict))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
