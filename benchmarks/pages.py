"""How fast the pages of ``objlib ui`` answer for a large library, and what they cost an upload that they show.

The first byte of each page is timed over a real port, as the minimum and the median of some requests. Then uploads of
a small library are timed in turn, alone and with its page of runs open and fed by server-sent events; the ratio of the
medians is what the page costs. Targets: 100 ms at 20,000 files, and 3 %. Run it with ``just bench pages``.
"""

import argparse
import http.client
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Final
from urllib.parse import parse_qs, urlsplit

ROOT: Final = Path(__file__).parent.parent
PAGES: Final = (
    "/", "/library", "/library?path=part%2003", "/library?state=indexed", "/runs", "/problems", "/stores", "/settings",
    "/?q=distant+moon+of+lecture+17", "/ask?q=distant+moon+of+lecture+17",
)  # fmt: skip
FIRST_BYTE: Final = 100.0
"""Milliseconds to the first byte of a page at most."""


def write_library(root: Path, files: int) -> None:
    """Files in folders of 200, with a little metadata."""
    for number in range(files):
        folder = root / f"part {number // 200:02}"
        folder.mkdir(parents=True, exist_ok=True)
        head = f"---\nauthor: Author {number % 40}\nyear: {1900 + number % 100}\n---\n"
        text = f"{head}# Lecture {number}\n\nOn moon {number}.\n"
        (folder / f"lecture {number}.md").write_text(text, "utf-8")


def environment(home: Path) -> dict[str, str]:
    """Variables under which a command finds nothing of the user's."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "PYTHONPATH": str(ROOT),
        "OBJLIB_EMBED_SECONDS": "0",
    }


def places(home: Path) -> list[str]:
    """Options that name the library, its ledger and its store."""
    names = {"library": home / "library", "ledger": home / "ledger.db", "embedded-store": home / "store.db"}
    return [word for name, path in names.items() for word in (f"--{name}", str(path))]


def upload(home: Path) -> float:
    """Seconds of an upload of the library in ``home``."""
    began = time.perf_counter()
    command = [sys.executable, "-m", "objlib", "upload", "-q", *places(home)]
    subprocess.run(command, env=environment(home), check=True, capture_output=True)
    return time.perf_counter() - began


@contextmanager
def pages(home: Path) -> Iterator[tuple[str, int, str]]:
    """Serve the pages; host, port and the cookie of their session."""
    command = [sys.executable, "-m", "objlib", "ui", "--no-open", "--json", "-q", *places(home)]
    with subprocess.Popen(command, env=environment(home), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            url = urlsplit(json.loads(process.stdout.readline())["url"])
            host, port = url.hostname or "", url.port or 0
            connection = http.client.HTTPConnection(host, port)
            connection.request("GET", f"/?token={parse_qs(url.query)['token'][0]}")
            cookie = connection.getresponse().headers["set-cookie"].partition(";")[0]
            connection.close()
            yield host, port, cookie
        finally:
            process.terminate()


def first_bytes(home: Path, rounds: int) -> dict[str, list[float]]:
    """Milliseconds to the first byte of each page."""
    times: dict[str, list[float]] = {page: [] for page in PAGES}
    with pages(home) as (host, port, cookie):
        for _ in range(rounds):
            for page in PAGES:
                connection = http.client.HTTPConnection(host, port)
                began = time.perf_counter()
                connection.request("GET", page, headers={"cookie": cookie})
                answer = connection.getresponse()
                times[page].append((time.perf_counter() - began) * 1000)
                assert answer.status == 200, (page, answer.status)
                answer.read()
                connection.close()
    return times


def watched_upload(home: Path) -> float:
    """Seconds of an upload while the page of runs is open, and shown anew at each event."""
    over = threading.Event()

    def watch(host: str, port: int, cookie: str) -> None:
        connection = http.client.HTTPConnection(host, port, timeout=5)
        connection.request("GET", "/events", headers={"cookie": cookie})
        events = connection.getresponse()
        while not over.is_set():
            try:
                if not events.readline():
                    return
            except TimeoutError:
                continue

    command = [sys.executable, "-m", "objlib", "scan", "-q", *places(home)]
    subprocess.run(command, env=environment(home), check=True, capture_output=True)  # pages need a ledger
    with pages(home) as address:
        reader = threading.Thread(target=watch, args=address, daemon=True)
        reader.start()
        try:
            return upload(home)
        finally:
            over.set()


def cost(folder: Path, files: int, pairs: int) -> tuple[float, float]:
    """Median seconds of an upload alone and of one that is watched, in turn; both begin after a scan."""
    alone: list[float] = []
    watched: list[float] = []
    for number in range(pairs):
        for times, run in ((alone, upload), (watched, watched_upload)):
            home = folder / f"{number} {run.__name__}"
            write_library(home / "library", files)
            if run is upload:
                command = [sys.executable, "-m", "objlib", "scan", "-q", *places(home)]
                subprocess.run(command, env=environment(home), check=True, capture_output=True)
            times.append(run(home))
            shutil.rmtree(home)
    return median(alone), median(watched)


def main() -> int:
    """Measure, print a table, and exit with 1 when a page is too slow."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--pairs", type=int, default=7, help="uploads alone and watched")
    parser.add_argument("--upload-files", type=int, default=1_500)
    options = parser.parse_args()
    slow = False
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "large"
        write_library(home / "library", options.files)
        print(f"{options.files:,} files uploaded in {upload(home):.0f} s", flush=True)
        for page, times in first_bytes(home, options.rounds).items():
            slow = slow or min(times) > FIRST_BYTE
            print(
                f"{page:36} {min(times):7.1f} ms at best, {median(times):7.1f} ms in the middle", flush=True
            )
        if options.pairs:
            alone, watched = cost(Path(folder), options.upload_files, options.pairs)
            ratio = 100 * (watched / alone - 1)
            print(
                f"{options.upload_files:,} files sent in {alone:.2f} s alone, {watched:.2f} s watched: {ratio:+.1f} %"
            )
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
