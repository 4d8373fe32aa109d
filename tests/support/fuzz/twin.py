"""``just fuzz twin``: fuzz a served store over a real port, and watch the process that serves it.

Rounds: malformed HTTP, drawn requests of each method, connections that are cut, slow or silent. After each of them
the server has to answer as before, with its open files and its memory as before.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final

import trio

from tests.embedded.server.shapes import MALFORMED
from tests.support.fuzz.connections import Answer, ask, cut, silent, slow
from tests.support.fuzz.requests import METHODS, draw

CLIENTS: Final = 16
"""Clients at once of each round."""
GROWTH: Final = 1.25
"""Resident memory at the end of a round over that in the middle of it; caches are full by then."""
SLACK: Final = 24 * 1024 * 1024
"""Bytes of growth that are the allocator's and no leak's."""
GET: Final = b"GET /v1beta/fileSearchStores HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


@dataclass
class Server:
    """The served process, as the kernel sees it."""

    process: subprocess.Popen[bytes]
    port: int
    failures: list[str] = field(default_factory=list)

    def sockets(self) -> int:
        """The number of open sockets."""
        count = 0
        for link in Path(f"/proc/{self.process.pid}/fd").iterdir():
            with suppress(FileNotFoundError):  # it was closed meanwhile
                count += str(link.readlink()).startswith("socket:")
        return count

    def memory(self) -> int:
        """Resident bytes."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        return int(status.partition("VmRSS:")[2].split()[0]) * 1024

    def fail(self, line: str) -> None:
        """Note a broken promise."""
        self.failures.append(line)
        print(f"  FAILED: {line}", flush=True)


@dataclass
class Round:
    """One kind of misuse: ``one`` is called with the numbers from 0, by some clients at once."""

    name: str
    count: int
    one: Callable[[int], Awaitable[Answer | None]]
    allowed: tuple[int, ...] = ()
    statuses: Counter[int] = field(default_factory=Counter)


async def play(server: Server, part: Round, clients: int = CLIENTS) -> None:
    """Play a round and judge it."""
    numbers = iter(range(part.count))
    early = memory = server.memory()
    sockets = server.sockets()
    begun = time.monotonic()

    async def work() -> None:
        nonlocal early
        for number in numbers:
            if number == part.count // 2:
                early = server.memory()
            try:
                answer = await part.one(number)
            except OSError as error:
                server.fail(f"{part.name} {number}: {error!r}")
                return
            if answer is None:
                continue
            part.statuses[answer.status] += 1
            if answer.status >= 500 or (answer.status == 0 and 0 not in part.allowed):
                server.fail(f"{part.name} {number}: {answer.status} {answer.body[:200]!r}")

    async with trio.open_nursery() as nursery:
        for _ in range(clients):
            nursery.start_soon(work)
    if server.process.poll() is not None:
        server.fail(f"{part.name}: the server ended with {server.process.returncode}")
        return
    status = (await ask(server.port, GET)).status
    if status != 200:
        server.fail(f"{part.name}: the server answers {status} afterwards")
    await settle(server, part.name, sockets)
    after = server.memory()
    if after > max(early, memory) * GROWTH + SLACK:
        server.fail(f"{part.name}: memory grew from {max(early, memory):,} to {after:,} bytes")
    counts = " ".join(f"{status or 'closed'}:{count}" for status, count in sorted(part.statuses.items()))
    seconds = time.monotonic() - begun
    print(
        f"{part.name:28} {part.count:6} in {seconds:6.1f} s  memory {memory >> 20} -> {after >> 20} MiB"
        f"  sockets {sockets} -> {server.sockets()}  {counts}",
        flush=True,
    )


async def settle(server: Server, name: str, sockets: int) -> None:
    """Wait until the connections of a round are closed."""
    for _ in range(100):
        if server.sockets() <= sockets:
            return
        await trio.sleep(0.1)  # real time
    server.fail(f"{name}: {server.sockets() - sockets} connections are left")


