"""What is known about one quota, and a copy of the bucket that it is: arithmetic only.

What the service allowed and nobody used yet is counted along, as a token bucket counts it. What the copy holds may be
spent without a risk; when it is empty, a probe is what comes next.
"""

import math
from dataclasses import dataclass
from enum import Enum
from typing import Final

CRUISE: Final = 0.975
"""Share of the rate that is used while less than the reserve is owed."""
RESERVE: Final = 0.4
"""Seconds' worth of the rate that is kept: what measuring may err by."""
UNSURE: Final = 0.25
"""Share of the calm after a surprise; it doubles with each calm that held."""
SLOWER: Final = 0.5
"""Share of the rate, without a hint, until all answers to a push-back are in; and the most that one takes off it."""
FEWEST: Final = 14.0
"""Admitted requests between two probes at least, since each costs one that is refused,"""
STEADY: Final = 150.0
"""The same for a service of one request in a second; half of it gets a fifth, or a rise took minutes."""
QUICK: Final = 5.0
"""Seconds between two probes for that service if it had no such price; a quicker one can wait longer,"""
LONGEST: Final = 30.0
"""up to so many seconds."""
PRICE: Final = 50.0
"""Times as long as a probe keeps the service idle must pass between two of them."""
SLOWEST: Final = 1 / 12
"""Requests per second that are always tried. Slower quotas than some per minute say when to come back, and the gate
holds those; broken answers say nothing, and a rate that they took away has to come back within a run."""
PATIENCE: Final = 60.0
"""or as many as so many seconds admit, where those are fewer: a slow pace would keep a rise waiting for minutes."""
COMPANY: Final = 0.7
"""Share of the seconds between two probes in company: a part that fell small is to grow again within a minute,"""
LEAST: Final = 6.0
"""after so many admitted requests at least, since the bar for several processes is 5 % and not 1 %,"""
ROUNDS: Final = 5.0
"""and after so many round trips, or the answers to the last probe were not in."""


class Question(Enum):
    """What the answers to what was in flight at a push-back are to tell."""

    NOTHING = "they are all in, or say nothing"
    FIRST = "how high the rate is that was met first"
    TOP = "where between the old rate and the last pace a climb ended"
    FALL = "whether the quota fell, and how far"


class PacingPhase(Enum):
    """What the pace is doing, in the order in which it comes; push-back ends each of them."""

    SPENDING = "what was saved behind a gate"
    CRUISING = "at the rate"
    PROBING = "a little faster than the rate"
    CLIMBING = "ever faster, since more went through than was due"


@dataclass(frozen=True, slots=True)
class Doubt:
    """Refusals in a row that came too early: a measurement of their own, on which what was known before does not weigh.

    Attributes:
        rate: what was taken for the rate when they began,
        sure: and whether it was sure.
        seconds: what they cover together, without what ran over or was paid for refusals,
        admitted: and the requests that were admitted in them.
    """

    rate: float
    sure: bool
    seconds: float = 0.0
    admitted: float = 0.0


