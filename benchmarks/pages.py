"""How fast the pages of ``objlib ui`` answer for a large library, and what they cost an upload that they show.

The first byte of each page is timed over a real port, as the minimum and the median of some requests. Then uploads of
a small library are timed in turn, alone and with its page of runs open and fed by server-sent events; what the page
costs is the median of the ratios of each pair, in seconds and in processor time of the upload. The latter is what other
jobs of the machine change least. Targets: 100 ms at 20,000 files, and 3 %. Run it with ``just bench pages``; ``--files
0`` measures only the cost of the page.
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
from typing import Final, NamedTuple
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


class Cost(NamedTuple):
    """Seconds of an upload, and of the processor for it."""

    wall: float
    processor: float


def upload(home: Path) -> Cost:
    """The cost of an upload of the library in ``home``."""
    began = time.perf_counter()
    command = [sys.executable, "-m", "objlib", "upload", "-q", *places(home)]
    with subprocess.Popen(command, env=environment(home), stdout=subprocess.DEVNULL) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return Cost(time.perf_counter() - began, used.ru_utime + used.ru_stime)


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


def watched_upload(home: Path) -> Cost:
    """The cost of an upload while the page of runs is open, and shown anew at each event."""
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

    with pages(home) as address:
        reader = threading.Thread(target=watch, args=address, daemon=True)
        reader.start()
        try:
            return upload(home)
        finally:
            over.set()


def scan(home: Path) -> None:
    """Make the ledger, which the pages need before they start."""
    command = [sys.executable, "-m", "objlib", "scan", "-q", *places(home)]
    subprocess.run(command, env=environment(home), check=True, capture_output=True)


def pairs_of_uploads(folder: Path, files: int, pairs: int) -> Iterator[tuple[Cost, Cost]]:
    """An upload alone and one that is watched, several times; which comes first alternates."""
    for number in range(pairs):
        costs: dict[bool, Cost] = {}
        for watched in (number % 2 == 0, number % 2 == 1):
            home = folder / f"{number} {watched}"
            write_library(home / "library", files)
            scan(home)
            costs[watched] = watched_upload(home) if watched else upload(home)
            shutil.rmtree(home)
        yield costs[False], costs[True]


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
        if options.files:
            write_library(home / "library", options.files)
            print(f"{options.files:,} files uploaded in {upload(home).wall:.0f} s", flush=True)
            for page, times in first_bytes(home, options.rounds).items():
                slow = slow or min(times) > FIRST_BYTE
                print(
                    f"{page:36} {times[0]:7.1f} ms the first time, {min(times):7.1f} at best,"
                    f" {median(times):7.1f} in the middle",
                    flush=True,
                )
        pairs = []
        for alone, watched in pairs_of_uploads(Path(folder), options.upload_files, options.pairs):
            pairs.append((alone, watched))
            print(
                f"{options.upload_files:,} files alone {alone.wall:.2f} s ({alone.processor:.2f} s of processor),"
                f" watched {watched.wall:.2f} s ({watched.processor:.2f} s)",
                flush=True,
            )
        for number, name in enumerate(Cost._fields) if pairs else ():
            ratio = median(watched[number] / alone[number] for alone, watched in pairs)
            print(f"the page costs {100 * (ratio - 1):+.1f} % of {name} time")
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
