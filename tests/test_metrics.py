"""The metrics: their names, and whether Prometheus itself takes them."""

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from objlib.core.reports.metrics import MetricsReport
from objlib.core.reports.runs import RunEntry
from objlib.core.reports.status import StatusReport
from objlib.core.reports.upload import VectorReport
from objlib.core.totals import RunTotals
from objlib.metrics import exposition
from tests.house.tree import ROOT

STATUS = StatusReport(
    library='/home/a "b"\\c\nd',
    ledger="ledger.db",
    backend="embedded",
    store="fileSearchStores/x",
    states={"indexed": 3, "failed": 1},
    missing=2,
    changed=0,
    waiting=0,
    next_retry=None,
    superseded=1,
    intents=1,
    runs_alive=1,
    governor={"max_uploads": 16, "requests_per_second": None},
    last_success=1_800_000_000.5,
)
RUNS = (
    RunEntry("3", "upload", "h", 1, 300.0, 310.0, None, alive=True),
    RunEntry("2", "upload", "h", 1, 100.0, 160.0, 160.0, alive=False),
    RunEntry("1", "upload", "h", 1, 10.0, 11.0, 11.0, alive=False),
)
TOTALS = RunTotals()
for seconds in (0.04, 0.2, 0.2, 90.0):
    TOTALS.add("requests", "upload", "answered")
    TOTALS.observe("request_seconds", "upload", seconds=seconds)
TOTALS.add("requests", "poll", "throttled")
TOTALS.add("events", "recovered")
TOTALS.add("sent_bytes", by=5000)
REPORT = MetricsReport(
    status=STATUS,
    runs=RUNS,
    totals=TOTALS.numbers,
    bytes={"indexed": 700},
    oldest={"indexed": 5.0, "untracked": 6.0},
    oldest_deletion=7.0,
    compared=8.0,
    drift={"orphan": 1, "ghost": 0},
    vectors=VectorReport(done=3, total=4),
    searches={"request_seconds ask 0.1": 2.0, "request_seconds ask sum": 0.15},
)
LIMITED = replace(REPORT, status=replace(STATUS, library="/home/a", governor={"requests_per_second": 12.5}))
OPEN_METRICS = "application/openmetrics-text; version=1.0.0"


def dashboard_queries() -> list[str]:
    dashboard = json.loads((ROOT / "docs/objlib.grafana.json").read_text("utf-8"))
    return [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ())]


def names(text: str) -> set[str]:
    return set(re.findall(r"^# TYPE (\S+)", text, re.MULTILINE))


def test_the_metrics_say_what_the_report_says() -> None:
    text = exposition(REPORT)[0].decode()
    library = r'library="/home/a \"b\"\\c\nd"'
    for line in (
        f'objlib_files{{{library},state="indexed"}} 3.0',
        f'objlib_file_bytes{{{library},state="indexed"}} 700.0',
        f'objlib_oldest_file_timestamp_seconds{{{library},state="untracked"}} 6.0',
        f"objlib_deletions_open{{{library}}} 2.0",
        f"objlib_oldest_deletion_timestamp_seconds{{{library}}} 7.0",
        f"objlib_last_success_timestamp_seconds{{{library}}} 1.8000000005e+09",
        f'objlib_run_duration_seconds{{command="upload",{library}}} 60.0',
        f'objlib_requests_total{{{library},purpose="upload",result="answered"}} 4.0',
        f'objlib_requests_total{{{library},purpose="poll",result="throttled"}} 1.0',
        f'objlib_request_duration_seconds_bucket{{le="0.05",{library},purpose="upload"}} 1.0',
        f'objlib_request_duration_seconds_bucket{{le="0.25",{library},purpose="upload"}} 3.0',
        f'objlib_request_duration_seconds_bucket{{le="60.0",{library},purpose="upload"}} 3.0',
        f'objlib_request_duration_seconds_bucket{{le="+Inf",{library},purpose="upload"}} 4.0',
        f'objlib_request_duration_seconds_sum{{{library},purpose="upload"}} 90.44',
        f'objlib_file_events_total{{event="recovered",{library}}} 1.0',
        f"objlib_sent_bytes_total{{{library}}} 5000.0",
        f'objlib_drift_documents{{kind="ghost",{library}}} 0.0',
        f"objlib_comparison_timestamp_seconds{{{library}}} 8.0",
        f"objlib_passages{{{library}}} 4.0",
        f"objlib_passages_with_vector{{{library}}} 3.0",
        f'objlib_search_duration_seconds_count{{{library},purpose="ask"}} 2.0',
    ):
        assert line in text
    assert 'state="indexed"} 5.0' not in text, "an indexed file waits for nothing"
    assert "objlib_request_rate" not in names(text), "no limit is known"


