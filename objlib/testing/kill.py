"""``python -m objlib.testing.kill``: SIGKILL at random times for real processes, one to four at once.

They run the command line on one ledger and one library, edited meanwhile, against a faulty service in its own
process. After some rounds the faults stop, one run settles everything, and the checker rules. Real time cannot be
replayed, which the simulations can; this one checks that they simulate the real thing.

With ``--ledger postgresql://`` the ledger is in a PostgreSQL server of its own. Then each process seems to be on a
host of its own, the server is killed and started again in the middle of rounds, and a proxy cuts connections in the
middle of a COMMIT.
"""

import argparse
import json
import os
import platform
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final
from urllib.parse import quote

from objlib.__main__ import main as objlib
from objlib.core.config.ledger_url import LedgerUrl
from objlib.core.errors import Exit
from objlib.engine.runs import STALE_AFTER
from objlib.liveness import machine_name
from objlib.testing.checker import Checker
from objlib.testing.cutting_proxy import proxy_process
from objlib.testing.faulty_server import ServiceProcess, service_process
from objlib.testing.library import EDITS, LibraryFiles
from objlib.testing.postgres import ThrowAwayServer, throw_away_server
from objlib.testing.torture import scratch_folder

ROUNDS: Final = 12
"""Rounds between two rulings."""
_PRUNE: Final = ("sync", "--prune", "--grace", "0", "--max-delete", "100%")
_REPAIR: Final = ("store-sync", "--apply", "--max-delete", "100%")
COMMANDS: Final[tuple[tuple[str, ...], ...]] = (*[("upload",)] * 6, ("recover",), _PRUNE, _REPAIR)
"""Commands of the processes; the last only with an honest service, since it acts on what the service reports."""
LIFETIME_LIMIT: Final = 2.5
"""Seconds after which a process is killed at the latest."""
CUT_SHARE: Final = 0.3
"""Share of the COMMITs in whose middle the proxy cuts a connection."""
SETTLE_TIMEOUT: Final = 300.0
"""Time limit in seconds of the run that settles everything."""


@dataclass
class KillRounds:
    """A library, a ledger, a store and a service, and the processes that work on them."""

    folder: Path
    seed: int
    server: ThrowAwayServer | None = None
    counts: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)
        self.library = LibraryFiles(self.folder / "library")
        self.messages = self.folder / "messages.txt"
        self.store = self.folder / "store.db"
        self.ledger: Path | LedgerUrl = self.folder / "ledger.db"
        self.address = str(self.ledger)
        if self.server is not None:
            self.ledger = LedgerUrl.parse(self.server.url(f"world_{self.seed}"))
            self.address = f"{self.ledger.conninfo}&schema={self.ledger.schema}"
            self.hosts = count(1)

    def play(self, kills: int) -> None:
        """Play rounds until ``kills`` processes are dead or :data:`ROUNDS` are over; then rule."""
        for _ in range(5):
            self._edit("new")
        with self.service() as service:
            self.url = service.url
            with self._proxy():
                for _ in range(ROUNDS):
                    if self.counts["kills"] >= kills:
                        break
                    self._round(service)
            self._rest(service)

    def service(self) -> AbstractContextManager[ServiceProcess]:
        """The service of this world, which knows the ledger."""
        return service_process(self.folder, seed=self.seed, ledger=self.address)

    @contextmanager
    def _proxy(self) -> Iterator[None]:
        """Let connections to the server go through a proxy that cuts them."""
        if self.server is None:
            yield
            return
        direct = self.address
        with TemporaryDirectory(
            prefix="objlib-cut-"
        ) as folder:  # short, since a socket's path has at most 107 bytes
            with proxy_process(self.server.folder, Path(folder), share=CUT_SHARE, cuts=self.counts):
                self.address = direct.replace(quote(str(self.server.folder), safe=""), quote(folder, safe=""))
                assert self.address != direct, "the address names the server's folder"
                yield
                self.address = direct

    def _round(self, service: ServiceProcess) -> None:
        for _ in range(self.rng.randint(0, 3)):
            self._edit(self.rng.choice(EDITS))
        honest = self.rng.random() < 0.5
        service.ask(f"{self.rng.choice([0.0, 0.05, 0.2])}{' honest' if honest else ''}")
        count = self.rng.randint(1, 4)
        commands = COMMANDS if honest else COMMANDS[:-1]
        running = {
            self._start(*self.rng.choice(commands)): self.rng.uniform(0.1, LIFETIME_LIMIT)
            for _ in range(count)
        }
        self.counts[f"rounds of {count}"] += 1
        began = time.monotonic()
        server_dies = (
            self.rng.uniform(0.1, LIFETIME_LIMIT) if self.server and self.rng.random() < 0.5 else None
        )
        while running:
            if self.server and server_dies is not None and time.monotonic() - began >= server_dies:
                server_dies = None
                self.counts["kills of the server"] += 1
                self.server.kill()
                self.server.start()
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
            # Before the first run has ended there may be no ledger or store, and only an upload makes them.
            early = not self.counts["ended with 0"] + self.counts["ended with 3"]
            absences: dict[int, str] = {
                Exit.USAGE: "there is no ledger",
                Exit.REFUSED: "there is no store called",
            }
            absence = absences.get(code)
            refused = early and absence is not None and absence in self._output()
            if code not in {0, 1, 3, 5} and not refused:
                self.broken.append(f"a process ended with status {code}: {self._last_words()}")

    def _rest(self, service: ServiceProcess) -> None:
        service.ask("settle")
        if self.server is not None:
            time.sleep(STALE_AFTER + 1)  # nothing else tells that a run of another host is dead
        self._run("upload", "--retry-failed")
        checker = Checker(self.ledger, self.store, self.broken)
        checker.rule_on_edges()
        checker.rule_on_quiescence(self.library.contents(), self.library.written)
        before = json.loads(service.ask("settle"))["changes"]
        self._run("recover")
        self._run("upload")
        report = json.loads(service.ask("settle"))
        self.broken += report["broken"]
        self.broken += [
            f"a second recovery was not idle: {line}" for line in report["changes"][len(before) :]
        ]
        self.counts["rulings"] += 1

    def _run(self, *words: str) -> None:
        pid, deadline = self._start(*words), time.monotonic() + SETTLE_TIMEOUT
        while not (ended := os.waitpid(pid, os.WNOHANG))[0]:
            if time.monotonic() > deadline:
                os.kill(pid, signal.SIGKILL)
                self.broken.append(f"{words[0]} did not end within {SETTLE_TIMEOUT:.0f} s")
            time.sleep(0.01)
        if os.waitstatus_to_exitcode(ended[1]) not in {0, 3}:
            self.broken.append(
                f"the {words[0]} that settles the rest ended with {ended[1]}: {self._last_words()}"
            )

    def _last_words(self) -> str:
        """Return the last line of any process."""
        return self._output().strip().rpartition("\n")[2]

    def _output(self) -> str:
        return self.messages.read_text("utf-8", "replace")

    def _start(self, *words: str) -> int:
        """Start the command line in a fork of this process, which has its imports already."""
        common = {
            "--library": self.library.root, "--ledger": self.address, "--base-url": self.url, "--store": "killed",
        }  # fmt: skip
        flags = [str(part) for pair in common.items() for part in pair]
        pid = os.fork()
        if pid == 0:
            if self.server is not None:
                _move_to(f"host-{next(self.hosts)}")
            _become([*words, *flags, "--quiet"], self.messages)
        return pid

    def _edit(self, kind: str) -> None:
        self.library.edit(kind, self.rng.getrandbits(32))
        self.counts["edits"] += 1


