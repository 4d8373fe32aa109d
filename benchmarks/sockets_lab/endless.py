"""Runs a row: a server, and clients that come one after another and stay until the end."""

import tempfile
from contextlib import AsyncExitStack
from pathlib import Path

import trio

from .breaking import ACTED, QUICK, breaking
from .rows import Row, Values
from .served import Seen, process, serving, traced


async def measure(row: Row, folder: Path) -> tuple[Values, list[Seen]]:
    """The values of the row's measures, and what the server saw."""
    seen = await _run(row, folder, fixed=False)
    values = row.read(row.model_of(seen), traced(seen, row.latency, _names(row)))
    if row.unlimited:
        # The yardstick is a worker for each place, on the same machine, a little later.
        other = await _run(row, folder, fixed=True)
        best = row.read(row.model, traced(other, row.latency, _names(row)))
        values = tuple(value / most for value, most in zip(values, best, strict=True))
    return values, seen


def _names(row: Row) -> dict[str, int]:
    return {f"client-{number}": number for number in range(len(row.starts))}


async def _run(row: Row, folder: Path, *, fixed: bool) -> list[Seen]:
    with tempfile.TemporaryDirectory(dir=folder) as inner:
        place = Path(inner)
        async with AsyncExitStack() as stack:
            served = await stack.enter_async_context(serving(row.quota, place))
            url, proxy = served.url, None
            if row.share or row.overload:
                ways = QUICK if row.unlimited else ACTED
                broken = breaking(url, row.share, 0, ways=ways, overload=row.overload)
                proxy = await stack.enter_async_context(broken)
                url = proxy.url
            async with trio.open_nursery() as nursery:
                for name, number in _names(row).items():
                    nursery.start_soon(_client, row, url, place, (name, row.starts[number]), fixed)
            return sorted(proxy.seen, key=lambda each: each.at) if proxy else served.seen()


async def _client(row: Row, url: str, place: Path, who: tuple[str, float], fixed: bool) -> None:
    name, start = who
    # fmt: off
    arguments = [
        "-m", "benchmarks.sockets_lab.client", url, "--name", name, "--ceiling", str(row.ceiling),
        "--seconds", str(row.seconds - start + 1),
    ]
    # fmt: on
    if fixed:
        arguments.append("--fixed")
    if len(row.starts) > 1:
        arguments += ["--ledger", str(place / "library.db")]
    await trio.sleep(start)
    async with process(arguments, place, place / f"{name}.out") as child:
        await child.wait()
