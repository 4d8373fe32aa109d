"""``python -m objlib.testing.faulty_server``: the embedded service on a port of 127.0.0.1, with seeded faults.

It prints its address once it accepts connections, and serves until a signal or the end of standard input. Lines on
standard input are commands: the density of faults (``0.2``; ``0.2 honest`` for no response that is untrue of a
document), a delay of the responses to last bytes (``slow 1.5``), a report (``state``), and the end of all faults
with a report of broken promises (``settle``).
"""

import argparse
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import trio

from objlib.core.config.ledger_url import LedgerUrl, is_ledger_url
from objlib.embedded import Options, open_service
from objlib.embedded.server import listen, serve_app
from objlib.testing.actions import Delay, Script
from objlib.testing.checker import Checker
from objlib.testing.faults import Faults
from objlib.testing.history import CHANGES
from objlib.testing.nemesis import Nemesis


async def run(store: Path, ledger: Path | LedgerUrl, seed: int) -> None:
    """Serve ``store``; the checker rules on each delete by ``ledger``."""
    checker = Checker(ledger, store)
    nemesis = Nemesis(seed, 0.0, time.time, pace=0.05)
    faults = Faults(script=nemesis, watch=checker.watch)
    listener = listen("127.0.0.1", 0)
    over = trio.Event()
    async with open_service(store, options=Options(settle_seconds=0.2)) as service, faults.acting_late():
        async with trio.open_nursery() as nursery:
            app = faults.around(service.app)
            nursery.start_soon(partial(serve_app, app, listener, stopping=over, grace=0.5))
            print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
            while line := await trio.to_thread.run_sync(sys.stdin.readline, abandon_on_cancel=True):
                if line.startswith("slow "):
                    # No faults, but the response to last bytes takes this long.
                    faults.script = _delayed(float(line[5:]))
                    print("ok", flush=True)
                elif line.strip() == "state":
                    print(json.dumps(_state(faults)), flush=True)
                elif line.strip() == "settle":
                    nemesis.density = 0.0
                    await faults.settled()
                    changes = [request.line() for request in faults.history if request.kind in CHANGES]
                    print(json.dumps({"changes": changes, "broken": checker.broken}), flush=True)
                else:
                    density, *honest = line.split()
                    nemesis.density, nemesis.honest = float(density), bool(honest)
                    print("ok", flush=True)
            over.set()


def _delayed(seconds: float) -> Script:
    return lambda kind, _count: Delay(seconds) if kind == "send" else None


def _state(faults: Faults) -> dict[str, float]:
    """Count requests and connections so far.

    ``answered`` is the time of the last response on the monotonic clock, which all processes share.
    """
    return {
        "sending": faults.in_flight["send"],
        "in_flight": faults.in_flight.total(),
        "started": faults.count["start"],
        "requests": len(faults.history),
        "connections": sum(_is_connection(int(path.name)) for path in Path("/dev/fd").iterdir()),
        "answered": time.monotonic() - (trio.current_time() - faults.answered),
    }


def _is_connection(descriptor: int) -> bool:
    """Whether a descriptor of this process is the open connection of a client."""
    try:
        candidate = socket.socket(fileno=descriptor)
    except OSError:  # no socket, or closed meanwhile
        return False
    try:
        return candidate.family == socket.AF_INET and bool(candidate.getpeername())
    except OSError:  # one that only listens
        return False
    finally:
        candidate.detach()  # the server closes it


class ServiceProcess:
    """The faulty server in a child process; :func:`service_process` starts one."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self.url = self._line()

    def ask(self, command: str) -> str:
        """Send a command, and return the line that answers it."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{command}\n")
        self._process.stdin.flush()
        return self._line()

    def state(self) -> dict[str, float]:
        """Ask for the state."""
        state = json.loads(self.ask("state"))
        assert isinstance(state, dict)
        return state

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


@contextmanager
def service_process(folder: Path, *, seed: int = 0, ledger: str = "") -> Iterator[ServiceProcess]:
    """Serve ``store.db`` of ``folder`` for the length of the block, with a ledger for the checker.

    Args:
        folder: has the store, and ``ledger.db`` where no other ``ledger`` is named, a path or an URL.
        seed: of the faults.
        ledger: the ledger.
    """
    ledger = ledger or str(folder / "ledger.db")
    words = ["-m", "objlib.testing.faulty_server", str(folder / "store.db"), ledger]
    with subprocess.Popen(
        [sys.executable, *words, "--seed", str(seed)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield ServiceProcess(process)
        finally:
            assert process.stdin is not None
            process.stdin.close()


def main(arguments: list[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="faulty_server", description=__doc__)
    parser.add_argument("store", type=Path)
    parser.add_argument("ledger")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    place = LedgerUrl.parse(options.ledger) if is_ledger_url(options.ledger) else Path(options.ledger)
    trio.run(run, options.store, place, options.seed)
    return 0


if __name__ == "__main__":
    sys.exit(main())
