"""How many requests a served store takes, and how long they wait: ``just bench twin``.

A store of 2,000 short documents is served by ``objlib serve``; clients of a raw socket each send one request after
the other, so that the figures are the server's and not those of an HTTP library. Targets: 1,500 documents.get, 150
uploads of 4 kB and 25 generateContent per second at 16 in flight, p99 at most 10 times p50; while a document of
95 MB is indexed no other request waits for more than 100 ms.

Searches are measured twice: as the store is right after its uploads, when a search makes vectors of its best
passages itself, and with all vectors made.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from math import inf
from pathlib import Path
from random import Random

import trio

from objlib.embedded import Options, open_service

WORDS = "bees bring honey from the flowers of every garden between the harbour and the hills".split()


def text(number: int) -> str:
    """A text of 4 kB in sentences of twelve words, drawn by its number: no two texts have a sentence in common."""
    rng = Random(number)
    words = f"{WORDS[number % len(WORDS)]} {number}. "
    while len(words) < 4096:
        drawn = [rng.choice(WORDS) for _ in range(6)] + [
            "".join(rng.choices("aeioulmnrst", k=5)) for _ in range(6)
        ]
        rng.shuffle(drawn)
        words += " ".join(drawn) + ". "
    return words[:4096]


class Client:
    """One connection that sends a request and reads the answer."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self._stream = stream

    async def ask(self, method: str, path: str, body: bytes = b"", headers: str = "") -> tuple[bytes, bytes]:
        """The head and the body of the answer."""
        head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n{headers}\r\n"
        await self._stream.send_all(head.encode() + body)
        data = b""
        while b"\r\n\r\n" not in data:
            data += await self._stream.receive_some(65536)
        answer, _, rest = data.partition(b"\r\n\r\n")
        size = int(answer.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        while len(rest) < size:
            rest += await self._stream.receive_some(65536)
        if not answer.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(answer.decode() + rest.decode())
        return answer, rest

    async def json(self, path: str, value: object) -> dict[str, str]:
        """The JSON of the answer to a POST."""
        kind = "Content-Type: application/json\r\n"
        result: dict[str, str] = json.loads(
            (await self.ask("POST", path, json.dumps(value).encode(), kind))[1]
        )
        return result


async def load(
    name: str, port: int, clients: int, seconds: float, one: Callable[[Client, int], Awaitable[object]]
) -> None:
    """Run ``one`` on each client again and again, and print rate and latencies."""
    times: list[float] = []
    end = trio.current_time() + seconds

    async def work() -> None:
        stream = await trio.open_tcp_stream("127.0.0.1", port)
        client = Client(stream)
        while trio.current_time() < end:
            start = time.perf_counter()
            await one(client, len(times))
            times.append(time.perf_counter() - start)
        await stream.aclose()

    begun = time.perf_counter()
    async with trio.open_nursery() as nursery:
        for _ in range(clients):
            nursery.start_soon(work)
    took = time.perf_counter() - begun
    times.sort()
    p50, p99 = times[len(times) // 2], times[int(len(times) * 0.99)]
    print(
        f"{name:18} {clients:3} in flight {len(times) / took:8.1f}/s   p50 {p50 * 1000:7.1f} ms"
        f"   p99 {p99 * 1000:7.1f} ms   ratio {p99 / p50:4.1f}"
    )


class Bench:
    """A store on a port, and the requests that are measured."""

    def __init__(self, port: int, store: str, names: list[str]) -> None:
        self._port = port
        self._names = names
        self._store = store
        self._path = f"/upload/v1beta/{store}:uploadToFileSearchStore"

    async def upload(self, client: Client, number: int) -> str:
        """Upload a document of 4 kB and return its name."""
        return await self.upload_bytes(client, text(number).encode())

    async def upload_bytes(self, client: Client, body: bytes) -> str:
        """Upload a text and return its name."""
        raw = "X-Goog-Upload-Protocol: raw\r\nContent-Type: text/plain\r\n"
        answer = json.loads((await client.ask("POST", self._path, body, raw))[1])
        name: str = answer["response"]["documentName"]
        return name

    async def get(self, client: Client, number: int) -> object:
        """Look at a document."""
        return await client.ask("GET", f"/v1beta/{self._names[number % len(self._names)]}")

    async def generate(self, client: Client, number: int) -> object:
        """Ask a question."""
        question = f"where does the {WORDS[number % len(WORDS)]} come from in garden {number % 2000}?"
        body = {
            "contents": [{"parts": [{"text": question}]}],
            "tools": [{"fileSearch": {"fileSearchStoreNames": [self._store]}}],
        }
        return await client.json("/v1beta/models/gemini-3.5-flash:generateContent", body)

    async def connect(self) -> Client:
        """A new connection."""
        return Client(await trio.open_tcp_stream("127.0.0.1", self._port))

    async def settle(self, client: Client) -> None:
        """Wait until all documents are indexed."""
        while True:
            _, counts = await client.ask("GET", f"/v1beta/{self._store}")
            if b"pendingDocumentsCount" not in counts:
                return
            await trio.sleep(0.5)

    async def beside(self, megabytes: int) -> None:
        """Print how long other requests wait while one large document is uploaded and indexed."""
        uploader, other = await self.connect(), await self.connect()
        line = (" ".join(WORDS) + " ").encode()
        body = (line * (megabytes * 1_000_000 // len(line) + 1))[: megabytes * 1_000_000]
        waits: list[tuple[float, str]] = []
        begun = time.perf_counter()
        name = await self.upload_bytes(uploader, body)
        sent = time.perf_counter() - begun
        number = 0
        while True:
            start = time.perf_counter()
            _, document = await other.ask("GET", f"/v1beta/{name}")
            waits.append((time.perf_counter() - start, "documents.get"))
            number += 1
            if b"STATE_PENDING" not in document:
                break
            if number % 10 == 0:
                start = time.perf_counter()
                await self.upload(other, number)
                waits.append((time.perf_counter() - start, "upload"))
            await trio.sleep(0.02)
        took = time.perf_counter() - begun
        for kind in ("documents.get", "upload"):
            times = sorted(wait for wait, which in waits if which == kind)
            print(
                f"{kind:16} while {megabytes} MB are indexed ({took:.0f} s, {sent:.1f} s of them sent):"
                f" p50 {times[len(times) // 2] * 1000:.1f} ms   most {times[-1] * 1000:.1f} ms   of {len(times)}"
            )


async def fill(port: int, documents: int) -> tuple[str, list[str]]:
    """Make a store of short documents."""
    client = Client(await trio.open_tcp_stream("127.0.0.1", port))
    store = (await client.json("/v1beta/fileSearchStores", {"displayName": "bench"}))["name"]
    bench = Bench(port, store, [])
    names = [await bench.upload(client, number) for number in range(documents)]
    await bench.settle(client)
    return store, names


async def all_vectors(path: Path) -> None:
    """Make the vectors of all passages, as a quiet minute would."""
    async with open_service(path, options=Options(background_vectors=False)) as service:
        await service.make_vectors(seconds=inf, progress=lambda _: None)


@contextmanager
def served(store: Path) -> Iterator[int]:
    """Serve a store in a child process; the value is its port."""
    words = ["serve", "--port", "0", "--json", "--quiet", "--embedded-store", str(store)]
    with subprocess.Popen([sys.executable, "-m", "objlib", *words], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        url = json.loads(process.stdout.readline())["url"]
        try:
            yield int(url.rpartition(":")[2])
        finally:
            process.terminate()


def main() -> None:
    """Serve a store in a child process and measure it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=2000)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--large", type=int, default=95, help="megabytes of the large document; 0 for none")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "s.db"
        with served(path) as port:
            store, names = trio.run(fill, port, options.documents)
            bench = Bench(port, store, names)
            trio.run(load, "search, no vectors", port, 16, options.seconds, bench.generate)
        trio.run(all_vectors, path)
        with served(path) as port:
            bench = Bench(port, store, names)
            for clients in (1, 16):
                trio.run(load, "documents.get", port, clients, options.seconds, bench.get)
                trio.run(load, "generateContent", port, clients, options.seconds, bench.generate)
            for clients in (1, 16):
                trio.run(load, "upload of 4 kB", port, clients, options.seconds, bench.upload)
            if options.large:
                trio.run(bench.beside, options.large)


if __name__ == "__main__":
    main()
