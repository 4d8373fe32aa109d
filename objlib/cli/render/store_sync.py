"""The differences between store and ledger, and how they were repaired."""

from typing import Final

from objlib.cli.console.terminal import Terminal, counts, more, phrases, safe
from objlib.cli.render.drift import drift_label
from objlib.cli.render.plan import ALL, NOTHING_DONE
from objlib.cli.render.stop import stop_lines
from objlib.core.advice import advise
from objlib.core.counting import plural
from objlib.core.lifecycle.drift import DriftKind
from objlib.core.reports.store import StoreSyncReport

SHOWN_FINDINGS: Final = 20
"""Findings that are printed; the rest is a number."""

_EXPLANATIONS = {
    DriftKind.ORPHAN: "the ledger knows no such file",
    DriftKind.DUPLICATE: "a second document of the file",
    DriftKind.GHOST: "indexed, and not in the store",
    DriftKind.STALE_CONTENT: "made of other bytes",
    DriftKind.BROKEN: "the store says it failed",
    DriftKind.METADATA_MISMATCH: "other metadata",
    DriftKind.STALE_NAME: "sent before the file was renamed, and still found",
}


def store_sync_lines(report: StoreSyncReport, screen: Terminal, *, complete: bool = False) -> list[str]:
    """The findings, and what became of them, or would; all of them if it is to be ``complete``."""
    lines = [_summary(report, screen)]
    if report.adopted:
        lines.append(f"{plural(report.adopted, 'file')} took over the document of a lost ledger.")
    for ledger, number in report.foreign_ledgers.items():
        text = (
            f"{plural(number, 'document')} of the ledger {safe(ledger)}; if that is lost, look at them with: "
        )
        lines.append(screen.dim(text + advise(f"store-sync --of {ledger}")))
    shown = report.findings if complete else report.findings[:SHOWN_FINDINGS]
    for finding in shown:
        name = f"{drift_label(finding.kind):14}"
        path = screen.cyan(safe(finding.path))
        lines.append(
            f"  {screen.yellow(name)}  {path}{screen.dim(': ' + _EXPLANATIONS.get(finding.kind, ''))}"
        )
    total = sum(report.drift.values()) + report.stale_names
    lines += more(total - len(shown), hint=ALL if report.dry_run else "--json, or --save-plan FILE")
    if report.dry_run:
        return lines + _planned(report, screen)
    if report.applied:
        return lines + _done(report, screen)
    if report.drift:
        of = f" --of {report.of}" if report.of else ""
        metadata = " --metadata" if DriftKind.METADATA_MISMATCH in report.drift else ""
        repair = f"nothing was changed; repair with: {advise(f'store-sync{of} --apply{metadata}')}"
        if report.of:
            repair += " (--adopt first lets files without a document take over those with their bytes)"
        lines.append(screen.dim(repair))
    return lines + _stale_names(report, screen)


def _stale_names(report: StoreSyncReport, screen: Terminal) -> list[str]:
    if not report.stale_names:
        return []
    names = f"{plural(report.stale_names, 'document')} with the name from before a rename, which is no fault"
    refresh = advise("store-sync --apply --metadata")
    return [screen.dim(f"{names}; `{refresh}` refreshes name and metadata with the next upload")]


def store_sync_problems(report: StoreSyncReport) -> str:
    """The line of a quiet comparison after which differences are left; empty if there are none."""
    problems = phrases((report.left + report.postponed, "difference", "between store and ledger left"))
    return "; ".join([*problems, *filter(None, [report.advice])]) if problems else ""


def _summary(report: StoreSyncReport, screen: Terminal) -> str:
    counted = {
        "as it should be": report.well,
        "on the way": report.in_flight,
        "about to be removed": report.leaving,
        "not ours": report.foreign,
        "with an earlier name": report.stale_names,
    }
    details = counts(counted)
    documents = plural(report.documents, "document")
    differences = sum(report.drift.values())
    if differences:
        headline = f"{plural(differences, 'difference')} between store and ledger; {documents}"
        return f"{headline}: {details}." if details else f"{headline}."
    mark = screen.green(screen.sign("✓", "ok:"))
    return f"{mark} Store and ledger agree: {documents}{f' ({details})' if details else ''}."


def _planned(report: StoreSyncReport, screen: Terminal) -> list[str]:
    lines = []
    if report.applied:
        counted = {
            "to delete": report.deleted,
            "to be sent again": report.requeued,
            f"with wrong metadata left (`{advise('store-sync --apply --metadata')}` sends them again)": report.left,
        }
        lines.append(f"Plan: {counts(counted) or 'nothing to do'}.")
    if not report.applied or not report.requeued:
        lines += _stale_names(report, screen)
    return [*lines, screen.dim(NOTHING_DONE)]


def _done(report: StoreSyncReport, screen: Terminal) -> list[str]:
    lines = []
    counted = {
        "deleted": report.deleted,
        "to be sent again": report.requeued,
        "no longer so": report.changed,
    }
    if repaired := counts(counted):
        lines.append(f"Repaired: {repaired}.")
    if report.requeued:
        lines.append(screen.dim(f"send them with: {advise('upload')}"))
    silent = phrases(
        (report.postponed, "deletion", f"without an answer: `{advise('recover')}` goes on"),
        (report.unanswered, "step", "without an answer; run the same command again"),
    )
    lines += map(screen.yellow, silent)
    rest = report.left - report.unanswered
    if rest and not report.interrupted and not report.stopped:
        lines.append(
            screen.dim(
                f"{plural(rest, 'document')} with wrong metadata left; "
                f"`{advise('store-sync --apply --metadata')}` sends them again"
            )
        )
    if not report.requeued:
        lines += _stale_names(report, screen)
    if report.interrupted:
        lines.append(screen.yellow("Interrupted; run the same command again for the rest."))
    return lines + stop_lines(report.stopped, report.advice, screen)
