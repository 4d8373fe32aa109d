"""Actions: the faults that a script can apply to a request.

An action fixes two things: the response that the client gets, and whether the service acted. Most faults of a
real service are a difference between the two.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Response:
    """A whole response of the service; header names are in lower case."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes


@dataclass(frozen=True, slots=True)
class Respond:
    """Send this response instead of the service's; with ``act`` the service acts as well."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[bytes, bytes], ...] = ()
    act: bool = False


@dataclass(frozen=True, slots=True)
class Refuse:
    """Refuse the connection: nothing is sent, and the client knows it."""


@dataclass(frozen=True, slots=True)
class Drop:
    """Break the connection after the request arrived; with ``act`` the service acted before."""

    act: bool = False


@dataclass(frozen=True, slots=True)
class ActLate:
    """Break the connection, and let the service act ``seconds`` later."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Delay:
    """Let the service act at once, and hold its response back for ``seconds``."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Alter:
    """Let the service act, and pass its response through ``change``; the history shows ``name``."""

    name: str
    change: Callable[[Response], Response] = field(compare=False)


Action = Respond | Refuse | Drop | ActLate | Delay | Alter
"""Every fault that a script can apply."""

Script = Callable[[str, int], Action | None]
"""Maps a request's kind, and its number among its kind, to an action; None lets it through."""


def refusal(
    code: int, status: str, message: str, details: list[dict[str, Any]] | None = None, *, act: bool = False
) -> Respond:
    """Build an error response as the service sends it (google.rpc.Status in JSON)."""
    error = {"code": code, "status": status, "message": message, "details": details or []}
    body = json.dumps({"error": error}).encode()
    return Respond(code, body, ((b"content-type", b"application/json"),), act)


def throttled(seconds: float) -> Respond:
    """Build a rate limit whose RetryInfo asks for a pause of ``seconds``."""
    details = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": f"{seconds}s"}]
    return refusal(429, "RESOURCE_EXHAUSTED", "You exceeded your current quota", details)


LOST: Final = Respond(503, b"", act=True)
"""The service acted, but a proxy answered in its place."""
DOWN: Final = Respond(503, b"<html>unavailable</html>")
"""The service did not act."""
EMPTY: Final = refusal(503, "UNAVAILABLE", "")
"""The service did not act, and its error has no message."""
INTERNAL: Final = refusal(500, "INTERNAL", "Internal error encountered.")
"""The service failed before it acted."""
INTERNAL_ACTED: Final = replace(INTERNAL, act=True)
"""The service failed after it acted."""
CAPTIVE_PORTAL: Final = Respond(
    200, b"<html>Log in to the network</html>", ((b"content-type", b"text/html"),)
)
"""A captive portal answered; the request never reached the service."""
DAILY_QUOTA: Final = refusal(429, "RESOURCE_EXHAUSTED", "You exceeded your quota: requests per day")
"""The quota of the day is used up."""
STORE_FULL: Final = refusal(
    429, "RESOURCE_EXHAUSTED", "Corpus has reached the storage limit of 1000000000 bytes."
)
"""The store takes no more until documents are deleted."""


def _cut(response: Response) -> Response:
    return replace(response, body=response.body[: len(response.body) // 2])


TRUNCATED: Final = Alter("truncated", _cut)
"""The service acted, and half of its response arrived."""


def _repeat(response: Response) -> Response:
    page = json.loads(response.body or b"{}")
    documents = page.get("documents", [])
    page["documents"] = [*documents[:1], *documents, *documents[-1:]]
    return replace(response, body=json.dumps(page).encode())


REPEATED: Final = Alter("repeated", _repeat)
"""A page of a listing names some documents twice."""


def never_done(response: Response) -> Response:
    """Change an operation into one that never ends; an error stays as it is."""
    if response.status != 200:
        return response
    name = json.loads(response.body).get("name", "")
    return replace(response, body=json.dumps({"name": name}).encode())


def in_state(state: str) -> Callable[[Response], Response]:
    """Build a change that gives each document of the response ``state`` (``STATE_FAILED``, …)."""

    def change(response: Response) -> Response:
        if response.status != 200:
            return response
        shape = json.loads(response.body)
        for document in shape.get("documents", [shape]):
            document["state"] = state
        return replace(response, body=json.dumps(shape).encode())

    return change
