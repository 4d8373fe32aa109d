"""The event log as JSON: one line for each attempt at a transition, checked field by field."""

import json
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

from objlib.ledger.schema import OUTCOMES
from spike.phase9_spike.states import LEGAL, STATES

FIELDS: Final = (
    "attempt_id", "timestamp", "file_id", "event", "from_state", "to_state", "guard_result", "outcome", "error",
)  # fmt: skip
"""Every event has exactly these."""


@dataclass(slots=True)
class EventCollector:
    """Events in the order in which they were emitted, each a line of JSON."""

    lines: list[str] = field(default_factory=list)

    def events(self) -> list[dict[str, Any]]:
        """All of them, read back from their JSON."""
        return [json.loads(line) for line in self.lines]

    def outcomes(self) -> Counter[str]:
        """How often each outcome was."""
        return Counter(event["outcome"] for event in self.events())


def emit_event(
    collector: EventCollector,
    *,
    file_id: str,
    event: str,
    from_state: str,
    to_state: str,
    outcome: str,
    attempt_id: str | None = None,
    guard_result: str | None = None,
    error: str | None = None,
    timestamp: float | None = None,
) -> None:
    """Record one attempt. ``to_state`` is where the file was to go; it got there where ``outcome`` is success."""
    values = (
        attempt_id, time.time() if timestamp is None else timestamp, file_id, event, from_state, to_state,
        guard_result, outcome, error,
    )  # fmt: skip
    collector.lines.append(json.dumps(dict(zip(FIELDS, values, strict=True))))


def problems_of(line: str) -> list[str]:
    """List the defects of one line of the log; none, if it is sound."""
    try:
        event = json.loads(line)
    except ValueError as error:
        return [f"not JSON: {error}"]
    if not isinstance(event, dict) or tuple(event) != FIELDS:
        return [f"the fields are not {', '.join(FIELDS)}"]
    problems = []
    if not isinstance(event["timestamp"], float) or event["timestamp"] <= 0:
        problems.append(f"timestamp {event['timestamp']!r}")
    if not isinstance(event["file_id"], str) or not event["file_id"]:
        problems.append(f"file_id {event['file_id']!r}")
    texts = ("attempt_id", "guard_result", "error")
    problems += [f"{key} {event[key]!r}" for key in texts if not isinstance(event[key], str | None)]
    problems += [f"{key} {event[key]!r}" for key in ("from_state", "to_state") if event[key] not in STATES]
    if event["outcome"] not in OUTCOMES:
        problems.append(f"outcome {event['outcome']!r}")
    edge = (event["event"], event["from_state"], event["to_state"])
    if event["outcome"] == "success" and edge not in LEGAL:
        problems.append(f"no such edge: {edge}")
    if event["outcome"] != "success" and not event["error"]:
        problems.append(f"{event['outcome']} without a reason")
    return problems
