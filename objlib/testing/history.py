"""The history of requests as the service saw them, independent of what the client believes."""

import json
import re
from dataclasses import dataclass, field
from typing import Final

from starlette.types import Scope

from objlib.core.ids import KEY_ATTEMPT, KEY_FILE, KEY_HASH

CHANGES: Final = frozenset({"start", "send", "import", "delete", "discard", "cancel"})
"""Kinds of requests that change the service's state."""
_COMMANDS: Final = {"start": "start", "query": "query", "cancel": "cancel"}
_SECRET: Final = re.compile(r"upload_id=[^&]+")


@dataclass(slots=True)
class Request:
    """One request as the service saw it.

    Attributes:
        moment: time of arrival on trio's clock, in seconds.
        number: number of requests before it.
        kind: its purpose, in the words of :func:`kind_of`.
        client: name of the sender; empty where there is only one.
        tags: our tags (file id, attempt, SHA-256), where it carries metadata.
        action: label of the script's action, ``""`` for none.
        acted: time at which the service acted (trio's clock); None if it never did.
        status: the service's own status; the client may have received another.
        document: resource name of the document that the request created.
    """

    moment: float
    number: int
    kind: str
    client: str
    target: str
    tags: dict[str, str] = field(default_factory=dict)
    action: str = ""
    acted: float | None = None
    status: int | None = None
    document: str | None = None

    def line(self) -> str:
        """Format as one line for the user."""
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
    """Classify a request: ``start``, ``send``, ``query``, … (see docs/testing.md)."""
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
    return "ask" if path.lower().endswith("generatecontent") else "store"


def target_of(scope: Scope) -> str:
    """Name the resource in a request's path, without the secret of an upload session."""
    return str(scope["path"]).partition("/v1beta/")[2] or _SECRET.sub("", str(scope["path"]))


def tags_of(body: bytes) -> dict[str, str]:
    """Read our tags from the custom metadata of a request; empty where there are none."""
    try:
        shape = json.loads(body)
        metadata = shape.get("customMetadata") or shape.get("custom_metadata") or []
        pairs = {item["key"]: item.get("stringValue", "") for item in metadata}
    except (ValueError, AttributeError, TypeError, KeyError):
        return {}
    return {key: pairs[key] for key in (KEY_FILE, KEY_ATTEMPT, KEY_HASH) if key in pairs}


def document_of(body: bytes) -> str | None:
    """Read the document's name from the response to a finalized upload or an import."""
    try:
        shape = json.loads(body)
        name = shape.get("response", {}).get("documentName")
    except (ValueError, AttributeError):
        return None
    return name if isinstance(name, str) else None
