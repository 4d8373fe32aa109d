"""Whole ``objlib upload`` processes on one ledger, against a quota: every request counts, of whatever kind.

Afterwards the store is opened in this process, where no quota is in the way, and every document in it is looked at.
"""

import hashlib
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import trio

from objlib.core.ids import KEY_HASH
from objlib.core.remote import DocumentState
from objlib.embedded import open_service
from objlib.gemini import Endpoint, open_client
from tests.support.pacing_lab.scenarios import GOOD, WASTE, Measure

from .served import Seen, Served, process, serving

STORE: Final = "lectures"


@dataclass(frozen=True, slots=True)
class Uploads:
    """One row: processes, files, and requests per second that are allowed."""

    processes: int
    files: int
    limit: float
    latency: float
    good: float = 0.97
    waste: float = 0.01

    @property
    def name(self) -> str:
        """As the table shows it."""
        who = "objlib upload" if self.processes == 1 else f"{self.processes} x objlib upload"
        return f"{who}, {self.files} files, {self.limit:g}/s, latency {self.latency:g} s"

    @property
    def quota(self) -> str:
        """In the words of ``objlib serve --quota``."""
        return f"{self.limit:g}/s,latency {self.latency:g}s" if self.latency else f"{self.limit:g}/s"

    @property
    def rate(self) -> float:
        """Requests per second that it means for the machine."""
        return self.limit

    @property
    def seconds(self) -> float:
        """How long it takes, about: a file needs a little more than three requests."""
        return 10 + 3.3 * self.files / self.limit

    @property
    def measures(self) -> tuple[Measure, ...]:
        """With their bars."""
        return (
            Measure(GOOD, self.good, most=False),
            Measure(WASTE, self.waste, most=True),
            Measure("lost or twice", 0, most=True, percent=False),
        )


async def upload(row: Uploads, folder: Path) -> tuple[tuple[float, ...], list[Seen]]:
    """Let the processes upload; gives the values of the row's measures, and what the server saw.

    What is allowed in the time from the first request to the last includes what the quota had saved at first.
    """
    library = folder / "library"
    hashes = write(library, row.files)
    async with serving(row.quota, folder) as served:
        async with trio.open_nursery() as nursery:
            for number in range(row.processes):
                nursery.start_soon(_process, served, folder, library, number)
        seen = served.seen()
    span = seen[-1].at - seen[0].at
    allowed = span * row.limit + max(2.0, row.limit)
    admitted = sum(each.admitted for each in seen)
    found = await stored(served.store)
    wrong = sum(found[digest] != 1 for digest in hashes) + sum(digest not in hashes for digest in found)
    return (admitted / allowed, 1 - admitted / len(seen), float(wrong)), seen


async def _process(served: Served, folder: Path, library: Path, number: int) -> None:
    # fmt: off
    arguments = [
        "-m", "objlib", "upload", "--json", "--library", str(library), "--ledger", str(folder / "library.db"),
        "--store", STORE, "--base-url", served.url,
    ]
    # fmt: on
    async with process(arguments, folder, folder / f"upload-{number}.ndjson") as child:
        await child.wait()


def write(library: Path, files: int) -> set[str]:
    """Small files, each another text; returns their SHA-256."""
    library.mkdir()
    texts = [
        f"Lecture {number}. On promises, and what it takes to keep them.\n" * 4 for number in range(files)
    ]
    for number, text in enumerate(texts):
        (library / f"{number:04}.txt").write_text(text)
    return {hashlib.sha256(text.encode()).hexdigest() for text in texts}


async def stored(path: Path) -> Counter[str]:
    """How many ACTIVE documents of each content the store in that file holds."""
    by_file: Counter[str] = Counter()
    async with AsyncExitStack() as stack:
        service = await stack.enter_async_context(open_service(path))
        client = await stack.enter_async_context(
            open_client(Endpoint("http://store.localhost", ""), asgi=service.app)
        )
        for store in await client.stores.find(STORE):
            async for page in client.documents.pages(store.name):
                for document in page.documents:
                    if document.state is DocumentState.ACTIVE:
                        by_file[str(document.metadata[KEY_HASH])] += 1
    return by_file


ROWS: Final = [
    Uploads(1, 150, 20, 0),
    Uploads(1, 150, 10, 0),
    Uploads(1, 150, 10, 0.4),
    Uploads(3, 240, 10, 0.4, good=0.95, waste=0.05),
]
