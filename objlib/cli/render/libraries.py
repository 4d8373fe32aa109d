"""The libraries that are known, and what became of one that was forgotten or moved."""

import time
from collections.abc import Sequence
from pathlib import Path

from objlib.cli.console.terminal import Terminal, safe
from objlib.cli.render.plan import NOTHING_DONE
from objlib.core.advice import advise
from objlib.core.config.settings import Backend
from objlib.core.counting import plural
from objlib.core.reports.libraries import LedgerEntry, LibraryEntry, MoveReport


def libraries_lines(entries: Sequence[LibraryEntry], screen: Terminal) -> list[str]:
    """Each library with its ledgers, by path."""
    if not entries:
        return [f"No library is known yet: {advise('upload', 'FOLDER')}"]
    lines = []
    for entry in entries:
        gone = "" if entry.present else screen.yellow("  (gone from disk)")
        lines.append(f"{screen.bold(safe(entry.path))}{gone}")
        for ledger in entry.services:
            lines += _ledger_lines(ledger, screen)
    return lines


def _ledger_lines(entry: LedgerEntry, screen: Terminal) -> list[str]:
    service = "embedded" if entry.service == Backend.EMBEDDED else safe(entry.service) or "no service yet"
    if entry.present:
        run = "no run yet" if entry.last_run is None else f"last run {_minute(entry.last_run)}"
        state = f"{plural(entry.files, 'file')}, {entry.searchable:,} searchable, {run}"
    else:
        state = screen.yellow("its ledger is lost")
    store = safe(entry.store) or "no store yet"
    places = [f"    store   {store}", f"    ledger  {safe(entry.ledger)}"]
    if entry.embedded_store:
        places.append(f"    file    {safe(entry.embedded_store)}")
    return [f"  {service}: {state}", *map(screen.dim, places)]


def _minute(when: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(when))


def forgotten_lines(root: Path, aside: Path | None, *, dry_run: bool = False) -> list[str]:
    """The library that is no longer listed, and where its files are now."""
    if dry_run:
        lines = [f"Plan: drop {safe(str(root))} from the list."]
        lines += (
            [] if aside is None else [f"Its ledger and embedded store would be put aside: {safe(str(aside))}"]
        )
        return [*lines, NOTHING_DONE]
    lines = [f"{safe(str(root))} is no longer in the list; its store and its files on disk are as they were."]
    if aside is not None:
        lines.append(f"Its ledger and embedded store were put aside: {safe(str(aside))}")
    return lines


def move_lines(report: MoveReport, screen: Terminal) -> list[str]:
    """The library that is at another place now."""
    mark = screen.green(screen.sign("✓", "ok:"))
    found = (
        f"; {report.found:,} of {plural(report.looked, 'file')} looked for are there" if report.looked else ""
    )
    if report.dry_run:
        return [f"Plan: the library {safe(report.old)} becomes {safe(report.new)}{found}.", NOTHING_DONE]
    return [f"{mark} The library {safe(report.old)} is {safe(report.new)} now{found}."]
