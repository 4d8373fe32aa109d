"""What a script may let happen to a request: the vocabulary of a misbehaving service.

An action says two things that must not be confused: what the client is told, and whether the service acted.
Most of what goes wrong in a real service is the difference between the two.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Response:
    """What the service answered, whole: status, headers (names in lower case) and body."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes


@dataclass(frozen=True, slots=True)
class Respond:
    """An answer of the script's own instead of the service's; with ``act`` the service acts all the same."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[bytes, bytes], ...] = ()
    act: bool = False


@dataclass(frozen=True, slots=True)
class Refuse:
    """No connection: nothing was sent, and the client knows it."""


@dataclass(frozen=True, slots=True)
class Drop:
    """The connection breaks after the request was taken; with ``act`` the service acted before that."""

    act: bool = False


@dataclass(frozen=True, slots=True)
class ActLate:
    """The connection breaks, and the service acts ``seconds`` after the client gave up."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Delay:
    """The service acts at once and answers after ``seconds``."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Alter:
    """The service acts, and its answer goes through ``change``. ``name`` is for the history."""

    name: str
    change: Callable[[Response], Response] = field(compare=False)


Action = Respond | Refuse | Drop | ActLate | Delay | Alter
"""Everything that can happen to a request other than to be answered as it should be."""

Script = Callable[[str, int], Action | None]
"""From the kind of request and how many of the kind there were before, to an action; None lets it through."""


def refusal(
    code: int, status: str, message: str, details: list[dict[str, Any]] | None = None, *, act: bool = False
) -> Respond:
    """An error envelope as the service sends it (google.rpc.Status in JSON)."""
    error = {"code": code, "status": status, "message": message, "details": details or []}
    body = json.dumps({"error": error}).encode()
    return Respond(code, body, ((b"content-type", b"application/json"),), act)


def throttled(seconds: float) -> Respond:
    """A rate limit that says in a RetryInfo when to come back."""
    details = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": f"{seconds}s"}]
    return refusal(429, "RESOURCE_EXHAUSTED", "You exceeded your current quota", details)


LOST: Final = Respond(503, b"", act=True)
"""The service acted, and something on the way answered in its place."""
DOWN: Final = Respond(503, b"<html>unavailable</html>")
"""The service did not act."""
EMPTY: Final = refusal(503, "UNAVAILABLE", "")
"""The service did not act and says nothing."""
INTERNAL: Final = refusal(500, "INTERNAL", "Internal error encountered.")
"""The service failed before it acted."""
INTERNAL_ACTED: Final = replace(INTERNAL, act=True)
"""The service failed after it acted."""
CAPTIVE_PORTAL: Final = Respond(
    200, b"<html>Log in to the network</html>", ((b"content-type", b"text/html"),)
)
"""A page of the network in place of the answer; the service never heard of the request."""
DAILY_QUOTA: Final = refusal(429, "RESOURCE_EXHAUSTED", "You exceeded your quota: requests per day")
"""Nothing more today."""
STORE_FULL: Final = refusal(
    429, "RESOURCE_EXHAUSTED", "Corpus has reached the storage limit of 1000000000 bytes."
)
"""Nothing more until documents are deleted."""


def _cut(answer: Response) -> Response:
    return replace(answer, body=answer.body[: len(answer.body) // 2])


TRUNCATED: Final = Alter("truncated", _cut)
"""The service acted, and half of its answer arrived."""


def _repeat(answer: Response) -> Response:
    page = json.loads(answer.body or b"{}")
    documents = page.get("documents", [])
    page["documents"] = [*documents[:1], *documents, *documents[-1:]]
    return replace(answer, body=json.dumps(page).encode())


REPEATED: Final = Alter("repeated", _repeat)
"""A page of a listing that names some documents twice."""


def never_done(answer: Response) -> Response:
    """The operation as one that goes on for ever; an error is left as it is."""
    if answer.status != 200:
        return answer
    name = json.loads(answer.body).get("name", "")
    return replace(answer, body=json.dumps({"name": name}).encode())


def in_state(state: str) -> Callable[[Response], Response]:
    """A change that says ``state`` (``STATE_FAILED``, …) of any document in the answer."""

    def change(answer: Response) -> Response:
        if answer.status != 200:
            return answer
        shape = json.loads(answer.body)
        for document in shape.get("documents", [shape]):
            document["state"] = state
        return replace(answer, body=json.dumps(shape).encode())

    return change
