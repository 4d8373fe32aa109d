"""What the service saw: one record for each request, kept apart from everything the client believes."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from starlette.types import Scope

from objlib.core.ids import KEY_ATTEMPT, KEY_FILE, KEY_HASH

CHANGES: Final = frozenset({"start", "send", "import", "delete", "discard", "cancel"})
"""Kinds of requests that change something at the service."""
_COMMANDS: Final = {"start": "start", "query": "query", "cancel": "cancel"}
_SECRET: Final = re.compile(r"upload_id=[^&]+")


@dataclass(slots=True)
class Request:
    """One request as the service saw it.

    Attributes:
        moment: seconds on trio's clock when it arrived.
        number: how many there were before it.
        kind: what it is for, in the words of the client's own counters.
        client: who sent it; empty where there is only one.
        target: the path it names.
        marks: our marks (file id, attempt, SHA-256) of a request that carries metadata.
        action: what the script let happen, ``""`` for nothing special.
        acted: when the service acted on it (trio's clock); None if it never did.
        status: what the service answered when it acted; the client may have been told something else.
        document: resource name of the document that came of it, where one did.
    """

    moment: float
    number: int
    kind: str
    client: str
    target: str
    marks: dict[str, str] = field(default_factory=dict)
    action: str = ""
    acted: float | None = None
    status: int | None = None
    document: str | None = None

    def line(self) -> str:
        """For a person: one line."""
        what = [f"{self.moment:9.3f}", self.client or "-", self.kind, _short(self.target)]
        if self.action:
            what.append(f"[{self.action}]")
        if self.acted is None:
            what.append("did not act")
        elif self.acted > self.moment:
            what.append(f"acted at {self.acted:.3f}: {self.status}")
        else:
            what.append(str(self.status))
        if self.document:
            what.append(f"-> {_short(self.document)}")
        return " ".join(what)


def _short(name: str) -> str:
    return name.rpartition("/")[2]


def kind_of(scope: Scope) -> str:
    """What a request is for, in the words of the client's own counters."""
    path, method = scope["path"], scope["method"]
    command = dict(scope["headers"]).get(b"x-goog-upload-command", b"").decode()
    if command:
        return _COMMANDS.get(command, "send")
    if "/operations/" in path:
        return "operation"
    if path.endswith("/documents"):
        return "list"
    if "/documents/" in path:
        return "delete" if method == "DELETE" else "document"
    if ":importFile" in path:
        return "import"
    if "/files/" in path:
        return "discard" if method == "DELETE" else "file"
    return "ask" if ":generateContent" in path else "store"


def target_of(scope: Scope) -> str:
    """What a request is about: the resource in its path. The secret of an upload session is left out."""
    return str(scope["path"]).partition("/v1beta/")[2] or _SECRET.sub("", str(scope["path"]))


def tags_of(body: bytes) -> dict[str, str]:
    """Our marks among the custom metadata of a request; empty where there are none."""
    try:
        shape = json.loads(body)
        listed = shape.get("customMetadata") or shape.get("custom_metadata") or []
        pairs = {item["key"]: item.get("stringValue", "") for item in listed}
    except (ValueError, AttributeError, TypeError, KeyError):
        return {}
    return {key: pairs[key] for key in (KEY_FILE, KEY_ATTEMPT, KEY_HASH) if key in pairs}


def document_of(body: bytes) -> str | None:
    """The document that an answer to a finalized upload or an import names."""
    try:
        shape = json.loads(body)
        name = shape.get("response", {}).get("documentName")
    except (ValueError, AttributeError):
        return None
    return name if isinstance(name, str) else None


def lines(requests: Iterable[Request]) -> list[str]:
    """The history, a line each."""
    return [request.line() for request in requests]
