"""What push-back teaches about a quota: arithmetic only.

A refusal says that nothing is left at that moment. Between two of them the service admitted what it allowed, so
*admitted / seconds* is its rate; how it came to the second decides what to make of that number. The answers to what
was in flight at a refusal are a second, smaller measurement, and the only quick one.
"""

import math
from dataclasses import replace
from typing import Final

from objlib.core.pacing.state import (
    SLOWER,
    SLOWEST,
    UNSURE,
    Doubt,
    Pace,
    PacingPhase,
    Question,
    calm,
    lost,
    overflown,
    owed,
    price,
)

ROUGH: Final = 1.4
"""Requests that a guess counts for in a measurement. A measurement is exact to about one."""
MEMORY: Final = 4.0
"""Seconds of earlier measurements that count in a new one at most,"""
REQUESTS: Final = 5.0
"""and the time of so many requests besides."""
OVERSHOT: Final = 0.75
"""Share of the pace at the end of a climb that the service may admit at most."""
FELL: Final = 0.75
"""If the answers to what was in flight tell of less than this share of the rate, the quota fell,"""
DOUBT: Final = 0.6
"""and so far they are trusted: the first that passed lived on what had been saved."""
DEEPEST: Final = 0.2
"""The least share of the pace that they can lower it to."""
EARLY: Final = 0.95
"""A refusal that let in less than this share of what was due is a surprise."""
CHANCE: Final = 2.0
"""So many requests more may be allowed than refusals in a row let in. If even that is less"""
CERTAIN: Final = 0.9
"""than this share of the rate, the quota fell: however short the spans are, and whatever was known."""
HANDFUL: Final = 5
"""So many answers it takes to say so."""


def first(pace: Pace, empty: float, *, window: bool) -> Pace:
    """The first limit: as if a full bucket of one second had been used up, until the answers to come say more."""
    begun = pace.hinted if window else pace.since - pace.depth
    rate = max(1, pace.admitted - (not window)) / max(0.1, empty - begun)
    question = Question.NOTHING if window else Question.FIRST
    return replace(pace, rate=max(SLOWEST, rate), known=0.0, calm=UNSURE, question=question)


def used_up(pace: Pace, empty: float) -> Pace:
    """A window of time is used up: its requests, and the seconds until the next one, are the rate."""
    span = max(1.0, empty - max(pace.since, pace.hinted))
    rate = pace.admitted / span
    return replace(
        pace, rate=max(SLOWEST, rate), known=span, calm=min(1.0, 2 * pace.calm), question=Question.NOTHING
    )


def refused(pace: Pace, was: float, empty: float) -> Pace:
    """Nothing was left at ``empty``, at a pace of ``was`` requests per second.

    Sets rate, calm, depth, and what the answers still to come may do to the rate.
    """
    pace = replace(pace, question=Question.FALL)
    early = owed(pace, empty) / pace.rate
    if (
        pace.phase is PacingPhase.SPENDING
    ):  # a sure rate: the bucket did not hold what the gate was closed for
        depth = max(0.0, pace.depth - max(0.0, early))
        return replace(pace, depth=depth, calm=pace.calm / 2, least=DEEPEST * was, most=FELL * pace.rate)
    if early < 0:
        deeper = min(max(0.0, pace.gated - pace.depth), -early) / 2 + 0.02
        pace = replace(pace, depth=min(1.0, pace.depth + deeper))
    span = _span(pace, empty)
    rate = measured(pace, span)
    known = min(MEMORY + REQUESTS / pace.rate, pace.known + span)
    if pace.phase is PacingPhase.CLIMBING:  # the quota is somewhere between what was measured and the pace
        least = max(rate, pace.rate)
        most = max(least, OVERSHOT * was)
        middle = (least + most) / 2
        pace = replace(pace, rate=middle, known=0.0, calm=UNSURE, doubt=None, question=Question.TOP)
        return replace(pace, least=least, most=most)
    if (
        pace.phase is PacingPhase.PROBING
    ):  # the rate holds; what is lost by being too low, no push-back would ever tell
        rate = max(rate, pace.rate if pace.sure else 0.0)
        calmer = min(1.0, 2 * pace.calm)
        company = pace.company and calmer < 1
        pace = replace(pace, rate=rate, known=known, calm=calmer, company=company, doubt=None)
        return replace(pace, least=rate, most=0.0)
    doubt = _doubted(pace, empty)
    if doubt is not None and (doubt.admitted + CHANCE) / doubt.seconds < CERTAIN * doubt.rate:
        return _fallen(pace, doubt, rate)
    # Once may be chance; twice, with no two probes between them that held, are others at the same quota.
    surprise = pace.admitted < 0.5 * calm(pace) and rate < EARLY * pace.rate
    return replace(
        pace,
        rate=rate,
        known=known,
        calm=UNSURE if surprise or pace.company else pace.calm,
        company=pace.company or pace.sure,
        doubt=doubt,
        least=DEEPEST * was if pace.sure else rate,
        most=FELL * rate,
    )