async def run(server: Server, options: argparse.Namespace) -> None:
    """Play all rounds."""
    port, seed = server.port, options.seed
    text = b"bees bring honey from the flowers of every garden"
    made = await ask(port, post("/v1beta/fileSearchStores", b'{"displayName": "fuzz"}'))
    store = json.loads(made.body)["name"]
    raw = b"X-Goog-Upload-Protocol: raw\r\n"
    path = f"/upload/v1beta/{store}:uploadToFileSearchStore"
    await ask(port, post(path, text, raw, "text/plain"))
    begin = b"X-Goog-Upload-Protocol: resumable\r\nX-Goog-Upload-Command: start\r\n"
    begin += b"X-Goog-Upload-Header-Content-Type: text/plain\r\n"
    shapes = sorted(MALFORMED)

    async def malformed(number: int) -> Answer:
        return await ask(port, MALFORMED[shapes[number % len(shapes)]])

    await play(server, Round("malformed HTTP", options.shapes * len(shapes), malformed))
    for name in sorted(METHODS):
        started = await ask(port, post(path, b"{}", begin))
        session = started.headers["x-goog-upload-url"].partition("upload_id=")[2].partition("&")[0]

        async def drawn(number: int, name: str = name, session: str = session) -> Answer:
            request = draw(Random(f"{seed} {name} {number}"), name, store=store, session=session)
            head = [f"{request.method} {request.url} HTTP/1.1", "Host: 127.0.0.1"]
            head += [f"{key}: {value}" for key, value in request.headers.items()]
            head += [f"Content-Length: {len(request.content)}", "", ""]
            return await ask(port, "\r\n".join(head).encode() + request.content)

        await play(server, Round(name, options.requests, drawn))
    await play(server, Round("cut connections", options.cuts, lambda number: cut(port, path, number, seed)))
    rounds = (
        Round("slow connections", options.slow, lambda _: slow(port, options.seconds), (0,)),
        Round("silent connections", options.silent, lambda _: silent(port, options.seconds), (0,)),
    )
    for part in rounds:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(play, server, part, part.count)
            await trio.sleep(min(1.0, options.seconds / 2))  # real time
            begun = trio.current_time()
            if (await ask(port, GET)).status != 200:
                server.fail(f"{part.name}: another client gets no answer meanwhile")
            print(
                f"  another client waits {(trio.current_time() - begun) * 1000:.0f} ms meanwhile", flush=True
            )


def post(path: str, body: bytes, headers: bytes = b"", kind: str = "application/json") -> bytes:
    """A POST on the wire."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
    )
    return head.encode() + headers + b"\r\n" + body


def main() -> int:
    """Serve a store in a child process and fuzz it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--requests", type=int, default=2000, help="drawn requests of each method")
    parser.add_argument("--shapes", type=int, default=10, help="times that each malformed shape is sent")
    parser.add_argument("--cuts", type=int, default=10_000, help="connections that are cut")
    parser.add_argument("--slow", type=int, default=200, help="connections that send a byte at a time")
    parser.add_argument(
        "--silent", type=int, default=200, help="connections that send nothing, or half a head"
    )
    parser.add_argument("--seconds", type=float, default=10.0, help="how long those two kinds last")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        words = ["serve", "--port", "0", "--json", "--quiet", "--embedded-store", str(Path(folder) / "s.db")]
        with subprocess.Popen([sys.executable, "-m", "objlib", *words], stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            url = json.loads(process.stdout.readline())["url"]
            server = Server(process, int(url.rpartition(":")[2]))
            try:
                trio.run(run, server, options)
            finally:
                process.terminate()
                process.wait()
    print(f"{len(server.failures)} failures; the server ended with {process.returncode}")
    return 1 if server.failures or process.returncode else 0


if __name__ == "__main__":
    sys.exit(main())
