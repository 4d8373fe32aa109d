"""The metadata patterns that describe the files of a ledger: one set, whichever machines work on it.

Each machine has its configuration, and the patterns in it may differ. If each scan went by its own, two machines would
read all files again in turns. So a set that is new counts from then on for all, and one that was replaced does not
come back from another machine.
"""

import json
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from objlib.core.library.snapshot import UNTRUSTED
from objlib.ledger.database import LedgerConnection
from objlib.ledger.settings import SettingTable, bump_scan_generation
from objlib.ledger.table import Table, query, stamped

REPLACED: Final = 50
"""Sets of patterns that were replaced, and are remembered."""
_IN_USE: Final = "metadata_patterns"
_HISTORY: Final = "metadata_patterns_history"


@dataclass(frozen=True, slots=True)
class PatternChoice:
    """The patterns that a scan goes by.

    Attributes:
        patterns: these.
        machine: the one that set them, where they are not those of this machine's configuration; else empty.
        since: when it did, in Unix seconds.
    """

    patterns: tuple[str, ...]
    machine: str = ""
    since: float = 0.0


class PatternTable(Table):
    """The metadata patterns in use, by whom, and those that they replaced."""

    @query
    def choose(conn: LedgerConnection, own: Sequence[str]) -> PatternChoice:
        """The patterns to go by on this machine, whose configuration has ``own``.

        Those of another machine go on where they replaced ``own``: then it is this configuration that is out of date.
        The first ones replaced none at all, so a machine that lacks the configuration takes nothing away.
        """
        text, history = json.dumps(list(own)), _history(conn)
        machine = history["machine"]
        if _in_use(conn) == text or machine in {"", platform.node()}:
            return PatternChoice(tuple(own))
        if text not in history["replaced"]:
            return PatternChoice(tuple(own))
        return PatternChoice(tuple(json.loads(_in_use(conn))), machine, history["since"])

    @query
    def are_in_use(conn: LedgerConnection, patterns: Sequence[str]) -> bool:
        """Whether the metadata of the files follows from these patterns.

        A ledger of an earlier version does not say which ones its files had, and is taken to have had none.
        """
        return _in_use(conn) == json.dumps(list(patterns))

    @stamped
    def use(conn: LedgerConnection, now: float, patterns: Sequence[str]) -> None:
        """Have the metadata of each file follow from these patterns, as soon as a scan sees it on disk."""
        text, former = json.dumps(list(patterns)), _in_use(conn)
        if text == former:
            return
        conn.execute("UPDATE files SET mtime_ns = ?", (UNTRUSTED,))
        bump_scan_generation(conn)
        replaced = [each for each in _history(conn)["replaced"] if each not in {text, former}]
        history = {"machine": platform.node(), "since": now, "replaced": [*replaced, former][-REPLACED:]}
        SettingTable.set(conn, _IN_USE, text)
        SettingTable.set(conn, _HISTORY, json.dumps(history))


def _in_use(conn: LedgerConnection) -> str:
    return SettingTable.get(conn, _IN_USE) or "[]"


def _history(conn: LedgerConnection) -> dict[str, Any]:
    history: dict[str, Any] = {"machine": "", "since": 0.0, "replaced": []}
    history.update(json.loads(SettingTable.get(conn, _HISTORY) or "{}"))
    return history
