"""One Ctrl-C while uploads are in flight, between real processes, and everything that can be seen of it.

The service runs in a process of its own and is slow to answer last bytes, so that the uploads are in flight for
sure. Times are of the monotonic clock, which all processes of a machine share.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from objlib.testing.library import Library

FLIGHT: Final = 5
"""Uploads in flight when the signal comes."""
FILES: Final = 30
"""Files of the library, so that most still wait then."""
STARTED: Final = 30.0
"""Seconds that the run may take until so many are in flight."""


@dataclass(frozen=True, slots=True)
class InterruptReport:
    """What became of a run that was interrupted.

    Attributes:
        code: its exit code.
        signalled: the moment of the signal.
        exited: the moment at which the process was gone.
        before: what the service saw right before the signal; its numbers are those of
            :mod:`objlib.testing.faulty_server`.
        after: what it had seen when the process was gone.
    """

    code: int
    signalled: float
    exited: float
    before: Mapping[str, float]
    after: Mapping[str, float]

    @property
    def lag(self) -> float:
        """Seconds from the last answer to the exit: what stopping costs once nothing is in flight."""
        return self.exited - self.after["answered"]


class ServiceProcess:
    """The service in a process of its own; :func:`serving` opens it."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self.url = self._line()

    def ask(self, line: str) -> str:
        """Send one line to the service's process, and give back the line it answers."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()
        return self._line()

    def state(self) -> dict[str, float]:
        """What the service has seen so far."""
        found = json.loads(self.ask("state"))
        assert isinstance(found, dict)
        return found

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


@contextmanager
def service_process(folder: Path) -> Iterator[ServiceProcess]:
    """Serve a new store in ``folder`` for the length of the block."""
    words = ["-m", "objlib.testing.faulty_server", str(folder / "store.db"), str(folder / "ledger.db")]
    with subprocess.Popen(
        [sys.executable, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield ServiceProcess(process)
        finally:
            assert process.stdin is not None
            process.stdin.close()


def interrupt(
    served: ServiceProcess, folder: Path, *, slow: float = 1.0, flight: int = FLIGHT
) -> InterruptReport:
    """Upload a library, interrupt the run while ``flight`` uploads are in flight, and wait until it is gone.

    Args:
        served: where to upload to.
        folder: where the library and the ledger are made.
        slow: seconds that the service takes to answer last bytes.
        flight: uploads in flight at the signal, and at any time at most.

    Raises:
        RuntimeError: the run ended, or never had so many in flight.
    """
    library = Library(folder / "library")
    for number in range(FILES):
        library.edit("new", number)
    served.ask(f"slow {slow}")
    words = ["--library", library.root, "--ledger", folder / "ledger.db", "--base-url", served.url]
    # The whole group of a terminal gets Ctrl-C; here it has one member, and nobody else is hit.
    run = subprocess.Popen(
        [sys.executable, "-m", "objlib", "upload", "--quiet", "--max-uploads", str(flight), *map(str, words)],
        stdin=subprocess.DEVNULL,
    )
    with run:
        try:
            before = _in_flight(served, run, flight)
            signalled = time.monotonic()
            run.send_signal(signal.SIGINT)
            code = run.wait()
            exited = time.monotonic()
        finally:
            run.kill()
    return InterruptReport(code, signalled, exited, before, served.state())


def _in_flight(served: ServiceProcess, run: "subprocess.Popen[bytes]", flight: int) -> dict[str, float]:
    until = time.monotonic() + STARTED
    while (state := served.state())["sending"] < flight:
        if run.poll() is not None or time.monotonic() > until:
            raise RuntimeError(f"no {flight} uploads were in flight at once (the exit code is {run.poll()})")
        time.sleep(0.005)
    return state


def empty_python() -> float:
    """Seconds that ``python -c pass`` takes from start to exit, right now on this machine."""
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", "pass"], check=True, env=os.environ)
    return time.monotonic() - began
