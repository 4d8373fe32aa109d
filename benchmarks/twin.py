"""How many requests a served store takes, and how long they wait: ``just bench twin``.

A store of 2,000 short documents is served by ``objlib serve``; clients of a raw socket each send one request after
the other, so that the figures are the server's and not those of an HTTP library. Targets: 1,500 documents.get, 150
uploads of 4 kB and 25 generateContent per second at 16 in flight, p99 at most 10 times p50.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import trio

WORDS = "bees bring honey from the flowers of every garden between the harbour and the hills".split()


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
        f"{name:16} {clients:3} in flight {len(times) / took:8.1f}/s   p50 {p50 * 1000:7.1f} ms"
        f"   p99 {p99 * 1000:7.1f} ms   ratio {p99 / p50:4.1f}"
    )


async def run(port: int, documents: int, seconds: float) -> None:
    """Fill the store and measure each kind of request at 1 and 16 in flight."""
    stream = await trio.open_tcp_stream("127.0.0.1", port)
    client = Client(stream)
    store = (await client.json("/v1beta/fileSearchStores", {"displayName": "bench"}))["name"]
    raw = "X-Goog-Upload-Protocol: raw\r\nContent-Type: text/plain\r\n"
    path = f"/upload/v1beta/{store}:uploadToFileSearchStore"
    text = (" ".join(WORDS) + ". ") * 46

    async def upload(client: Client, number: int) -> str:
        words = f"{WORDS[number % len(WORDS)]} {number}. "
        body = (words + text)[:4096].encode()
        answer = json.loads((await client.ask("POST", path, body, raw))[1])
        name: str = answer["response"]["documentName"]
        return name

    names = [await upload(client, number) for number in range(documents)]
    while True:
        _, counts = await client.ask("GET", f"/v1beta/{store}")
        if b"pendingDocumentsCount" not in counts:
            break
        await trio.sleep(0.5)

    async def get(client: Client, number: int) -> object:
        return await client.ask("GET", f"/v1beta/{names[number % len(names)]}")

    async def generate(client: Client, number: int) -> object:
        question = f"where does the {WORDS[number % len(WORDS)]} come from in garden {number % 2000}?"
        body = {
            "contents": [{"parts": [{"text": question}]}],
            "tools": [{"fileSearch": {"fileSearchStoreNames": [store]}}],
        }
        return await client.json("/v1beta/models/gemini-3.5-flash:generateContent", body)

    for clients in (1, 16):
        await load("documents.get", port, clients, seconds, get)
        await load("generateContent", port, clients, seconds, generate)
        await load("upload of 4 kB", port, clients, seconds, upload)
    await stream.aclose()


def main() -> None:
    """Serve a store in a child process and measure it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=2000)
    parser.add_argument("--seconds", type=float, default=5.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        words = ["serve", "--port", "0", "--json", "--quiet", "--embedded-store", str(Path(folder) / "s.db")]
        with subprocess.Popen([sys.executable, "-m", "objlib", *words], stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            url = json.loads(process.stdout.readline())["url"]
            try:
                trio.run(run, int(url.rpartition(":")[2]), options.documents, options.seconds)
            finally:
                process.terminate()


if __name__ == "__main__":
    main()
