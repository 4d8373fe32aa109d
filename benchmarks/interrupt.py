"""How long a run takes to be gone after Ctrl-C, once what was in flight is done: last answer to exit.

Five uploads are in flight at the signal. They are finished, so the time from signal to exit is the service's; what
is ours comes after its last answer: the last commits, the report, closing everything, and the interpreter's own
end. Real processes; ``--busy N`` lets N others use up a core each meanwhile. The target is 100 ms. Run it with
``just bench interrupt``.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from objlib.testing.faulty_server import service_process
from tests.support.interrupt import empty_python, interrupt

TARGET = 0.1


@contextmanager
def a_busy_core() -> Iterator[None]:
    """A process beside us that always has something to do."""
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as process:
        try:
            yield
        finally:
            process.kill()


def main() -> int:
    """Measure, print each round and the medians, and exit with 1 when the target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--busy", type=int, default=0, help="processes that use up a core each meanwhile")
    options = parser.parse_args()
    lags, bare = [], []
    with ExitStack() as stack:
        for _ in range(options.busy):
            stack.enter_context(a_busy_core())
        for number in range(options.rounds):
            with tempfile.TemporaryDirectory() as name, service_process(Path(name)) as service:
                done = interrupt(service, Path(name))
            lags.append(done.lag)
            bare.append(empty_python())
            print(
                f"round {number + 1}: exit {done.code}, {done.exited - done.signalled:.3f} s after the signal, "
                f"{done.lag * 1000:.1f} ms after the last answer; an empty Python {bare[-1] * 1000:.1f} ms"
            )
    lag, empty = statistics.median(lags), statistics.median(bare)
    print(
        f"last answer to exit: median {lag * 1000:.1f} ms, longest {max(lags) * 1000:.1f} ms "
        f"(at most {TARGET * 1000:.0f}); {lag / empty:.1f} x python -c pass ({empty * 1000:.1f} ms)"
    )
    return 1 if lag > TARGET else 0


if __name__ == "__main__":
    sys.exit(main())
