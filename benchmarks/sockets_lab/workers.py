"""Sixteen workers with plain backoff, as users write them: httpx, no ledger, no pace.

``python -m benchmarks.sockets_lab.workers URL FOLDER STORE``. A request that failed is sent again after an exponential
backoff with full jitter; an answer that was lost is taken for a request that failed.
"""

import argparse
import hashlib
import random
from pathlib import Path
from typing import Any

import httpx
import trio

from objlib.core.ids import KEY_HASH

WORKERS = 16


async def insist(client: httpx.AsyncClient, method: str, url: str, **more: Any) -> httpx.Response:
    """Send a request until it is answered well."""
    tries = 0
    while True:
        try:
            reply = await client.request(method, url, **more)
            if reply.status_code < 400:
                if reply.content:
                    reply.json()
                return reply
        except (httpx.HTTPError, ValueError):
            pass
        await trio.sleep(random.random() * min(60, 2**tries))
        tries += 1


async def upload(client: httpx.AsyncClient, store: str, name: str, data: bytes) -> None:
    """Upload one file, and wait until it is indexed."""
    digest = hashlib.sha256(data).hexdigest()
    start = {
        "x-goog-upload-protocol": "resumable",
        "x-goog-upload-command": "start",
        "x-goog-upload-header-content-length": str(len(data)),
        "x-goog-upload-header-content-type": "text/plain",
    }
    body = {"displayName": name, "customMetadata": [{"key": KEY_HASH, "stringValue": digest}]}
    finish = {"x-goog-upload-command": "upload, finalize", "x-goog-upload-offset": "0"}
    while True:
        reply = await insist(
            client, "POST", f"/upload/v1beta/{store}:uploadToFileSearchStore", json=body, headers=start
        )
        session = reply.headers["x-goog-upload-url"]
        try:
            sent = await client.post(session, content=data, headers=finish)
            operation = sent.json()["name"]
            break
        except (httpx.HTTPError, ValueError, KeyError):
            await trio.sleep(random.random())
    wait = 0.05
    while not (await insist(client, "GET", f"/v1beta/{operation}")).json().get("done"):
        await trio.sleep(wait)
        wait = min(10.0, 1.5 * wait)


async def run(url: str, files: list[tuple[str, bytes]], name: str) -> None:
    """Create a store, and share the files between the workers."""
    waiting = iter(files)
    async with httpx.AsyncClient(base_url=url, timeout=30) as client:
        store = (await insist(client, "POST", "/v1beta/fileSearchStores", json={"displayName": name})).json()

        async def work() -> None:
            for file, data in waiting:
                await upload(client, store["name"], file, data)

        async with trio.open_nursery() as nursery:
            for _ in range(WORKERS):
                nursery.start_soon(work)


def main() -> None:
    """Read the arguments, and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("folder", type=Path)
    parser.add_argument("store")
    args = parser.parse_args()
    files = [(path.name, path.read_bytes()) for path in sorted(args.folder.iterdir())]
    trio.run(run, args.url, files, args.store)


if __name__ == "__main__":
    main()
