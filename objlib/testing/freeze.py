"""``python -m objlib.testing.freeze``: four workers on one large library, one frozen past its heartbeat and thawed.

They run ``objlib upload`` again and again, each as if on a host of its own, while files are edited. Whichever run is
scanning is stopped by SIGSTOP until the others have taken its turn and its files over, and goes on after that. At the
end the checker rules: each file is in the store exactly once, whatever the thawed run still believed.
"""

import argparse
import os
import signal
import sys
import time
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Final

from objlib.engine.runs import HEARTBEAT_WATCH, STALE_AFTER
from objlib.testing.databases import read_database
from objlib.testing.kill import KillRounds
from objlib.testing.library import EDITS
from objlib.testing.postgres import throw_away_server
from objlib.testing.torture import scratch_folder

WORKERS: Final = 4
FROZEN: Final = STALE_AFTER + HEARTBEAT_WATCH + 5
"""Seconds that a run stays frozen: its heartbeat is old by then, and recovery has watched it."""
EDIT_PAUSE: Final = 1.0
"""Seconds between two edits."""
PAUSE: Final = 0.02
"""Seconds between two looks at the workers."""


@dataclass
class FreezeRounds(KillRounds):
    """A library that workers upload, one of which is frozen for a while, again and again."""

    def play_frozen(self, files: int, seconds: float) -> None:
        """Let the workers run for that long, then rule."""
        self.library.fill(files)
        with self.service() as service:
            self.url = service.url
            service.ask("0.0 honest")
            running: set[int] = set()
            began, frozen, held_by, thaw_at, edit_at = time.monotonic(), 0, 0, 0.0, 0.0
            while time.monotonic() < began + seconds or frozen:
                now = time.monotonic()
                while len(running) < WORKERS and now < began + seconds:
                    running.add(self._start("upload"))
                if now >= edit_at:
                    edit_at = now + EDIT_PAUSE
                    self._edit(self.rng.choice(EDITS))
                if frozen and now >= thaw_at:
                    os.kill(frozen, signal.SIGCONT)
                    self.counts["thawed"] += 1
                    frozen = 0
                elif not frozen and now + FROZEN < began + seconds and (pid := self._scanner()) in running:
                    os.kill(pid, signal.SIGSTOP)
                    frozen, thaw_at, held_by = pid, now + FROZEN, pid
                    self.counts["frozen while it held the turn"] += 1
                elif frozen and held_by == frozen and (pid := self._scanner()) not in {0, frozen}:
                    held_by = pid
                    self.counts["turns that another run took over"] += 1
                for pid in tuple(running):
                    if self._has_ended(pid):
                        running.discard(pid)
                time.sleep(PAUSE)
            while running:
                running -= {pid for pid in running if self._has_ended(pid)}
                time.sleep(PAUSE)
            self._rest(service)

    def _scanner(self) -> int:
        """The process that has the turn to scan; 0 for none."""
        try:
            with read_database(self.ledger) as db:
                row = db.execute(
                    "SELECT r.pid FROM leases AS l JOIN runs AS r ON r.run_id = l.run_id WHERE l.name = 'scan'"
                ).fetchone()
        except Exception:  # the first run has not made the ledger yet
            return 0
        return 0 if row is None else int(row[0])

    def _has_ended(self, pid: int) -> bool:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            self.counts["uploads"] += 1
            self._ended(status)
        return bool(done)


def main(arguments: list[str] | None = None) -> int:
    """Run the command; the exit status is 1 if a promise was broken, or no turn was taken over."""
    parser = argparse.ArgumentParser(prog="freeze", description=__doc__)
    parser.add_argument("--files", type=int, default=20_000, help="files in the library")
    parser.add_argument("--seconds", type=float, default=600.0, help="time for which the workers run")
    parser.add_argument("--seed", type=int, default=0, help="seed of the edits")
    parser.add_argument(
        "--ledger", choices=["file", "postgresql://"], default="file", help="where the ledger is"
    )
    options = parser.parse_args(arguments)
    began = time.monotonic()
    with throw_away_server() if options.ledger != "file" else nullcontext() as server:
        with scratch_folder() as folder:
            rounds = FreezeRounds(folder, options.seed, server)
            rounds.play_frozen(options.files, options.seconds)
    idle = not rounds.counts["turns that another run took over"]
    print(*rounds.broken, sep="\n", end="\n" if rounds.broken else "")
    print(f"{options.files:,} files, {time.monotonic() - began:.0f} s: {len(rounds.broken)} promises broken")
    print("  " + ", ".join(f"{count} {what}" for what, count in sorted(rounds.counts.items())))
    if idle:
        print("no turn was taken over: nothing was proven")
    return 1 if rounds.broken or idle else 0


if __name__ == "__main__":
    sys.exit(main())