def test_a_monitor_gets_open_metrics_where_it_asks_for_them() -> None:
    text, content_type = exposition(REPORT, OPEN_METRICS)
    assert content_type.startswith("application/openmetrics-text")
    assert text.endswith(b"# EOF\n")
    types = set(re.findall(rb"^# TYPE .*", text, re.MULTILINE))
    assert {b"# TYPE objlib_requests counter", b"# TYPE objlib_request_duration_seconds histogram"} <= types


def test_totals_are_added_up() -> None:
    totals = RunTotals({"events indexed": 2})
    totals.add("events", "indexed")
    totals.merge({"events indexed": 1, "sent_bytes": 5})
    assert totals.take() == {"events indexed": 4, "sent_bytes": 5}
    assert totals.take() == {}


@pytest.mark.skipif(shutil.which("promtool") is None, reason="prometheus is not installed: just system-tools")
def test_prometheus_takes_the_metrics() -> None:
    done = subprocess.run(
        ["promtool", "check", "metrics"], input=exposition(REPORT)[0], capture_output=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_documentation_and_dashboard_name_the_metrics_there_are() -> None:
    known = names(exposition(LIMITED)[0].decode())
    page = (ROOT / "docs/cli.md").read_text("utf-8")
    assert set(re.findall(r"^\| `(objlib_\w+)`", page, re.MULTILINE)) == known
    used = {name for query in dashboard_queries() for name in re.findall(r"objlib_\w+", query)}
    assert {re.sub("_(bucket|count|sum)$", "", name) for name in used} <= known
    assert len(used) >= 12


@pytest.mark.skipif(shutil.which("promtool") is None, reason="prometheus is not installed: just system-tools")
def test_each_query_of_the_dashboard_returns_data(tmp_path: Path) -> None:
    """Prometheus evaluates the queries over ten minutes of the metrics, each of which grows by one a minute."""
    samples = [line for line in exposition(LIMITED)[0].decode().splitlines() if not line.startswith("#")]
    queries = [
        query.replace("$library", ".*").replace("$__rate_interval", "5m") for query in dashboard_queries()
    ]
    tests = {
        "interval": "1m",
        "input_series": [
            {"series": name, "values": f"{value}+1x10"} for name, value in (s.rsplit(" ", 1) for s in samples)
        ],
        "promql_expr_test": [
            {
                "expr": f"count({query}) > bool 0",
                "eval_time": "10m",
                "exp_samples": [{"labels": "{}", "value": 1}],
            }
            for query in queries
        ],
    }
    (tmp_path / "dashboard.yml").write_text(json.dumps({"tests": [tests]}), encoding="utf-8")
    command = ["promtool", "test", "rules", str(tmp_path / "dashboard.yml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_file_is_replaced_in_one_piece(tmp_path: Path) -> None:
    (tmp_path / "library").mkdir()
    (tmp_path / "library/a.md").write_text("a", encoding="utf-8")
    places = ["--library", "library", "--ledger", "l.db", "--embedded-store", "s.db", "--backend", "embedded"]

    def objlib(*words: str) -> subprocess.CompletedProcess[bytes]:
        command = [sys.executable, "-m", "objlib", *words, *places]
        environment = {**os.environ, "XDG_DATA_HOME": str(tmp_path / "data")}
        return subprocess.run(command, cwd=tmp_path, capture_output=True, check=False, env=environment)

    assert objlib("upload", "-q").returncode == 0
    assert objlib("metrics", "--file", "objlib.prom", "-q").returncode == 0
    assert b'state="indexed"} 1.0' in (tmp_path / "objlib.prom").read_bytes()
    assert sorted(path.name for path in tmp_path.glob("*.prom*")) == ["objlib.prom"]
    refused = objlib("metrics", "--file", "nowhere/objlib.prom")
    assert refused.returncode == 2
    assert b"cannot write" in refused.stderr
