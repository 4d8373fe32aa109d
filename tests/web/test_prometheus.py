"""A real Prometheus scrapes the pages of a library, and answers the queries of the dashboard."""

import json
import math
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import trio

from objlib.api import open_library
from objlib.core.config.settings import Settings
from objlib.core.events import Observer
from objlib.core.ids import RunId
from objlib.core.lifecycle.delete_limit import DeleteLimit
from objlib.engine.app import Overrides
from objlib.engine.bootstrap.open_app import Command, StoreNeed, open_app
from objlib.engine.reconcile.store_sync import store_sync
from objlib.engine.requests.governor import REQUEST_RATE
from objlib.web.guard import METRICS
from tests.support.browser import served_pages
from tests.support.library import LECTURES, small_library
from tests.test_metrics import dashboard_queries

TOKEN = "a-monitor"
ROUNDS = 100
"""Uploads and looks at the queries at most; a few are needed until each has two samples."""


@contextmanager
def prometheus(folder: Path, address: str) -> Iterator[httpx.Client]:
    """A client of a Prometheus that scrapes ``address`` five times a second."""
    scrape = {
        "job_name": "objlib",
        "scrape_interval": "200ms",
        "scrape_timeout": "200ms",
        "metrics_path": METRICS,
        "authorization": {"credentials": TOKEN},
        "static_configs": [{"targets": [urlsplit(address).netloc]}],
    }
    (folder / "prometheus.yml").write_text(json.dumps({"scrape_configs": [scrape]}), "utf-8")
    command = [
        "prometheus", "--config.file=prometheus.yml", "--storage.tsdb.path=tsdb",
        "--web.listen-address=127.0.0.1:0",
    ]  # fmt: skip
    with subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            seen: list[str] = []
            for line in process.stderr:
                seen.append(line)
                if found := re.search(r'msg="Listening on" address=(\S+)', line):
                    with httpx.Client(base_url=f"http://{found[1]}", trust_env=False) as client:
                        yield client
                    break
            else:
                raise AssertionError("".join(seen))
        finally:
            process.kill()


def has_data(client: httpx.Client, query: str) -> bool:
    """Whether a query returns a number now."""
    told = client.get("/api/v1/query", params={"query": query})
    if told.status_code == 503:  # it is still starting
        return False
    answer: dict[str, Any] = told.json()
    assert answer["status"] == "success", answer
    return any(not math.isnan(float(each["value"][1])) for each in answer["data"]["result"])


async def prepare(folder: Path) -> Settings:
    """A library with everything that a panel shows: a failed file, a comparison, and a known limit."""
    async with small_library(folder, LECTURES | {"broken.pdf": b"%PDF-1.4 cut"}, uploaded=True) as library:
        settings = library.settings
        command = Command("store-sync", records=True, store=StoreNeed.EXISTING)
        async with open_app(settings, command, observer=Observer(), overrides=Overrides()) as app:
            await store_sync(app, apply=False, metadata=False, limit=DeleteLimit())
            await app.ledger.rates.exchange(RunId("1"), rates={REQUEST_RATE: 12.5})
        return settings


async def work_on(settings: Settings, number: int) -> None:
    """An upload whose requests a panel counts, and a file that waits for the next one."""
    async with open_library(settings) as library:
        await library.upload()
        (settings.library / "new.md").write_text(f"Number {number} waits.", "utf-8")
        await library.scan()


@pytest.mark.skipif(
    shutil.which("prometheus") is None, reason="prometheus is not installed: just system-tools"
)
def test_each_panel_of_the_dashboard_shows_the_library(tmp_path: Path) -> None:
    settings = trio.run(prepare, tmp_path)
    queries = {
        query.replace("$library", str(settings.library)).replace("$__rate_interval", "1m")
        for query in dashboard_queries()
    }
    with served_pages(settings, metrics_token=TOKEN) as pages, prometheus(tmp_path, pages.address) as client:
        with httpx.Client(follow_redirects=True, trust_env=False) as browser:
            browser.get(pages.address)
            empty = queries
            for number in range(ROUNDS):
                trio.run(work_on, settings, number)
                browser.get(pages.address.partition("?")[0], params={"q": "stranger"}).raise_for_status()
                empty = {query for query in empty if not has_data(client, query)}
                if not empty:
                    break
    assert empty == set()
