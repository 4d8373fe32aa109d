"""The metrics: their names, and whether Prometheus itself takes them."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from objlib.core.reports.runs import RunEntry
from objlib.core.reports.status import StatusReport
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
RUNS = [
    RunEntry("3", "upload", "h", 1, 300.0, 310.0, None, alive=True),
    RunEntry("2", "upload", "h", 1, 100.0, 160.0, 160.0, alive=False),
    RunEntry("1", "upload", "h", 1, 10.0, 11.0, 11.0, alive=False),
]


def names(text: str) -> set[str]:
    return set(re.findall(r"^# TYPE (\S+)", text, re.MULTILINE))


def test_the_metrics_say_what_the_reports_say() -> None:
    text = exposition(STATUS, RUNS).decode()
    label = r'library="/home/a \"b\"\\c\nd"'
    assert f'objlib_files{{{label},state="indexed"}} 3.0' in text
    assert f"objlib_deletions_open{{{label}}} 2.0" in text
    assert f"objlib_last_success_timestamp_seconds{{{label}}} 1.8000000005e+09" in text
    assert 'command="upload"' in text
    assert re.search(r"objlib_run_duration_seconds\{.*\} 60\.0", text), "of the last run that ended"
    assert "objlib_request_rate" not in names(text), "no limit is known"


@pytest.mark.skipif(shutil.which("promtool") is None, reason="prometheus is not installed: just system-tools")
def test_prometheus_takes_the_metrics() -> None:
    done = subprocess.run(
        ["promtool", "check", "metrics"], input=exposition(STATUS, RUNS), capture_output=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_documentation_and_dashboard_name_the_metrics_there_are() -> None:
    known = names(exposition(STATUS, RUNS).decode()) | {"objlib_request_rate"}
    page = (ROOT / "docs/cli.md").read_text("utf-8")
    assert set(re.findall(r"^\| `(objlib_\w+)`", page, re.MULTILINE)) == known
    dashboard = json.loads((ROOT / "docs/objlib.grafana.json").read_text("utf-8"))
    queries = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    used = {name for query in queries for name in re.findall(r"objlib_\w+", query)}
    assert used <= known
    assert len(used) >= 6


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
