"""The whole history of one file, as a timeline."""

from datetime import tzinfo

from objlib.cli.console.terminal import Terminal, moment, safe, size, table, wrap
from objlib.core.counting import plural
from objlib.core.reports.status import ExplainReport, HistoryLine


def explain_lines(report: ExplainReport, screen: Terminal, zone: tzinfo | None = None) -> list[str]:
    """The state of a file, its facts and its history, with times in ``zone`` (by default the local one)."""
    lines = [f"{screen.bold(safe(report.path))}: {_state(report.state, screen)}"]
    lines += [f"  {line}" for line in wrap(safe(report.explanation), screen.width - 2)]
    if not report.file_id:
        return lines
    lines += ["", *table(_facts(report, zone)), ""]
    if report.left_out:
        lines.append("Left out:")
        lines += [f"  {line}" for loss in report.left_out for line in wrap(safe(loss), screen.width - 2)]
        lines.append("")
    return lines + _history(report, screen, zone)


def _facts(report: ExplainReport, zone: tzinfo | None) -> list[tuple[str, str]]:
    facts = [
        ("file id", safe(report.file_id)),
        ("size", size(report.size)),
        ("sha256", safe(report.content_hash)),
    ]
    if report.indexed_hash and report.indexed_hash != report.content_hash:
        facts.append(("indexed", f"{safe(report.indexed_hash)} (an older version)"))
    if report.document:
        facts.append(("document", safe(report.document)))
    if report.superseded:
        facts.append(("superseded", f"{safe(report.superseded)} (to be deleted)"))
    if report.missing_since is not None:
        facts.append(("missing", f"since {moment(report.missing_since, zone)}"))
    if report.removable_from is not None:
        facts.append(("grace", f"until {moment(report.removable_from, zone)}"))
    if report.attempts:
        facts.append(("attempts", f"{report.attempts} since it last worked"))
    if report.retry_at is not None:
        facts.append(("next try", moment(report.retry_at, zone)))
    if report.last_error:
        facts.append(("last error", safe(report.last_error)))
    for key, value in report.metadata.items():
        whole = isinstance(value, float) and value.is_integer()
        text = (
            ", ".join(map(str, value))
            if isinstance(value, list | tuple)
            else str(int(value) if whole else value)
        )
        facts.append((safe(str(key)), safe(text)))
    return facts


def _history(report: ExplainReport, screen: Terminal, zone: tzinfo | None) -> list[str]:
    if not report.events:
        return ["No events yet."]
    lines = [f"{plural(len(report.events), 'event')}:"]
    if report.earlier_moves:
        lines.append(screen.dim(f"  {plural(report.earlier_moves, 'earlier move')}, no longer on record"))
    arrow = screen.sign("→", "->")
    run = None
    for event in report.events:
        if event.run_id is not None and event.run_id != run:
            run = event.run_id
            lines.append(screen.dim(f"  run {safe(run)}"))
        lines.append(f"  {screen.dim(moment(event.timestamp, zone))}  {_step(event, arrow, screen)}")
        if event.error:
            lines += [f"      {line}" for line in wrap(safe(event.error), screen.width - 6)]
    return lines


def _step(event: HistoryLine, arrow: str, screen: Terminal) -> str:
    text = f"{safe(event.event)}: {safe(event.from_state)} {arrow} {safe(event.to_state)}"
    return (
        text
        if event.outcome == "success"
        else f"{text} {screen.yellow(f'({safe(event.outcome)}, nothing changed)')}"
    )


def _state(state: str, screen: Terminal) -> str:
    paint = {"indexed": screen.green, "failed": screen.red}.get(state, screen.yellow)
    return paint(safe(state))
