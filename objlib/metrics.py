"""The state of a library as metrics of Prometheus, made from the reports of the Python API."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from objlib.core.reports.runs import RunEntry
from objlib.core.reports.status import StatusReport


def exposition(status: StatusReport, runs: Iterable[RunEntry]) -> bytes:
    """The metrics in the text format of Prometheus; ``runs`` have the newest first.

    Every metric names the library. Names and units follow https://prometheus.io/docs/practices/naming.
    """
    registry = CollectorRegistry()

    def gauge(name: str, about: str, value: float | None, **labels: str) -> None:
        if value is None:
            return
        labels = {"library": status.library} | labels
        if name not in gauges:
            gauges[name] = Gauge(name, about, list(labels), registry=registry)
        gauges[name].labels(**labels).set(value)

    gauges: dict[str, Gauge] = {}
    gauge(
        "objlib_last_success_timestamp_seconds",
        "Unix time of the last upload that left nothing to do",
        status.last_success,
    )
    for state, number in status.states.items():
        gauge("objlib_files", "Files on disk by state", number, state=state)
    gauge("objlib_files_missing", "Files gone from disk that still have a document", status.missing)
    gauge("objlib_files_changed", "Files newer on disk than in the store", status.changed)
    gauge("objlib_files_waiting", "Files that wait for another try", status.waiting)
    gauge("objlib_deletions_open", "Documents to delete", status.intents + status.superseded)
    gauge("objlib_runs_alive", "Runs at work now", status.runs_alive)
    rate = status.governor.get("requests_per_second")
    gauge("objlib_request_rate", "Requests per second that the service last allowed", rate)
    last: dict[str, RunEntry] = {}
    for run in runs:
        if run.ended is not None:
            last.setdefault(run.command, run)
    for command, run in sorted(last.items()):
        ended = run.heartbeat if run.ended is None else run.ended
        about = "Seconds that the last run of a command took"
        gauge("objlib_run_duration_seconds", about, ended - run.started, command=command)
        about = "Unix time at which the last run of a command ended"
        gauge("objlib_run_end_timestamp_seconds", about, ended, command=command)
    return generate_latest(registry)
