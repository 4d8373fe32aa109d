"""``python -m objlib.testing.faulty_server``: the embedded service on a port of 127.0.0.1, misbehaving by a seed.

It prints its address once it accepts connections, and serves until a signal or the end of its standard input.
Lines on standard input set the density of the faults (``0.2``, or ``0.2 honest`` where nothing untrue is said of a
document), slow down the answers to the last bytes
(``slow 1.5``), ask for the state (``state``), or make it behave and tell what was broken (``settle``).
"""

import argparse
import json
import socket
import sys
import time
from functools import partial
from pathlib import Path
from typing import cast

import trio
from hypercorn.config import Config
from hypercorn.trio import serve
from hypercorn.typing import ASGIFramework

from objlib.embedded import Options, open_service
from objlib.testing.actions import Delay, Script
from objlib.testing.checker import Checker
from objlib.testing.faults import Faults
from objlib.testing.history import CHANGES, lines
from objlib.testing.nemesis import Nemesis


async def run(store: Path, ledger: Path, seed: int) -> None:
    """Serve ``store``; what is deleted is judged by what ``ledger`` says, and told on standard error."""
    checker = Checker(ledger, store)
    nemesis = Nemesis(seed, 0.0, time.time, pace=0.05)
    faults = Faults(script=nemesis, watch=checker.watch)
    config = Config()
    config.bind = ["127.0.0.1:0"]
    config.errorlog = config.accesslog = None
    config.graceful_timeout = 0.5
    over = trio.Event()
    async with open_service(store, options=Options(settle_seconds=0.2)) as service, faults.acting_late():
        async with trio.open_nursery() as nursery:
            app = faults.around(service.app)

            (address,) = await nursery.start(
                partial(serve, cast("ASGIFramework", app), config, shutdown_trigger=over.wait)
            )
            print(address, flush=True)
            while line := await trio.to_thread.run_sync(sys.stdin.readline, abandon_on_cancel=True):
                if line.startswith("slow "):
                    # Nothing goes wrong, but the answer to the last bytes takes so many seconds.
                    faults.script = _slowly(float(line[5:]))
                    print("ok", flush=True)
                elif line.strip() == "state":
                    print(json.dumps(_state(faults)), flush=True)
                elif line.strip() == "settle":
                    nemesis.density = 0.0
                    await faults.settled()
                    print(json.dumps({"changes": _changes(faults), "broken": checker.broken}), flush=True)
                else:
                    density, *honest = line.split()
                    nemesis.density, nemesis.honest = float(density), bool(honest)
                    print("ok", flush=True)
            over.set()


def _slowly(seconds: float) -> Script:
    return lambda kind, _count: Delay(seconds) if kind == "send" else None


def _state(faults: Faults) -> dict[str, float]:
    """What was seen so far: requests, those of them in flight and what is in flight of what kind, connections.

    ``answered`` is the moment of the last answer on the monotonic clock, which other processes can read too.
    """
    return {
        "sending": faults.in_flight["send"],
        "in_flight": faults.in_flight.total(),
        "started": faults.count["start"],
        "requests": len(faults.history),
        "connections": _connections(),
        "answered": time.monotonic() - (trio.current_time() - faults.answered),
    }


def _connections() -> int:
    """How many connections of clients are open at this side, by what this process holds open."""
    return sum(_is_connection(int(path.name)) for path in Path("/dev/fd").iterdir())


def _is_connection(descriptor: int) -> bool:
    try:
        seen = socket.socket(fileno=descriptor)
    except OSError:  # no socket, or closed meanwhile
        return False
    try:
        return seen.family == socket.AF_INET and bool(seen.getpeername())
    except OSError:  # one that only listens
        return False
    finally:
        seen.detach()  # it is not ours to close


def _changes(faults: Faults) -> list[str]:
    return lines(request for request in faults.history if request.kind in CHANGES)


def main(arguments: list[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="served", description=__doc__)
    parser.add_argument("store", type=Path)
    parser.add_argument("ledger", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    wanted = parser.parse_args(arguments)
    trio.run(run, wanted.store, wanted.ledger, wanted.seed)
    return 0


if __name__ == "__main__":
    sys.exit(main())
