"""The plan of a dry run: each path and what a run would do with it, and what all of it would cost."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum


class Action(StrEnum):
    """A run's work on one path, or why it leaves it alone; the values stand in JSON."""

    SEND = "send"
    """Send a file that has no document."""
    REPLACE = "replace"
    """Send a file again; its old document is removed once the new one is searchable."""
    RENAME = "rename"
    """Note a new path; nothing is sent for it."""
    SETTLE = "settle"
    """Ask the store what became of an upload that a dead run left, and go on from there."""
    DELETE = "delete"
    """Remove a document."""
    KEEP = "keep"
    """Leave the document of a file that is gone: for grace, or because its removal was not asked for."""
    WAIT = "wait"
    """Leave a file to a later run, or to another that has it."""
    SKIP = "skip"
    """Send nothing: no store takes the file as it is."""
    FAIL = "fail"
    """Send nothing: the file failed, or cannot be read."""
    LEAVE_OUT = "leave_out"
    """Send nothing: a rule leaves it out, or it is a link that is not followed, or no file."""


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """A run's work on one path, before it is done.

    Attributes:
        path: of the file today; of a document without a file its name.
        reason: why, for the user.
        was: the path so far of a file that was renamed.
        bytes: what is sent, and 0 where nothing is.
        tokens: of its text, as far as it is sent.
        documents: documents that are removed.
        until: when the grace of a document that is kept is over, in Unix seconds; None where there is none.
    """

    action: Action
    path: str
    reason: str
    was: str = ""
    bytes: int = 0
    tokens: int = 0
    documents: int = 0
    until: float | None = None


@dataclass(frozen=True, slots=True)
class Cost:
    """The cost of a plan.

    Attributes:
        bytes: to be sent.
        tokens: of the files' text: that of most files is read, the rest follows from their size.
        tokens_read: tokens among them whose text was read.
        usd: price of indexing; None where the service costs nothing, or publishes no price.
        store_bytes: what the store holds now; None where it is not known, or there is no store yet.
        store_bytes_after: what it would hold, embeddings included.
        tier: the smallest tier of the service that has room for that.
        requests: that it takes at least.
        requests_per_second: the pace that earlier runs learnt; None before one did.
        files_per_second: the pace of the last uploads; None before there were any.
        seconds: how long that takes; None where no pace is known.
    """

    bytes: int = 0
    tokens: int = 0
    tokens_read: int = 0
    usd: float | None = None
    store_bytes: int | None = None
    store_bytes_after: int | None = None
    tier: str = ""
    requests: int = 0
    requests_per_second: float | None = None
    files_per_second: float | None = None
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class RunPlan:
    """Everything that a run would do, in the order of paths.

    Attributes:
        counts: steps by action.
        steps: all of them.
        note: what of the store is not known, and why.
    """

    counts: dict[Action, int] = field(default_factory=dict)
    steps: tuple[PlannedStep, ...] = ()
    cost: Cost = field(default_factory=Cost)
    note: str = ""

    @classmethod
    def of(cls, steps: Iterable[PlannedStep], cost: Cost, note: str = "") -> "RunPlan":
        """A plan with its steps counted and sorted."""
        ordered = sorted(steps, key=lambda step: (step.path, step.action, step.was))
        counts = Counter(step.action for step in ordered)
        return cls(
            {action: counts[action] for action in Action if counts[action]}, tuple(ordered), cost, note
        )
