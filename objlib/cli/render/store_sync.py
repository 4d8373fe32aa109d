"""What a comparison of store and ledger found, and what was done about it."""

from objlib.cli.console.terminal import Terminal, plural, safe
from objlib.cli.render.drift import drift_label
from objlib.cli.render.stop import stop_lines
from objlib.core.lifecycle.drift import DriftKind
from objlib.core.reports.store import StoreSyncReport

SHOWN = 20

_EXPLANATIONS = {
    DriftKind.ORPHAN: "the ledger knows no such file",
    DriftKind.DUPLICATE: "a second document of the file",
    DriftKind.GHOST: "indexed, and not in the store",
    DriftKind.STALE_CONTENT: "made of other bytes",
    DriftKind.BROKEN: "the store says it failed",
    DriftKind.METADATA_MISMATCH: "another name or other metadata",
}


def store_sync_lines(report: StoreSyncReport, screen: Terminal) -> list[str]:
    """The findings, and what became of them."""
    lines = [_summary(report, screen)]
    for finding in report.findings[:SHOWN]:
        name = f"{drift_label(finding.kind):14}"
        shown = screen.cyan(safe(finding.path))
        lines.append(
            f"  {screen.yellow(name)}  {shown}{screen.dim(': ' + _EXPLANATIONS.get(finding.kind, ''))}"
        )
    total = sum(report.drift.values())
    if total > SHOWN:
        lines.append(f"  and {total - SHOWN:,} more (--json, or --save-plan FILE)")
    return lines + (_done(report, screen) if report.applied else _advice(report, screen))


def _summary(report: StoreSyncReport, screen: Terminal) -> str:
    counts = {
        "as it should be": report.well,
        "on the way": report.in_flight,
        "about to be removed": report.leaving,
        "not ours": report.foreign,
    }
    said = ", ".join(f"{count:,} {word}" for word, count in counts.items() if count)
    looked = plural(report.documents, "document")
    found = sum(report.drift.values())
    if not found:
        mark = screen.green(screen.sign("✓", "ok:"))
        return f"{mark} Store and ledger agree: {looked}{' (' + said + ')' if said else ''}."
    return f"{plural(found, 'difference')} between store and ledger; {looked}{': ' + said if said else ''}."


def _advice(report: StoreSyncReport, screen: Terminal) -> list[str]:
    return [screen.dim("nothing was changed; repair with: objlib store-sync --apply")] if report.drift else []


def _done(report: StoreSyncReport, screen: Terminal) -> list[str]:
    lines = []
    counts = {
        "deleted": report.deleted,
        "to be sent again": report.requeued,
        "no longer so": report.changed,
    }
    said = ", ".join(f"{count:,} {word}" for word, count in counts.items() if count)
    if said:
        lines.append(f"Repaired: {said}.")
    if report.requeued:
        lines.append(screen.dim("send them with: objlib upload"))
    if report.postponed:
        lines.append(
            screen.yellow(f"{plural(report.postponed, 'deletion')} without an answer: objlib recover goes on")
        )
    if report.unanswered:
        lines.append(
            screen.yellow(
                f"{plural(report.unanswered, 'step')} without an answer; run the same command again"
            )
        )
    rest = report.left - report.unanswered
    if rest and not report.interrupted and not report.stopped:
        lines.append(
            screen.dim(
                f"{plural(rest, 'document')} with wrong metadata left; --apply --metadata sends them again"
            )
        )
    if report.interrupted:
        lines.append(screen.yellow("Interrupted; run the same command again for the rest."))
    return lines + stop_lines(report.stopped, report.advice, screen)
