"""A client with endless work: the product's governor and the product's HTTP client, in a process of its own.

``python -m benchmarks.sockets_lab.client URL --name NAME --seconds S [--ceiling N] [--ledger PATH] [--fixed]``.
Each request asks for a store that does not exist: the cheapest there is, and an answer like any other to the governor.
"""

import argparse
from contextlib import nullcontext, suppress
from functools import partial
from pathlib import Path

import trio

from objlib.core.events import Observer
from objlib.core.ids import RunId
from objlib.engine.requests.governor import Governor, Purpose, open_governor
from objlib.engine.runs import HEARTBEAT
from objlib.gemini import Client, Endpoint, GeminiError, open_client
from objlib.ledger import Ledger, open_ledger


async def work(client: Client, governor: Governor, name: str, *, fixed: bool) -> None:
    """One worker: one request after another."""
    while True:
        with suppress(GeminiError):
            async with nullcontext() if fixed else governor.slot(Purpose.UPLOAD):
                await client.stores.get(f"fileSearchStores/{name}")


async def exchange(governor: Governor, ledger: Ledger, name: str) -> None:
    """Exchange rates between the processes on one ledger, as a run does at its start and at each heartbeat."""
    while True:
        rates, last_share = governor.rates(), governor.last_share
        governor.share(await ledger.rates.exchange(RunId(name), rates=rates, last_share=last_share))
        await trio.sleep(HEARTBEAT)


async def run(url: str, name: str, seconds: float, ceiling: int, path: Path | None, *, fixed: bool) -> None:
    """Work for some seconds."""
    with trio.move_on_after(seconds):
        async with (
            open_client(Endpoint(url, "none"), connections=ceiling) as client,
            open_governor(ceiling, Observer()) as governor,
            nullcontext() if path is None else open_ledger(path) as ledger,
            trio.open_nursery() as nursery,
        ):
            if ledger is not None:
                nursery.start_soon(exchange, governor, ledger, name)
            for _ in range(ceiling):
                nursery.start_soon(partial(work, client, governor, name, fixed=fixed))


def main() -> None:
    """Read the arguments, and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--name", required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--ceiling", type=int, default=16)
    parser.add_argument("--ledger", type=Path)
    parser.add_argument("--fixed", action="store_true")
    args = parser.parse_args()
    trio.run(partial(run, args.url, args.name, args.seconds, args.ceiling, args.ledger, fixed=args.fixed))


if __name__ == "__main__":
    main()
