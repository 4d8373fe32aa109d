"""The findings of an audit, and the result of a rebuild."""

from typing import Final

from objlib.cli.console.terminal import Terminal, counts, more, phrases, safe
from objlib.cli.render.drift import drift_label
from objlib.cli.render.plan import ALL, NOTHING_DONE
from objlib.core.advice import advise
from objlib.core.counting import plural
from objlib.core.lifecycle.drift import DriftKind
from objlib.core.reports.store import RebuildReport, VerifyReport

SHOWN_PATHS: Final = 20
"""Paths of a dry run that are printed; the rest is a number."""


def verify_lines(report: VerifyReport, screen: Terminal) -> list[str]:
    """One line for each finding."""
    if not report.of:
        return [f"Nothing is indexed yet: {advise('upload')}"]
    differences, answered = sum(report.drift.values()), report.checked - report.unanswered
    looked = f"{report.checked:,} of {plural(report.of, 'indexed file')} looked at"
    lines = []
    if differences:
        lines.append(screen.yellow(f"{screen.sign('!', '!')} {plural(differences, 'difference')}; {looked}:"))
    elif not report.unanswered:
        lines.append(f"{screen.green(screen.sign('✓', 'ok:'))} Disk, ledger and store agree; {looked}.")
    elif answered:
        agree = f"Disk, ledger and store agree on {answered:,} of {plural(report.of, 'indexed file')}."
        lines.append(screen.yellow(f"{screen.sign('!', '!')} {agree}"))
    for line in report.findings:
        advice = _prune_advice(line.kind) or _advice(line.kind)
        lines.append(
            f"  {drift_label(line.kind):15}  {screen.cyan(safe(line.path))}{screen.dim(': ' + advice)}"
        )
    lines += more(differences + report.stale_names - len(report.findings))
    if report.unanswered:
        lines.append(screen.yellow(f"{plural(report.unanswered, 'file')} the service gave no answer for"))
    return lines


def _prune_advice(kind: DriftKind) -> str:
    """The way of a document whose file left the library, with the reason; empty for any other finding."""
    reason = {
        DriftKind.MISSING_ON_DISK: "",
        DriftKind.REPLACED: "something else is in its place; ",
        DriftKind.LEFT_OUT: "a rule or a link leaves it out; ",
    }.get(kind)
    return (
        "" if reason is None else f"{reason}`{advise('sync --prune')}` removes its document after the grace"
    )


def _advice(kind: DriftKind) -> str:
    match kind:
        case DriftKind.CHANGED_ON_DISK:
            return f"`{advise('upload --checksum')}` sends it"
        case DriftKind.UNREADABLE:
            return "check its permissions"
        case DriftKind.STALE_NAME:
            return f"no fault; `{advise('store-sync --apply --metadata')}` and the next upload refresh it"
        case DriftKind.METADATA_MISMATCH:
            return f"`{advise('store-sync --apply --metadata')}` and the next upload mend it"
        case _:
            return f"`{advise('store-sync --apply')}` repairs it"


def verify_problems(report: VerifyReport) -> str:
    """The line of a quiet audit that found something or got no answer; empty otherwise."""
    return "; ".join(
        phrases(
            (sum(report.drift.values()), "difference", "found by verify"),
            (report.unanswered, "file", "the service gave no answer for"),
        )
    )


def rebuild_lines(report: RebuildReport, screen: Terminal, *, complete: bool = False) -> list[str]:
    """The files that are in the store, and how they compare with the disk; each of them if it is to be ``complete``."""
    mark = screen.green(screen.sign("✓", "ok:"))
    counted = {
        "match the disk": report.matched,
        "differ": report.changed,
        "not on disk": report.missing,
        "not finished by the store": report.pending,
    }
    lines = [f"{mark} {plural(report.files, 'file')} found in the store: {counts(counted) or 'none'}."]
    if report.dry_run:
        shown = report.paths if complete else report.paths[:SHOWN_PATHS]
        lines += [f"  {how:9} {screen.cyan(safe(path))}" for path, how in shown]
        lines += more(len(report.paths) - len(shown), hint=ALL)
    if report.new:
        lines.append(f"{plural(report.new, 'file')} on disk that the store does not have.")
    if (report.changed or report.new or report.pending) and not report.dry_run:
        lines.append(screen.dim(f"bring the store up to date with: {advise('upload')}"))
    if report.surplus or report.unusable:
        rest = plural(report.surplus + report.unusable, "document")
        lines.append(screen.dim(f"{rest} too many or unusable: {advise('store-sync')}"))
    if report.foreign:
        lines.append(screen.dim(f"{plural(report.foreign, 'document')} in the store are not this ledger's"))
    if report.dry_run:
        lines.append(screen.dim(NOTHING_DONE))
    return lines
