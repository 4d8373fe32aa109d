"""One Ctrl-C between real processes, while uploads are in flight, and its effects.

The service runs in its own process and delays its responses to last bytes, so that uploads are in flight for sure.
Times are of the monotonic clock, which all processes of a machine share.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from objlib.testing.faulty_server import ServiceProcess
from objlib.testing.library import LibraryFiles

UPLOADS: Final = 5
"""Uploads in flight at the signal."""
FILES: Final = 30
"""Files of the library, so that most still wait at the signal."""
START_TIMEOUT: Final = 30.0
"""Time limit in seconds until :data:`UPLOADS` are in flight."""


@dataclass(frozen=True, slots=True)
class InterruptReport:
    """The end of an interrupted run.

    Attributes:
        code: its exit code.
        signalled: time of the signal.
        exited: time at which the process was gone.
        before: state of the service right before the signal; see :mod:`objlib.testing.faulty_server`.
        after: state of the service when the process was gone.
    """

    code: int
    signalled: float
    exited: float
    before: Mapping[str, float]
    after: Mapping[str, float]

    @property
    def lag(self) -> float:
        """Seconds from the last response to the exit: the cost of stopping with nothing in flight."""
        return self.exited - self.after["answered"]


def interrupt(
    service: ServiceProcess, folder: Path, *, slow: float = 1.0, uploads: int = UPLOADS
) -> InterruptReport:
    """Upload a library, interrupt the run while ``uploads`` are in flight, and wait for its exit.

    Args:
        service: uploads go there.
        folder: the library and the ledger are made here.
        slow: delay of the responses to last bytes, in seconds.
        uploads: uploads in flight at the signal, and the most at any time.

    Raises:
        RuntimeError: the run ended early, or never had ``uploads`` in flight.
    """
    library = LibraryFiles(folder / "library")
    for number in range(FILES):
        library.edit("new", number)
    service.ask(f"slow {slow}")
    words = ["--library", library.root, "--ledger", folder / "ledger.db", "--base-url", service.url]
    # Ctrl-C in a terminal signals a whole process group; this group has one member.
    run = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "objlib",
            "upload",
            "--quiet",
            "--max-uploads",
            str(uploads),
            *map(str, words),
        ],
        stdin=subprocess.DEVNULL,
        env={**os.environ, "XDG_DATA_HOME": str(folder / "data")},
    )
    with run:
        try:
            before = _in_flight(service, run, uploads)
            signalled = time.monotonic()
            run.send_signal(signal.SIGINT)
            code = run.wait()
            exited = time.monotonic()
        finally:
            run.kill()
    return InterruptReport(code, signalled, exited, before, service.state())


def _in_flight(service: ServiceProcess, run: "subprocess.Popen[bytes]", uploads: int) -> dict[str, float]:
    deadline = time.monotonic() + START_TIMEOUT
    while (state := service.state())["sending"] < uploads:
        if run.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"never {uploads} uploads in flight at once (the exit code is {run.poll()})")
        time.sleep(0.005)  # real time: the service is another process
    return state


def empty_python() -> float:
    """Measure ``python -c pass`` from start to exit on this machine, in seconds."""
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", "pass"], check=True, env=os.environ)
    return time.monotonic() - began