def _doubted(pace: Pace, empty: float) -> Doubt | None:
    """The doubt after another refusal at the cruise; None if what was admitted in its span is what was due.

    Without a hint refusals are not taken for paid: where a quota fell, they would make up for what is missing.
    """
    doubt = pace.doubt or Doubt(pace.rate, pace.sure)
    paid = price(pace) if pace.moved < math.inf else 0.0
    seconds = doubt.seconds + max(0.0, empty - pace.since - overflown(pace) - paid)
    admitted = doubt.admitted + pace.admitted
    due = EARLY * doubt.rate * seconds
    return None if admitted >= due else replace(doubt, seconds=seconds, admitted=admitted)


def _fallen(pace: Pace, doubt: Doubt, rate: float) -> Pace:
    """The quota fell: to what the refusals in a row say, which may have come from others that use it too."""
    found = (doubt.admitted + 0.5) / doubt.seconds
    return replace(
        pace,
        rate=max(SLOWEST, min(rate, max(SLOWER * pace.rate, found))),
        known=doubt.seconds,
        calm=UNSURE,
        doubt=None,
        top=max(pace.top, doubt.rate) if doubt.sure else pace.top,
        question=Question.NOTHING,
    )


def assessed(pace: Pace) -> Pace:
    """All answers to the last push-back are in."""
    question = pace.question
    if question is Question.NOTHING:
        return pace
    pace = replace(pace, question=Question.NOTHING)
    implied = (pace.passed + 1) / (max(0.0, pace.cut_at - pace.since) + 1 / pace.rate)
    if question is Question.FIRST:
        implied = (4 * pace.rate + pace.passed * implied) / (4 + pace.passed)
        return replace(pace, rate=max(SLOWEST, implied))
    if implied >= pace.most:
        return pace
    if question is Question.TOP:
        return replace(pace, rate=max(SLOWEST, implied, pace.least))
    if pace.passed + pace.refused < HANDFUL:
        return pace
    return replace(
        pace,
        rate=max(SLOWEST, min(pace.rate, max(DOUBT * implied, pace.least))),
        known=0.0,
        calm=UNSURE,
        company=False,
        doubt=None,
        depth=1.0,
        top=max(pace.top, pace.rate) if pace.sure else pace.top,
        phase=PacingPhase.CRUISING,
    )


def measured(pace: Pace, span: float) -> float:
    """Requests per second that were admitted since the last push-back, weighed against what was known before.

    A measurement is exact to about one request, so that its weight grows with the square of its seconds. Two that
    follow each other share the moment between them: together they are one of the seconds of both.
    """
    if span == 0:
        return pace.rate
    new = span**2 + pace.known * span
    old = pace.known**2 + pace.known * span + (ROUGH / pace.rate) ** 2
    rate = (pace.admitted / span * new + pace.rate * old) / (new + old)
    return max(SLOWEST, SLOWER * pace.rate, rate)


def _span(pace: Pace, empty: float) -> float:
    """The seconds in which what was admitted since the last push-back was allowed.

    What may be lost is taken for lost if the rate is sure. If not, a rate that is too low is the better mistake: the
    next probe finds it out, at the price of one refusal.
    """
    missed, cost = lost(pace), price(pace)
    if not pace.sure:
        missed = missed - cost if pace.phase is PacingPhase.PROBING else cost + _overrated(pace, empty)
    return max(0.0, empty - pace.since - missed)


def _overrated(pace: Pace, empty: float) -> float:
    """Half of the seconds' worth that the copy still holds at a refusal: the bucket may be as wrong as the rate.

    One request is not counted, since the moment of a refusal is no more exact than that.
    """
    early = (owed(pace, empty) - 1) / pace.rate
    return max(0.0, min(pace.depth, pace.gated, early / 2))
