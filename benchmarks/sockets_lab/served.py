"""``objlib serve --quota`` as a process of its own, and what it wrote down about each request.

The server tells of every request whether it was admitted, at the moment at which it decides. Nothing is measured in the
clients: what they sent and what was still on its way makes no difference.
"""

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import trio

from tests.support.pacing_lab.simulate import Trace

ROOT: Final = Path(__file__).parent.parent.parent


@dataclass(frozen=True, slots=True)
class Seen:
    """One request as the server saw it.

    Attributes:
        at: Unix time of the decision.
        path: of its URL.
        admitted: whether it was let in.
        wait: the seconds that a refusal named; 0 where it did not know.
        broken: whether it was let in, or would have been, and the answer broke at random.
    """

    at: float
    path: str
    admitted: bool
    wait: float
    broken: bool = False


@dataclass(frozen=True, slots=True)
class Served:
    """A server that runs.

    Attributes:
        url: where.
        record: the file that it writes its decisions to.
        store: the file of its store.
    """

    url: str
    record: Path
    store: Path

    def seen(self) -> list[Seen]:
        """Every request so far, in order."""
        events = [json.loads(line) for line in self.record.read_text("utf-8").splitlines()[1:]]
        return [
            Seen(each["time"], each["path"], each["admitted"], each["wait"] or 0.0)
            for each in events
            if each["event"] == "request"
        ]


def environment(folder: Path) -> dict[str, str]:
    """Environment of a measured process: no setting and no key of the user."""
    kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT") if name in os.environ}
    return {**kept, "HOME": str(folder), "PYTHONPATH": str(ROOT), "NO_COLOR": "1"}


@asynccontextmanager
async def process(arguments: list[str], folder: Path, record: Path) -> AsyncIterator[trio.Process]:
    """A Python process that writes its standard output to ``record``; ended on the way out."""
    with record.open("wb") as out, record.with_suffix(".err").open("wb") as err:
        child = await trio.lowlevel.open_process(
            [sys.executable, *arguments],
            env=environment(folder),
            stdout=out,
            stderr=err,
            stdin=subprocess.DEVNULL,
        )
    try:
        yield child
    finally:
        if child.returncode is None:
            child.terminate()
        with trio.CancelScope(shield=True), trio.move_on_after(10) as late:
            await child.wait()
        if late.cancelled_caught:
            child.kill()


@asynccontextmanager
async def serving(quota: str, folder: Path) -> AsyncIterator[Served]:
    """``objlib serve --quota`` on a free port of 127.0.0.1, with a store of its own below ``folder``."""
    record, ledger = folder / "served.ndjson", folder / "served.db"
    store = folder / "served-store.db"
    # fmt: off
    arguments = [
        "-m", "objlib", "serve", "--port", "0", "--json", "--quiet", "--quota", quota,
        "--library", str(folder), "--ledger", str(ledger), "--embedded-store", str(store),
    ]
    # fmt: on
    async with process(arguments, folder, record) as child:
        while not (first := record.read_text("utf-8").partition("\n"))[1]:
            if child.poll() is not None:
                raise RuntimeError(record.with_suffix(".err").read_text("utf-8"))
            await trio.sleep(0.02)
        yield Served(json.loads(first[0])["url"], record, store)


def traced(seen: list[Seen], latency: float, names: Mapping[str, int]) -> Trace:
    """The same as the laboratory in virtual time would have noted it: seconds since the first request started.

    Args:
        seen: what the server saw.
        latency: of an answer; a request arrives after half of it.
        names: of the clients, as their paths end, and their numbers.
    """
    trace = Trace(by=[[] for _ in names])
    begin = seen[0].at - latency / 2
    for each in seen:
        at = each.at - begin
        (trace.broken if each.broken else trace.served if each.admitted else trace.refused).append(at)
        number = names.get(each.path.rpartition("/")[2])
        if each.admitted and number is not None:
            trace.by[number].append(at)
    return trace
