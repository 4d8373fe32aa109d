"""The nemesis (Jepsen's word): a script of weighted random faults, drawn from a seed."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from random import Random
from typing import Final

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
    Response,
    in_state,
    never_done,
    refusal,
    throttled,
)

LAG: Final = 2.0
"""Seconds for which a new document may be missing from listings (users of the service measured 1.5 to 2 s)."""

NO_TOKENS: Final = refusal(400, "INVALID_ARGUMENT", "Failed to count tokens.")
"""Response of the direct upload to a file that only the Files API accepts."""

Draw = Callable[[Random, "Nemesis"], Action]

_ANY: Final[tuple[tuple[int, Draw], ...]] = (
    (3, lambda _r, _m: Refuse()),
    (3, lambda _r, _m: Drop(act=False)),
    (4, lambda _r, _m: Drop(act=True)),
    (3, lambda _r, _m: LOST),
    (2, lambda _r, _m: DOWN),
    (2, lambda _r, _m: EMPTY),
    (2, lambda _r, _m: INTERNAL),
    (2, lambda _r, _m: INTERNAL_ACTED),
    (1, lambda _r, _m: CAPTIVE_PORTAL),
    (3, lambda _r, _m: TRUNCATED),
    (3, lambda r, m: throttled(m.seconds(r.uniform(0.2, 20)))),
    (3, lambda r, m: Delay(m.seconds(r.uniform(0.1, 20)))),
)
_LATE: Final[tuple[int, Draw]] = (6, lambda r, m: ActLate(m.seconds(r.choice([0.5, 2, 5, 30, 90]))))
_KIND: Final[dict[str, tuple[tuple[int, Draw], ...]]] = {
    "start": (
        _LATE,
        (1, lambda _r, _m: DAILY_QUOTA),
        (6, lambda _r, _m: NO_TOKENS),
    ),
    "send": (_LATE, (1, lambda _r, _m: STORE_FULL)),
    "import": (_LATE, _LATE),
    "discard": (_LATE,),
    "cancel": (_LATE,),
    "delete": (_LATE,),
    "document": (
        (8, lambda _r, _m: Alter("FAILED, they say", in_state("STATE_FAILED"))),
        (6, lambda _r, _m: Alter("PENDING, they say", in_state("STATE_PENDING"))),
        (3, lambda _r, _m: refusal(404, "NOT_FOUND", "Document not found.")),
    ),
    "operation": ((6, lambda _r, _m: Alter("not done, they say", never_done)),),
    "list": ((6, lambda _r, _m: REPEATED), (12, lambda _r, m: Alter("lags", lagging(m.now())))),
}


@dataclass
class Nemesis:
    """A :data:`~objlib.testing.actions.Script` drawn from a seed.

    Each draw depends on the seed and on the request's number among its kind alone, so that a request more or less
    changes nothing for other kinds.

    Attributes:
        density: share of requests with a fault, from 0 to 1.
        now: the service's clock, Unix seconds.
        pace: factor on every wait; below 1 for real time.
        honest: draw no response that is untrue of a document.
    """

    seed: int
    density: float
    now: Callable[[], float]
    pace: float = 1.0
    honest: bool = False

    def __call__(self, kind: str, number: int) -> Action | None:
        """Draw the action for a request."""
        # The word is part of the seed: with another one every known seed would mean another world.
        rng = Random(f"mischief {self.seed} {kind} {number}")
        # A run that cannot open the store ends at once and tests little.
        density = self.density / 8 if kind == "store" else self.density
        if rng.random() >= density:
            return None
        lies = () if kind == "document" and self.honest else _KIND.get(kind, ())
        choices = (*_ANY, *lies)
        (draw,) = rng.choices([draw for _, draw in choices], [weight for weight, _ in choices])
        return draw(rng, self)

    def seconds(self, wait: float) -> float:
        """Scale a wait by the pace."""
        return round(wait * self.pace, 2)

    def travel(self, kind: str, number: int) -> tuple[float, float]:
        """Draw the latency of a request and of its response, in seconds."""
        rng = Random(f"travel {self.seed} {kind} {number}")
        return round(rng.expovariate(20), 3), round(rng.expovariate(20), 3)


def lagging(now: float, lag: float = LAG) -> Callable[[Response], Response]:
    """Build a change that drops documents younger than ``lag`` seconds from a page."""

    def change(response: Response) -> Response:
        if response.status != 200:
            return response
        page = json.loads(response.body or b"{}")
        page["documents"] = [
            document
            for document in page.get("documents", [])
            if datetime.fromisoformat(document["createTime"]).timestamp() < now - lag
        ]
        return replace(response, body=json.dumps(page).encode())

    return change