@dataclass(frozen=True, slots=True)
class Pace:
    """The state of one budget.

    Attributes:
        ceiling: the most requests that may ever be in flight.
        window: how many may be in flight before a limit was met.
        rtt: smoothed seconds per request, 0 before the first answer.
        rate: requests per second that the service admits; infinity before the first push-back.
        phase: what the pace is doing,
        push: and so many times the rate it is.
        known: seconds over which the rate was measured, 0 for a guess: what it weighs in a new measurement; where
            windows of time are used up, the seconds of the last one.
        calm: admitted requests before the next probe, as a share of the full number; 1 when the rate is sure.
        crew: processes that share the quota and tell each other what they learn.
        company: whether others seem to use it too: a sure rate was refused at the cruise, where one that is alone is
            refused in probes only; and no two probes in a row held since.
        doubt: whether the rate holds, since refusals came too early; None while all is well.
        since: when the span of the measurement begins: a moment at which nothing was left of the quota.
        hinted: the same, with the wait that the service asked for then.
        gated: seconds for which that closed the gate; 0 where it was a window of time that was used up,
        whole: and the seconds that were left of that window.
        depth: seconds' worth of the rate that the bucket was found to hold, at most one.
        admitted: requests admitted since; as many of the present rate, where other processes changed it.
        cut_at: when the last news of a push-back came; push-back of requests started before it is old news.
        question: what the answers to what was in flight then, which are still to come, decide.
        least: what these answers may lower the rate to,
        most: and the rate they must tell of less than.
        passed: requests admitted of those in flight then that started after the first refused one.
        refused: and how many of them were not.
        moved: seconds by which these were told to wait longer than the first; infinity without a hint.
        top: the rate before it fell, 0 if it did not: a climb stops there.
        turn: when the last request started, or should have.
        busy: whether requests wait for their turn; a pace that nobody uses teaches nothing.
        gate: no request may start before this time.
    """

    ceiling: int
    window: float = 4.0
    rtt: float = 0.0
    rate: float = math.inf
    phase: PacingPhase = PacingPhase.CRUISING
    push: float = CRUISE
    known: float = 0.0
    calm: float = UNSURE
    crew: int = 1
    company: bool = False
    doubt: Doubt | None = None
    since: float = math.nan
    hinted: float = math.nan
    gated: float = 0.0
    whole: float = 0.0
    depth: float = 1.0
    admitted: float = 0.0
    cut_at: float = -math.inf
    question: Question = Question.NOTHING
    least: float = 0.0
    most: float = 0.0
    passed: int = 0
    refused: int = 0
    moved: float = math.inf
    top: float = 0.0
    turn: float = -math.inf
    busy: bool = False
    gate: float = -math.inf

    @property
    def learnt(self) -> bool:
        """Whether a limit was met."""
        return self.rate < math.inf

    @property
    def seen(self) -> float:
        """The rate; of a climb that met no limit yet, what went through so far if that is more."""
        span = self.turn - self.since
        return max(
            self.rate, self.admitted / span if self.phase is PacingPhase.CLIMBING and span > 1 else 0.0
        )

    @property
    def waiting(self) -> bool:
        """Whether answers to what was in flight at the last push-back are still to come."""
        return self.question is not Question.NOTHING

    @property
    def sure(self) -> bool:
        """Whether the last calm, a short one at least, held: then it is not the rate that a surprise is put down to."""
        return self.calm > UNSURE


def speed(pace: Pace) -> float:
    """Requests per second that start now; infinity while no limit is known."""
    return pace.rate * (SLOWER if pace.waiting and pace.gate <= pace.cut_at else pace.push)


def owed(pace: Pace, at: float) -> float:
    """Requests that were allowed since the measurement began and not used: what the copy of the bucket holds."""
    return pace.rate * (at - pace.since - lost(pace)) - pace.admitted


def lost(pace: Pace) -> float:
    """Seconds' worth of the quota that nobody can use: it ran over behind the gate, or refusals may have cost it."""
    return overflown(pace) + price(pace)


def overflown(pace: Pace) -> float:
    """Seconds' worth of the quota that ran over behind the gate.

    A bucket has room for one request at least; of a larger one, one is taken for full at the refusal.
    """
    return max(0.0, pace.gated - max(pace.depth - 1 / pace.rate, 1 / pace.rate))


def price(pace: Pace) -> float:
    """Seconds' worth that refusals may have cost: a service that counts them tells each to wait longer than the last.

    So does one that admits a request in between. Without a hint each is taken for counted.
    """
    return max(0.0, min(pace.refused / pace.rate, pace.moved - pace.passed / pace.rate))


def reserve(pace: Pace) -> float:
    """Requests that are kept in the bucket while cruising."""
    return max(0.0, RESERVE * pace.rate - 0.5)


def calm(pace: Pace) -> float:
    """Admitted requests before a probe: as rare as 1 % asks for, and no rarer than a rise allows.

    In company it is a time that grows with the rate, whatever that costs a slow one. A probe takes about as much from
    the others whoever sends it, and a refusal takes a share of what one has; so the parts become equal, as they do with
    additive increase and multiplicative decrease (Chiu and Jain, Computer Networks and ISDN Systems 17, 1989).
    """
    rate = pace.rate
    seconds: float = min(LONGEST, QUICK * rate**0.68)
    if pace.company and not pace.sure:
        wait = max(COMPANY * seconds, ROUNDS * pace.rtt)
        return max(min(LEAST, PATIENCE * rate), pace.crew * wait * rate)
    seconds = max(seconds, PRICE * max(0.0, pace.gated - pace.depth))
    count: float = max(STEADY * min(rate**2.4, rate**-0.9), seconds * rate)
    return max(min(FEWEST, PATIENCE * rate), pace.calm * pace.crew * count)


def gain(pace: Pace) -> float:
    """How much faster a probe is: by half a request in a round trip, but not by very little or very much."""
    return 1 + min(0.5, max(0.1, 0.55 / max(1e-9, pace.rate * pace.rtt)))