def _move_to(host: str) -> None:
    """Let this child seem to be on a host of its own, on which no pid of another one means anything."""
    platform.node = lambda: host
    machine_name.cache_clear()


def _become(arguments: Sequence[str], messages: Path) -> None:
    """Turn this child into ``objlib``, with its messages in a file; never returns."""
    status = 70
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os.dup2(os.open(messages, os.O_WRONLY | os.O_CREAT | os.O_APPEND), 2)
        os.environ["XDG_DATA_HOME"] = str(messages.parent / "data")  # not the catalog of who runs this
        sys.argv = ["objlib", *arguments]
        status = objlib()
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    finally:
        os._exit(status)


def main(arguments: list[str] | None = None) -> int:
    """Run the command; the exit status is 1 if a promise was broken."""
    parser = argparse.ArgumentParser(prog="kill", description=__doc__)
    parser.add_argument("-n", type=int, default=100, help="number of processes to kill")
    parser.add_argument("--seed", type=int, default=0, help="seed of the edits and of the times")
    parser.add_argument(
        "--ledger", choices=["file", "postgresql://"], default="file", help="where the ledger is"
    )
    options = parser.parse_args(arguments)
    with throw_away_server() if options.ledger != "file" else nullcontext() as server:
        return _kill(options.n, options.seed, server)


def _kill(kills: int, seed: int, server: ThrowAwayServer | None) -> int:
    began, failing = time.monotonic(), 0
    counts: Counter[str] = Counter()
    while counts["kills"] < kills:
        with scratch_folder() as folder:
            rounds = KillRounds(folder, seed, server)
            rounds.play(kills - counts["kills"])
        counts += rounds.counts
        failing += bool(rounds.broken)
        print(
            *(f"world {seed}: {line}" for line in rounds.broken), sep="\n", end="\n" if rounds.broken else ""
        )
        print(f"{counts['kills']} kills, {time.monotonic() - began:.0f} s", file=sys.stderr)
        seed += 1
    print(
        f"{counts['kills']} kills in {time.monotonic() - began:.0f} s: {failing} of the worlds broke a promise"
    )
    print("  " + ", ".join(f"{count} {what}" for what, count in sorted(counts.items())))
    return 1 if failing else 0


if __name__ == "__main__":
    sys.exit(main())
