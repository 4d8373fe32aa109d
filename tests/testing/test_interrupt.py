"""Ctrl-C with five uploads in flight, in real processes: what is under way is finished, and then it is over."""

import math
import statistics
import sys
import time
from pathlib import Path

import pytest

from objlib.testing.databases import read_database
from objlib.testing.faulty_server import service_process
from tests.support.interrupt import FILES, UPLOADS, empty_python, interrupt

TARGET = 0.1
"""Seconds from the last answer to the exit, where the machine is free to do it."""
STARTS = 8
"""The same in starts of an empty Python, where it is not; 2 to 6 were measured, with up to two busy cores beside."""


ROUNDS = 3
"""Interrupts at most: other tests run beside this one, and what is slow by itself is slow in each."""


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT to another process there")
def test_what_is_in_flight_is_finished_and_nothing_is_sent_after(tmp_path: Path) -> None:
    lag, bound = math.inf, 0.0
    for number in range(ROUNDS):
        folder = tmp_path / f"{number}"
        folder.mkdir()
        lag, bound = _interrupted(folder)
        if lag < bound:
            break
    assert lag < bound


def _interrupted(tmp_path: Path) -> tuple[float, float]:
    """One interrupt with its effects checked; the seconds from the last answer to the exit, and their bound."""
    with service_process(tmp_path) as service:
        done = interrupt(service, tmp_path)
        empty = statistics.median(empty_python() for _ in range(5))
        later = service.state()
        while later["connections"] and time.monotonic() < done.exited + 5:
            later = service.state()  # the service has to notice, too
    before, after = done.before, done.after
    assert done.code == 130

    # Five were in flight, and were finished; nothing else was begun.
    assert before["sending"] == UPLOADS
    assert after["in_flight"] == 0
    assert after["started"] == before["started"]
    with read_database(tmp_path / "ledger.db") as db:
        states = dict(db.execute("SELECT gemini_state, count(*) FROM files GROUP BY 1").fetchall())
        living = db.execute("SELECT count(*) FROM runs WHERE ended IS NULL").fetchone()
    assert states == {"indexed": before["started"], "untracked": FILES - before["started"]}
    assert living == (0,)

    # No connection is left, and nothing came after the process was gone.
    assert before["connections"] >= UPLOADS, "the count sees none at all"
    assert later["connections"] == 0
    assert later["requests"] == after["requests"]

    summary = f"{done.lag * 1000:.0f} ms after the last answer; an empty Python takes {empty * 1000:.0f} ms"
    sys.stdout.write(f"exit {done.exited - done.signalled:.2f} s after the signal, {summary}\n")
    return done.lag, max(TARGET, STARTS * empty)
