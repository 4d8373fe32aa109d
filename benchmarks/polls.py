"""Polls at the interval of the documentation's loop, on connections that clients keep open in between.

``just bench polls`` lets five clients ask a served store every five seconds, the time after which a server with a short
keep-alive closes a connection while the next request is on its way. No poll may fail. ``just clients`` installs them.
"""

import argparse
import asyncio
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import httpx

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from objlib.testing.pytest import serve_twin

PATH: Final = "/v1beta/fileSearchStores"
NODE: Final = """
const [url, sessions, polls, interval] = process.argv.slice(1).map((word, n) => n ? Number(word) : word);
const http = require("node:http");
let failed = 0, asked = 0;
function ask(agent) {
  return new Promise((done) => {
    asked += 1;
    http.get(url, { agent }, (answer) => {
      failed += answer.statusCode != 200;
      answer.resume().on("end", done);
    })
      .on("error", (error) => { failed += 1; console.error(String(error)); done(); });
  });
}
async function session() {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  for (let n = 0; n < polls; n++) {
    if (n) await new Promise((wake) => setTimeout(wake, interval * 1000));
    await ask(agent);
  }
  agent.destroy();
}
Promise.all(Array.from({ length: sessions }, session)).then(() => console.log(asked, failed));
"""
"""The same with Node's own client: it prints how many polls were sent, and how many failed."""

Poll = Callable[[], int]


@contextmanager
def _requests(url: str) -> Iterator[Poll]:
    requests: Any = import_module("requests")  # of `just clients`, as the others

    with requests.Session() as session:
        yield lambda: session.get(url, timeout=30).status_code


@contextmanager
def _httpx(url: str) -> Iterator[Poll]:
    limits = httpx.Limits(keepalive_expiry=3600)  # its own default gives a connection up after five seconds
    with httpx.Client(limits=limits, timeout=30) as client:
        yield lambda: client.get(url).status_code


@contextmanager
def _urllib3(url: str) -> Iterator[Poll]:
    urllib3: Any = import_module("urllib3")

    with urllib3.PoolManager(retries=False, timeout=30) as pool:
        yield lambda: pool.request("GET", url).status


def poll_in_threads(
    client: Callable[[str], AbstractContextManager[Poll]],
    url: str,
    sessions: int,
    polls: int,
    interval: float,
) -> tuple[int, int]:
    """Polls sent and polls that failed, of ``sessions`` connections at once."""
    failures: list[str] = []

    def run() -> None:
        with client(url) as poll:
            for number in range(polls):
                if number:
                    time.sleep(interval)
                try:
                    if (status := poll()) != 200:
                        failures.append(f"status {status}")
                except Exception as error:
                    failures.append(f"{type(error).__name__}: {error}")

    threads = [threading.Thread(target=run) for _ in range(sessions)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for failure in failures[:3]:
        print(f"    {failure}", file=sys.stderr)
    return sessions * polls, len(failures)


def poll_with_aiohttp(url: str, sessions: int, polls: int, interval: float) -> tuple[int, int]:
    """The same with aiohttp, in a loop of asyncio."""
    aiohttp: Any = import_module("aiohttp")

    async def session() -> int:
        failed = 0
        connector = aiohttp.TCPConnector(keepalive_timeout=3600)
        async with aiohttp.ClientSession(connector=connector) as client:
            for number in range(polls):
                if number:
                    await asyncio.sleep(interval)
                try:
                    async with client.get(url) as answer:
                        await answer.read()
                        failed += answer.status != 200
                except aiohttp.ClientError as error:
                    print(f"    {type(error).__name__}: {error}", file=sys.stderr)
                    failed += 1
        return failed

    async def main() -> int:
        return sum(await asyncio.gather(*(session() for _ in range(sessions))))

    return sessions * polls, asyncio.run(main())


def poll_with_node(url: str, sessions: int, polls: int, interval: float) -> tuple[int, int]:
    """The same with Node."""
    command = ["node", "-e", NODE, "--", url, str(sessions), str(polls), str(interval)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    asked, failed = done.stdout.split()
    return int(asked), int(failed)


def main() -> int:
    """Poll with every client at once, print a line for each, and exit with 1 when a poll failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=16, help="connections of each client")
    parser.add_argument("--polls", type=int, default=25, help="polls of each connection")
    parser.add_argument("--interval", type=float, default=5.0, help="seconds between two polls")
    options = parser.parse_args()
    each = (options.sessions, options.polls, options.interval)
    clients: dict[str, Callable[[str], tuple[int, int]]] = {
        "requests": lambda url: poll_in_threads(_requests, url, *each),
        "httpx": lambda url: poll_in_threads(_httpx, url, *each),
        "urllib3": lambda url: poll_in_threads(_urllib3, url, *each),
        "aiohttp": lambda url: poll_with_aiohttp(url, *each),
    }
    if shutil.which("node"):
        clients["node"] = lambda url: poll_with_node(url, *each)
    else:
        print("node is not installed and is left out")
    results: dict[str, tuple[int, int]] = {}
    with TemporaryDirectory() as folder, serve_twin(Path(folder, "twin.db")) as twin:
        url = twin.url + PATH

        def run(name: str) -> None:
            results[name] = clients[name](url)

        threads = [threading.Thread(target=run, args=(name,)) for name in clients]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    for name in clients:
        sent, failed = results.get(name, (0, 1))
        print(f"{name:10} {sent:6,} polls, {failed} failed")
    return int(any(results.get(name, (0, 1))[1] for name in clients))


if __name__ == "__main__":
    sys.exit(main())
