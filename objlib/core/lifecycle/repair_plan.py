"""What a comparison with the store found, as a plan that can be saved, read by a person, and applied later."""

import json
from dataclasses import asdict, dataclass
from typing import Any, Final

from objlib.core.errors import RefusedError, UsageError
from objlib.core.lifecycle.drift import DRIFT, SURPLUS, DriftKind

SCHEMA: Final = "objlib/store-plan/1"


@dataclass(frozen=True, slots=True)
class Step:
    """One finding, which is also what can be done about it.

    Attributes:
        kind: what was found; one of :data:`objlib.core.lifecycle.drift.DRIFT`.
        document: full resource name.
        file_id: our id of the file, as the ledger or the document's mark has it.
        path: the file's path, or the document's own name where the ledger knows no such file.
    """

    kind: DriftKind
    document: str
    file_id: str
    path: str


@dataclass(frozen=True, slots=True)
class Plan:
    """All findings of one comparison.

    Attributes:
        store: resource name of the store that was compared.
        ledger: the id of the ledger it was compared with.
        made: Unix time.
    """

    store: str
    ledger: str
    made: float
    steps: tuple[Step, ...]

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


def _step(raw: Any) -> Step:
    kind = DriftKind(raw["kind"])
    if kind not in DRIFT:
        raise ValueError(f"{kind} is no step")
    return Step(kind, _text(raw["document"]), _text(raw["file_id"]), _text(raw["path"]))


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("a text was expected")
    return value
