"""``python -m benchmarks.lab.service``: what an upload asks of a service, answered at the least cost.

No storage and no library of HTTP: a head is searched for the few words that matter, and a body is counted and dropped.
It prints its address, and serves until its standard input ends. ``--latency`` delays each answer.
"""

import argparse
import sys
from contextlib import suppress
from functools import partial
from itertools import count

import trio

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
NUMBERS = count(1)


def answer(head: bytes, base: str) -> bytes:
    """The answer to a request with this head."""
    lower = head.lower()
    path = head.split(b" ", 2)[1].decode()
    resource = path[path.find("fileSearchStores/") :].partition("?")[0]
    store = "/".join(resource.split("/")[:2]).partition(":")[0]
    number = path.partition("upload_id=")[2].partition("&")[0]
    extra, body = "", "{}"
    if b"x-goog-upload-command: start" in lower:
        url = f"{base}/upload/v1beta/{store}:uploadToFileSearchStore?upload_id=u{next(NUMBERS):08}"
        extra = f"X-Goog-Upload-Status: active\r\nX-Goog-Upload-URL: {url}&upload_protocol=resumable\r\n"
        extra += "X-Goog-Upload-Chunk-Granularity: 8388608\r\n"
    elif b"finalize" in lower:
        extra = "X-Goog-Upload-Status: final\r\n"
        body = f'{{"name": "{store}/upload/operations/{number}"}}'
    elif b"x-goog-upload-command: upload" in lower:
        extra = "X-Goog-Upload-Status: active\r\n"
    elif "/operations/" in resource:
        document = f"{store}/documents/{resource.rpartition('/')[2]}"
        body = f'{{"name": "{resource}", "done": true, "response": {{"documentName": "{document}"}}}}'
    elif "/documents/" in resource and head.startswith(b"GET"):
        body = f'{{"name": "{resource}", "state": "STATE_ACTIVE"}}'
    elif path.partition("?")[0].endswith("/fileSearchStores") and head.startswith(b"GET"):
        body = '{"fileSearchStores": [{"name": "fileSearchStores/bench-1", "displayName": "bench"}]}'
    elif "fileSearchStores" in path and "/documents" not in path:
        body = '{"name": "fileSearchStores/bench-1", "displayName": "bench"}'
    return HEAD + f"{extra}Content-Length: {len(body)}\r\n\r\n{body}".encode()


async def serve(stream: trio.SocketStream, base: str, latency: float) -> None:
    """One connection."""
    data = bytearray()
    while True:
        while (end := data.find(b"\r\n\r\n")) < 0:
            more = await stream.receive_some()
            if not more:
                return
            data += more
        head = bytes(data[: end + 4])
        del data[: end + 4]
        at = head.lower().find(b"\r\ncontent-length:")
        missing = int(head[at + 17 : head.find(b"\r\n", at + 2)]) if at >= 0 else 0
        taken = min(missing, len(data))
        del data[:taken]
        missing -= taken
        while missing:
            more = await stream.receive_some(min(missing, 1 << 20))
            if not more:
                return
            missing -= len(more)
        if latency:
            await trio.sleep(latency)
        await stream.send_all(answer(head, base))


async def main() -> None:
    """Serve until standard input ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--latency", type=float, default=0.0)
    latency = parser.parse_args().latency
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    base = f"http://127.0.0.1:{listeners[0].socket.getsockname()[1]}"
    print(base, flush=True)
    async with trio.open_nursery() as nursery:
        handler = partial(quietly, base=base, latency=latency)
        nursery.start_soon(trio.serve_listeners, handler, listeners)
        await trio.to_thread.run_sync(sys.stdin.read)
        nursery.cancel_scope.cancel()


async def quietly(stream: trio.SocketStream, base: str, latency: float) -> None:
    """One connection; a client may go away at any time."""
    with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
        await serve(stream, base, latency)


if __name__ == "__main__":
    trio.run(main)
