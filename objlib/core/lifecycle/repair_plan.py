"""Repair plans: the differences of one comparison, to be saved, read, and applied later."""

import json
from dataclasses import asdict, dataclass
from typing import Any, Final

from objlib.core.errors import RefusedError, UsageError
from objlib.core.lifecycle.drift import REPAIRABLE, SURPLUS, Drift, DriftKind

SCHEMA: Final = "objlib/store-plan/1"
"""The first member of a saved plan, by which it is recognised."""
_FORMER_KINDS: Final = {"stale bytes": "stale_content", "wrong metadata": "metadata_mismatch"}
"""Kinds as version 0.1 wrote them, so that a plan saved by it can still be applied."""


@dataclass(frozen=True, slots=True)
class Plan:
    """All differences that one comparison of a store found.

    Attributes:
        store: resource name of the store that was compared.
        ledger: the id of the ledger it was compared with.
        made: Unix time.
        steps: the differences, all of them repairable.
    """

    store: str
    ledger: str
    made: float
    steps: tuple[Drift, ...]

    def deletions(self) -> int:
        """How many documents it would delete."""
        return sum(step.kind in SURPLUS for step in self.steps)

    def check(self, store: str, ledger: str) -> None:
        """Refuse a plan that was made for something else.

        Raises:
            RefusedError: it was made for another store or ledger.
        """
        if self.store != store:
            raise RefusedError(f"the plan is for the store {self.store}, not for {store}; make a new one")
        if self.ledger != ledger:
            raise RefusedError("the plan was made with another ledger; name that one with --ledger")


def encode_plan(plan: Plan) -> str:
    """The plan as a JSON text with a line for each step."""
    head = {"schema": SCHEMA, "store": plan.store, "ledger": plan.ledger, "made": plan.made}
    steps = ",\n  ".join(json.dumps(asdict(step), ensure_ascii=False) for step in plan.steps)
    opening = json.dumps(head, ensure_ascii=False).removesuffix("}")
    return f'{opening}, "steps": [\n  {steps}\n]}}\n' if steps else f'{opening}, "steps": []}}\n'


def decode_plan(text: str) -> Plan:
    """The plan that :func:`encode_plan` wrote.

    Raises:
        UsageError: the text is no plan.
    """
    try:
        raw = json.loads(text)
        if raw["schema"] != SCHEMA:
            raise UsageError(f"it has the schema {raw['schema']!r}, not {SCHEMA!r}")
        steps = tuple(_step(each) for each in raw["steps"])
        return Plan(_text(raw["store"]), _text(raw["ledger"]), float(raw["made"]), steps)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise UsageError(f"it is not a saved plan of store-sync ({type(error).__name__}: {error})") from None


def _step(raw: Any) -> Drift:
    kind = DriftKind(_FORMER_KINDS.get(raw["kind"], raw["kind"]))
    if kind not in REPAIRABLE:
        raise ValueError(f"{kind} cannot be repaired")
    return Drift(kind, _text(raw["path"]), _text(raw["document"]), _text(raw["file_id"]))


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("a text was expected")
    return value
