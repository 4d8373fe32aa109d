"""The state of a library as metrics of Prometheus, made from a report of the Python API."""

from collections.abc import Iterator, Mapping
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from objlib.core.lifecycle.table import State
from objlib.core.reports.metrics import MetricsReport
from objlib.core.reports.runs import RunEntry
from objlib.core.totals import BEYOND, LATENCIES

Labels = tuple[str, ...]

_SETTLED: Final = frozenset({State.INDEXED, State.FAILED})
"""States in which a file waits for nothing."""


def exposition(report: MetricsReport, accept: str = "") -> tuple[bytes, str]:
    """The metrics and their content type: the text format of Prometheus, or OpenMetrics where ``accept`` asks for it.

    Every metric names the library. Names and units follow https://prometheus.io/docs/practices/naming.
    """
    registry = CollectorRegistry()
    registry.register(_Report(report))
    encode, content_type = choose_encoder(accept)
    return encode(registry), content_type


class _Report(Collector):
    """The metrics of one report."""

    def __init__(self, report: MetricsReport) -> None:
        self._report = report

    def collect(self) -> Iterator[Metric]:
        """All metrics, in the order in which the documentation has them."""
        yield from self._files()
        yield from self._deletions()
        yield from self._runs()
        yield from self._requests()
        yield from self._store()

    def _files(self) -> Iterator[Metric]:
        report, status = self._report, self._report.status
        yield from self._gauge(
            "objlib_last_success_timestamp_seconds",
            "Unix time of the last upload that left nothing to do",
            status.last_success,
        )
        yield self._gauges("objlib_files", "Files on disk by state", "state", status.states)
        yield self._gauges("objlib_file_bytes", "Bytes of the files on disk by state", "state", report.bytes)
        waits = {state: at for state, at in report.oldest.items() if state not in _SETTLED}
        about = "Unix time since when the file that waits longest has been in a state"
        yield self._gauges("objlib_oldest_file_timestamp_seconds", about, "state", waits)
        about = "Files gone from disk that still have a document"
        yield from self._gauge("objlib_files_missing", about, status.missing)
        about = "Files newer on disk than in the store"
        yield from self._gauge("objlib_files_changed", about, status.changed)
        yield from self._gauge("objlib_files_waiting", "Files that wait for another try", status.waiting)

    def _deletions(self) -> Iterator[Metric]:
        status = self._report.status
        yield from self._gauge(
            "objlib_deletions_open", "Documents to delete", status.intents + status.superseded
        )
        about = "Unix time since when the document that waits longest has been to be deleted"
        yield from self._gauge(
            "objlib_oldest_deletion_timestamp_seconds", about, self._report.oldest_deletion
        )

    def _runs(self) -> Iterator[Metric]:
        yield from self._gauge("objlib_runs_alive", "Runs at work now", self._report.status.runs_alive)
        last: dict[str, RunEntry] = {}
        for run in self._report.runs:
            if run.ended is not None:
                last.setdefault(run.command, run)
        ended = {command: run.ended or run.heartbeat for command, run in sorted(last.items())}
        took = {command: moment - last[command].started for command, moment in ended.items()}
        about = "Seconds that the last run of a command took"
        yield self._gauges("objlib_run_duration_seconds", about, "command", took)
        about = "Unix time at which the last run of a command ended"
        yield self._gauges("objlib_run_end_timestamp_seconds", about, "command", ended)
        about = "Files that something happened to in a run, by the event"
        yield self._counter("objlib_file_events", about, "events", ("event",))

    def _requests(self) -> Iterator[Metric]:
        rate = self._report.status.governor.get("requests_per_second")
        about = "Requests per second that the service last allowed"
        yield from self._gauge("objlib_request_rate", about, rate)
        about = "Requests of all runs: answered, throttled, or failed by a fault of service or network"
        yield self._counter("objlib_requests", about, "requests", ("purpose", "result"))
        about = "Seconds until a request of a run was answered"
        totals = self._report.totals
        yield self._histogram("objlib_request_duration_seconds", about, totals, "request_seconds")
        yield self._counter("objlib_sent_bytes", "Bytes of documents that runs sent", "sent_bytes", ())

    def _store(self) -> Iterator[Metric]:
        report = self._report
        about = "Unix time at which store and ledger were last compared as a whole"
        yield from self._gauge("objlib_comparison_timestamp_seconds", about, report.compared)
        about = "Documents in which the last comparison found store and ledger to differ"
        yield self._gauges("objlib_drift_documents", about, "kind", report.drift)
        if report.vectors is not None:
            yield from self._gauge("objlib_passages", "Passages in the store", report.vectors.total)
            about = "Passages that can be found by their meaning"
            yield from self._gauge("objlib_passages_with_vector", about, report.vectors.done)
        about = "Seconds until the store answered a search or a question of this process"
        yield self._histogram("objlib_search_duration_seconds", about, report.searches, "request_seconds")

    def _gauge(self, name: str, about: str, value: float | None) -> Iterator[Metric]:
        if value is not None:
            family = GaugeMetricFamily(name, about, labels=["library"])
            family.add_metric([self._library], value)
            yield family

    def _gauges(self, name: str, about: str, label: str, values: Mapping[str, float]) -> Metric:
        family = GaugeMetricFamily(name, about, labels=["library", label])
        for of, value in values.items():
            family.add_metric([self._library, of], value)
        return family

    def _counter(self, name: str, about: str, total: str, labels: Labels) -> Metric:
        family = CounterMetricFamily(name, about, labels=["library", *labels])
        for of, value in _named(self._report.totals, total):
            family.add_metric([self._library, *of], value)
        return family

    def _histogram(self, name: str, about: str, totals: Mapping[str, float], total: str) -> Metric:
        family = HistogramMetricFamily(name, about, labels=["library", "purpose"])
        counts: dict[str, dict[str, float]] = {}
        for (of, bound), value in _named(totals, total):
            counts.setdefault(of, {})[bound] = value
        for of, classes in counts.items():
            number, buckets = 0.0, []
            for bound in (*map(str, LATENCIES), BEYOND):
                number += classes.get(bound, 0.0)
                buckets.append((bound, number))
            family.add_metric([self._library, of], buckets, classes.get("sum", 0.0))
        return family

    @property
    def _library(self) -> str:
        return self._report.status.library


def _named(totals: Mapping[str, float], name: str) -> Iterator[tuple[Labels, float]]:
    """The labels of the totals of that name, with their numbers."""
    for key, value in sorted(totals.items()):
        first, *labels = key.split(" ")
        if first == name:
            yield tuple(labels), value
