"""The status of the ledger."""

from objlib.cli.console.terminal import Terminal, about, duration, moment, more, safe, table
from objlib.cli.render.failures import failure_lines, skip_lines
from objlib.core.advice import advise
from objlib.core.counting import plural
from objlib.core.lifecycle.table import State
from objlib.core.reports.failed_files import SKIPPED
from objlib.core.reports.status import StatusReport

MEANINGS = {
    State.INDEXED: "searchable",
    State.PROCESSING: "sent, being indexed by the service",
    State.UPLOADING: "being sent",
    State.UNTRACKED: "waiting to be sent",
    State.FAILED: "given up, with a reason",
    SKIPPED: "of a kind that no store takes",
}


def status_lines(report: StatusReport, screen: Terminal, now: float) -> list[str]:
    """Counts by state, missing and changed files, the limiter, and failures; ``now`` is Unix time."""
    store = report.store or "none yet"
    lines = table(
        [
            ("library", safe(report.library)),
            ("ledger", safe(report.ledger)),
            ("store", f"{safe(store)} ({safe(report.service or report.backend)})"),
        ],
        indent="",
    )
    lines.append("")
    lines += _states(report, screen)
    notes = _notes(report, now)
    if notes:
        lines += ["", *table(notes)]
    if report.failures_total:
        lines += [
            "",
            screen.red(f"{plural(report.failures_total, 'file or folder', 'files or folders')} failed:"),
        ]
        lines += failure_lines(report.failures, screen)
        lines += more(report.failures_total - len(report.failures), "file")
    return lines + skip_lines(report.skips, report.states.get(SKIPPED, 0), screen)


def _states(report: StatusReport, screen: Terminal) -> list[str]:
    total = sum(report.states.values())
    if not total:
        return [f"No files yet: {advise('upload')}"]
    digits = len(f"{total:,}")
    lines = []
    for state, meaning in MEANINGS.items():
        count = report.states.get(state, 0)
        number = f"{count:>{digits},}"
        if state is State.FAILED and count:
            number = screen.red(number)
        elif state is State.INDEXED and count:
            number = screen.green(number)
        lines.append(f"  {number}  {state:10}  {screen.dim(meaning)}")
    lines.append(f"  {total:>{digits},}  files")
    return lines


def _notes(report: StatusReport, now: float) -> list[tuple[str, str]]:
    when = ""
    if report.next_retry is not None:
        seconds = report.next_retry - now
        when = f", the next one {'in ' + duration(seconds) if seconds > 0 else 'now'} ({moment(report.next_retry)})"
    counted = [
        ("missing", report.missing, "file", f"gone from disk, or left out by a rule{_removable(report)}"),
        ("renamed", report.stale_names, "document", _stale_names()),
        ("changed", report.changed, "file", f"newer on disk than in the store: {advise('upload')}"),
        ("waiting", report.waiting, "file", f"for another try{when}"),
        ("superseded", report.superseded, "old document", f"to delete: {advise('recover')}"),
        ("deletions", report.intents, "delete", f"begun and not finished: {advise('recover')}"),
        ("running", report.runs_alive, "run", f"at work: {advise('runs')}"),
    ]
    notes = [(name, f"{plural(count, noun)} {rest}") for name, count, noun, rest in counted if count]
    if report.last_success is not None:
        notes.append(("up to date", moment(report.last_success)))
    limits = [
        f"{safe(str(key)).replace('_', ' ')} {_number(value)}"
        for key, value in report.governor.items()
        if value is not None
    ]
    if limits:
        notes.append(("limiter", ", ".join(limits)))
    return notes


def _removable(report: StatusReport) -> str:
    """How many documents of missing files a prune removes now, and from when on the next one."""
    now = f"{report.removable:,} to remove now" if report.removable else ""
    until = "" if report.removable_from is None else f"in grace until {moment(report.removable_from)}"
    if not (now or until):
        return ""
    if now and until:
        until = f"the next {until}"
    return f" ({', '.join(filter(None, [now, until]))}): {advise('sync --prune')}"


def _stale_names() -> str:
    return (
        f"sent before the file was renamed, which is no fault; `{advise('store-sync --apply --metadata')}` and the "
        "next upload refresh name and metadata"
    )


def _number(value: object) -> str:
    return about(value) if isinstance(value, float) else safe(str(value))
