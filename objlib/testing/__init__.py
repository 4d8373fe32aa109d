"""The harness that tests objlib, public so that it can be run, read and used against anything that embeds objlib.

* :class:`Faults` wraps a service and follows a script of :data:`Action`; it keeps the history of requests.
* :class:`Nemesis` is such a script, drawn from a seed.
* :class:`Failpoints` counts crash points, and lets a run die or freeze at one of them.
* :func:`run_virtual` runs in virtual time with everything random seeded.
* :class:`Checker` rules on a ledger and a store.
* :class:`RecordingObserver` keeps what an observer is told.
* ``python -m objlib.testing.torture``, ``….crash`` and ``….kill`` put them together; see docs/testing.md.
"""

from objlib.testing.actions import (
    CAPTIVE_PORTAL,
    DAILY_QUOTA,
    DOWN,
    EMPTY,
    INTERNAL,
    INTERNAL_ACTED,
    LOST,
    REPEATED,
    STORE_FULL,
    TRUNCATED,
    Action,
    ActLate,
    Alter,
    Delay,
    Drop,
    Refuse,
    Respond,
    Response,
    Script,
    in_state,
    never_done,
    refusal,
    throttled,
)
from objlib.testing.checker import Checker
from objlib.testing.failpoints import Died, Failpoints
from objlib.testing.faults import Faults
from objlib.testing.history import CHANGES, Request
from objlib.testing.library import LibraryFiles
from objlib.testing.nemesis import Nemesis
from objlib.testing.observer import RecordingObserver
from objlib.testing.virtual import EPOCH, run_virtual, seeded, wall_clock

__all__ = [
    "CAPTIVE_PORTAL",
    "CHANGES",
    "DAILY_QUOTA",
    "DOWN",
    "EMPTY",
    "EPOCH",
    "INTERNAL",
    "INTERNAL_ACTED",
    "LOST",
    "REPEATED",
    "STORE_FULL",
    "TRUNCATED",
    "ActLate",
    "Action",
    "Alter",
    "Checker",
    "Delay",
    "Died",
    "Drop",
    "Failpoints",
    "Faults",
    "LibraryFiles",
    "Nemesis",
    "RecordingObserver",
    "Refuse",
    "Request",
    "Respond",
    "Response",
    "Script",
    "in_state",
    "never_done",
    "refusal",
    "run_virtual",
    "seeded",
    "throttled",
    "wall_clock",
]
