"""A PostgreSQL server of our own for tests, proofs and benchmarks: in a temporary folder, on a socket, for one user.

Its programs refuse to run as root, so under root they run as another user.
"""

import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, Final
from urllib.parse import quote

_USERS: Final = ("postgres", "nobody")
_WATCH: Final = """
while kill -0 "$1" 2>/dev/null && [ -d "$2" ]; do sleep 1; done
[ -d "$2" ] || exit 0
kill -QUIT "$(head -n 1 "$2/data/postmaster.pid")"
sleep 1
rm -rf "$2"
"""
"""A shell that watches process ``$1``, and removes the server in folder ``$2`` when that is gone."""
_QUICK: Final = ("fsync=off", "full_page_writes=off")
"""Settings of a server whose data need not outlive its machine."""


def find_programs() -> Path | None:
    """The folder with the newest server programs of this machine; None where there are none."""
    folders = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    if folders:
        return max(folders, key=lambda folder: [int(part) for part in folder.parent.name.split(".")])
    found = shutil.which("initdb")
    return None if found is None else Path(found).resolve().parent


@dataclass
class ThrowAwayServer:
    """One server, whose folder goes with it.

    Attributes:
        folder: data and socket.
        programs: where its programs are.
        durable: whether a commit waits for the disk.
    """

    folder: Path
    programs: Path
    durable: bool = False
    _as: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def make(cls, programs: Path, *, durable: bool = False) -> "ThrowAwayServer":
        """Make a cluster; :meth:`start` starts it."""
        folder = Path(mkdtemp(prefix="objlib-pg-"))  # short, since a socket's path has at most 107 bytes
        server = cls.find(folder, programs, durable=durable)
        if server._as:
            os.chown(folder, server._as["user"], server._as["group"])
        server._run(
            "initdb", "-A", "trust", "-U", "objlib", "-E", "UTF8", "--no-locale", "--no-sync", "-D", "data"
        )
        return server

    @classmethod
    def find(cls, folder: Path, programs: Path, *, durable: bool = False) -> "ThrowAwayServer":
        """The server that another process made in ``folder``."""
        server = cls(folder, programs, durable)
        if os.geteuid() == 0:
            user = next(pwd.getpwnam(name) for name in _USERS if _is_user(name))
            server._as = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        return server

    def start(self) -> None:
        """Start it, and wait until it answers."""
        settings = [
            "listen_addresses=",
            f"unix_socket_directories={self.folder}",
            "max_connections=60",
            # Of a table with ten rows, what the planner does depends on whether this has looked at it.
            "autovacuum=off",
            *(() if self.durable else _QUICK),
        ]
        options = " ".join(f"-c {setting}" for setting in settings)
        self._run("pg_ctl", "start", "-w", "-D", "data", "-l", "log", "-o", options)

    def end_with(self, pid: int) -> None:
        """Stop it, and delete its folder, when that process is gone, however it ended."""
        subprocess.run(
            ["/bin/sh", "-c", f"({_WATCH}) &", "watch", str(pid), str(self.folder)],
            check=True,
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def stop(self, how: str = "fast") -> None:
        """Stop it: ``fast`` or ``immediate``, the latter as after a failure of the machine."""
        with suppress(subprocess.CalledProcessError):
            self._run("pg_ctl", "stop", "-w", "-m", how, "-D", "data")

    def kill(self) -> None:
        """Kill all of it, as the kernel does when memory runs out."""
        pid = int((self.folder / "data/postmaster.pid").read_text("utf-8").split()[0])
        os.kill(pid, signal.SIGSTOP)  # it must not fork another child between the look and the kill
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text("utf-8").split()
        for each in (pid, *map(int, children)):
            with suppress(ProcessLookupError):
                os.kill(each, signal.SIGKILL)
        # A child that is being killed still holds the shared memory, which the next start would refuse to share.
        for each in (pid, *map(int, children)):
            _wait_gone(each)
        # Its id may still be that of a zombie, for which the next start would take it to be running.
        for lock in ("data/postmaster.pid", ".s.PGSQL.5432.lock"):
            (self.folder / lock).unlink(missing_ok=True)

    def remove(self) -> None:
        """Stop it and delete its folder."""
        self.stop("immediate")
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, schema: str = "objlib", **parameters: str) -> str:
        """The URL of a ledger in it."""
        more = "".join(f"&{key}={quote(value)}" for key, value in parameters.items())
        return f"postgresql://objlib@/postgres?host={quote(str(self.folder))}&schema={schema}{more}"

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [self.programs / program, *arguments],
            cwd=self.folder,
            env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **self._as,
        )


@contextmanager
def throw_away_server(*, durable: bool = False) -> Iterator[ThrowAwayServer]:
    """Run a server for the length of the block.

    Raises:
        FileNotFoundError: its programs are not on this machine.
    """
    programs = find_programs()
    if programs is None:
        raise FileNotFoundError("the programs of PostgreSQL are not on this machine: just system-tools")
    server = ThrowAwayServer.make(programs, durable=durable)
    server.end_with(os.getpid())
    try:
        server.start()
        yield server
    finally:
        server.remove()


def _is_user(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


def _wait_gone(pid: int) -> None:
    for _ in range(500):
        try:
            state = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[0]
        except OSError:
            return
        if state == "Z":
            return
        os.sched_yield()
