"""A process that uploads until it is killed, and prints each answer as soon as it has it.

Run as ``python -m tests.embedded.child FILE NUMBER``; documents are called ``NUMBER-0.txt`` and so on.
"""

import sys
from pathlib import Path

import httpx
import trio

from objlib.embedded import Options, open_service
from tests.support.embedded import Box, ok

GRANULARITY = 64
"""Small, so that documents have several chunks."""


def content(name: str) -> bytes:
    """The bytes of a document: three chunks and a bit."""
    return (f"This is {name}, about lighthouses and bees. " * 20).encode()[: 3 * GRANULARITY + 20]


def say(*words: str) -> None:
    """Print a line that survives a kill of the process."""
    sys.stdout.write(" ".join(words) + "\n")
    sys.stdout.flush()


async def main(path: Path, number: str) -> None:
    """Upload until killed."""
    async with open_service(path, options=Options(granularity=GRANULARITY)) as service:
        transport = httpx.ASGITransport(service.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://box.test") as client:
            box = Box(service, client)
            box.store = (await box.get("fileSearchStores"))["fileSearchStores"][0]["name"]
            async with trio.open_nursery() as nursery:
                for lane in range(4):
                    nursery.start_soon(upload, box, f"{number}{lane}")


async def upload(box: Box, prefix: str) -> None:
    """Upload one document after the other and print each answer."""
    for count in range(1_000_000):
        name = f"{prefix}-{count}.txt"
        data = content(name)
        url = await box.start(len(data), {"displayName": name})
        say("session", name, url)
        for offset in range(0, 3 * GRANULARITY, GRANULARITY):
            ok(await box.command(url, "upload", data[offset : offset + GRANULARITY], offset))
            say("received", name, str(offset + GRANULARITY))
        final = await box.command(url, "upload, finalize", data[3 * GRANULARITY :], 3 * GRANULARITY)
        say("final", name, ok(final)["response"]["documentName"])


if __name__ == "__main__":
    trio.run(main, Path(sys.argv[1]), sys.argv[2])
