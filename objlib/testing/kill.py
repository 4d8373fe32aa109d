"""``python -m objlib.testing.kill``: real processes, killed by SIGKILL at random instants, one to four at once.

They run the command line against a service in a process of its own on 127.0.0.1 that misbehaves, on one ledger
and one library that is edited all the time. After some rounds the service behaves, one run brings everything to
rest, and the checker rules. Real time and a real scheduler: nothing here can be replayed, which is why the
simulations exist; this is what says that they simulate the right thing.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from objlib.__main__ import main as objlib
from objlib.core.errors import Exit
from objlib.testing.checker import Checker
from objlib.testing.library import EDITS, Library
from objlib.testing.torture import Scratch

ROUNDS: Final = 12
"""Rounds between two rulings."""
_PRUNE: Final = ("sync", "--prune", "--grace", "0", "--max-delete", "100%")
_REPAIR: Final = ("store-sync", "--apply", "--max-delete", "100%")
COMMANDS: Final[tuple[tuple[str, ...], ...]] = (*[("upload",)] * 6, ("recover",), _PRUNE, _REPAIR)
"""What the processes are. The last only where the service says nothing untrue of documents: it has to believe it."""
LONGEST: Final = 2.5
"""Seconds after which a process is killed at the latest."""
PATIENCE: Final = 300.0
"""Seconds that a run may take which brings everything to rest."""


@dataclass
class KillRounds:
    """A library, a ledger, a store and a service, and the processes that are let loose on them."""

    folder: Path
    seed: int
    counts: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)
        self.library = Library(self.folder / "library")
        self.said = self.folder / "said.txt"
        self.ledger, self.store = self.folder / "ledger.db", self.folder / "store.db"

    def fight(self, kills: int) -> None:
        """Rounds of killing until ``kills`` processes were killed or :data:`ROUNDS` are over; then rule."""
        for _ in range(5):
            self._edit("new")
        served = [sys.executable, "-m", "objlib.testing.faulty_server", str(self.store), str(self.ledger)]
        with subprocess.Popen(
            [*served, "--seed", str(self.seed)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as service:
            self.url = self._ask(service, None)
            try:
                for _ in range(ROUNDS):
                    if self.counts["kills"] >= kills:
                        break
                    self._round(service)
                self._rest(service)
            finally:
                service.terminate()

    def _round(self, service: "subprocess.Popen[str]") -> None:
        for _ in range(self.rng.randint(0, 3)):
            self._edit(self.rng.choice(EDITS))
        honest = self.rng.random() < 0.5
        self._ask(service, f"{self.rng.choice([0.0, 0.05, 0.2])}{' honest' if honest else ''}")
        many = self.rng.randint(1, 4)
        commands = COMMANDS if honest else COMMANDS[:-1]
        running = {
            self._start(*self.rng.choice(commands)): self.rng.uniform(0.1, LONGEST) for _ in range(many)
        }
        self.counts[f"rounds of {many}"] += 1
        began = time.monotonic()
        while running:
            for pid, until in tuple(running.items()):
                done, status = os.waitpid(pid, os.WNOHANG)
                if done:
                    self._ended(status)
                    del running[pid]
                elif time.monotonic() - began >= until:
                    os.kill(pid, signal.SIGKILL)
                    running[pid] = float("inf")
            time.sleep(0.002)

    def _ended(self, status: int) -> None:
        code = os.waitstatus_to_exitcode(status)
        if code == -signal.SIGKILL:
            self.counts["kills"] += 1
        else:
            self.counts[f"ended with {code}"] += 1
            # Until somebody came to an end there may be no store yet, and all but an upload are refused.
            early = not self.counts["ended with 0"] + self.counts["ended with 3"]
            refused = early and code == Exit.REFUSED and "there is no store called" in self._said()
            if code not in {0, 1, 3, 5} and not refused:
                self.broken.append(f"a process ended with status {code}: {self._last_words()}")

    def _rest(self, service: "subprocess.Popen[str]") -> None:
        self._ask(service, "settle")
        self._run("upload", "--retry-failed")
        checker = Checker(self.ledger, self.store, self.broken)
        checker.rule_on_edges()
        checker.rule_on_quiescence(self.library.contents(), self.library.written)
        before = json.loads(self._ask(service, "settle"))["changes"]
        self._run("recover")
        self._run("upload")
        told = json.loads(self._ask(service, "settle"))
        self.broken += told["broken"]
        self.broken += [f"a second recovery was not idle: {line}" for line in told["changes"][len(before) :]]
        self.counts["rulings"] += 1

    def _run(self, *words: str) -> None:
        pid, give_up = self._start(*words), time.monotonic() + PATIENCE
        while not (ended := os.waitpid(pid, os.WNOHANG))[0]:
            if time.monotonic() > give_up:
                os.kill(pid, signal.SIGKILL)
                self.broken.append(f"{words[0]} did not come to rest within {PATIENCE:.0f} s")
            time.sleep(0.01)
        if os.waitstatus_to_exitcode(ended[1]) not in {0, 3}:
            self.broken.append(
                f"the {words[0]} that should bring rest ended with {ended[1]}: {self._last_words()}"
            )

    def _last_words(self) -> str:
        """The last line that any process said."""
        return self._said().strip().rpartition("\n")[2]

    def _said(self) -> str:
        return self.said.read_text("utf-8", "replace")

    def _start(self, *words: str) -> int:
        """A process of the command line. A fork of this one, which has everything imported already."""
        common = {
            "--library": self.library.root, "--ledger": self.ledger, "--base-url": self.url, "--store": "killed",
        }  # fmt: skip
        flags = [str(part) for pair in common.items() for part in pair]
        pid = os.fork()
        if pid == 0:
            _become([*words, *flags, "--quiet"], self.said)
        return pid

    def _edit(self, kind: str) -> None:
        self.library.edit(kind, self.rng.getrandbits(32))
        self.counts["edits"] += 1

    def _ask(self, service: "subprocess.Popen[str]", line: str | None) -> str:
        assert service.stdin is not None
        assert service.stdout is not None
        if line is not None:
            service.stdin.write(f"{line}\n")
            service.stdin.flush()
        return service.stdout.readline().strip()


def _become(arguments: Sequence[str], said: Path) -> None:
    """Turn this child into ``objlib`` with these arguments, its messages in ``said``; never returns."""
    status = 70
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os.dup2(os.open(said, os.O_WRONLY | os.O_CREAT | os.O_APPEND), 2)
        sys.argv = ["objlib", *arguments]
        status = objlib()
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    finally:
        os._exit(status)


def main(arguments: list[str] | None = None) -> int:
    """Run the command; the exit status is 1 if a promise was broken."""
    parser = argparse.ArgumentParser(prog="kill", description=__doc__)
    parser.add_argument("-n", type=int, default=100, help="how many processes to kill")
    parser.add_argument("--seed", type=int, default=0, help="of the edits and the instants")
    wanted = parser.parse_args(arguments)
    began, seed, failing = time.monotonic(), wanted.seed, 0
    counts: Counter[str] = Counter()
    while counts["kills"] < wanted.n:
        with Scratch() as folder:
            arena = KillRounds(folder, seed)
            arena.fight(wanted.n - counts["kills"])
        counts += arena.counts
        failing += bool(arena.broken)
        print(*(f"arena {seed}: {line}" for line in arena.broken), sep="\n", end="\n" if arena.broken else "")
        print(f"{counts['kills']} kills, {time.monotonic() - began:.0f} s", file=sys.stderr)
        seed += 1
    print(f"{counts['kills']} kills in {time.monotonic() - began:.0f} s: {failing} arenas broke a promise")
    print("  " + ", ".join(f"{count} {what}" for what, count in sorted(counts.items())))
    return 1 if failing else 0


if __name__ == "__main__":
    sys.exit(main())
