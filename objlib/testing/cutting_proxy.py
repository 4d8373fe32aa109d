"""A proxy before a PostgreSQL server that cuts connections in the middle of a COMMIT.

``python -m objlib.testing.cutting_proxy SERVER FOLDER SHARE`` is one in a process of its own: it cuts that share of
the COMMITs, anywhere in them, and prints at the end of standard input how many it cut.
"""

import json
import random
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from enum import Enum, auto
from pathlib import Path
from typing import Final

_COMMIT: Final = b"; COMMIT"


class Cut(Enum):
    """Where a connection is cut."""

    NEVER = auto()
    BEFORE = auto()
    """The server never gets the COMMIT."""
    DURING = auto()
    """The server gets the COMMIT, and its client is gone before it can answer."""
    AFTER = auto()
    """The server has answered, and the answer is lost."""


class CuttingProxy:
    """A socket that stands for the server's; a context manager.

    Attributes:
        cuts: how many connections were cut, and where.
    """

    def __init__(self, server: Path, folder: Path, decide: Callable[[], Cut]) -> None:
        self._server = server
        self._decide = decide
        self.cuts: Counter[Cut] = Counter()
        self.folder = folder
        self._listener = socket.socket(socket.AF_UNIX)

    def __enter__(self) -> "CuttingProxy":
        self._listener.bind(str(self.folder / ".s.PGSQL.5432"))
        self._listener.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, socket.socket(socket.AF_UNIX) as server:
            try:
                server.connect(str(self._server / ".s.PGSQL.5432"))
            except OSError:
                return
            lost = threading.Event()
            back = threading.Thread(target=self._answers, args=(server, client, lost), daemon=True)
            back.start()
            with suppress(OSError):
                self._requests(client, server, lost)
            for each in (client, server):
                with suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
            back.join()

    def _requests(self, client: socket.socket, server: socket.socket, lost: threading.Event) -> None:
        while data := client.recv(1 << 16):
            where = self._decide() if _COMMIT in data else Cut.NEVER
            self.cuts[where] += 1
            if where is Cut.BEFORE:
                return
            if where is Cut.AFTER:
                lost.set()
            server.sendall(data)
            if where is Cut.DURING:
                return
            if where is Cut.AFTER:
                server.settimeout(5.0)
                client.recv(1)  # until the answers' side has read the server's and closes
                return

    @staticmethod
    def _answers(server: socket.socket, client: socket.socket, lost: threading.Event) -> None:
        with suppress(OSError):
            while data := server.recv(1 << 16):
                if lost.is_set():
                    break
                client.sendall(data)
            client.shutdown(socket.SHUT_RDWR)


@contextmanager
def proxy_process(server: Path, folder: Path, *, share: float, cuts: Counter[str]) -> Iterator[None]:
    """Run a proxy in a child process for the length of the block; at its end ``cuts`` has what it cut."""
    words = ["-m", "objlib.testing.cutting_proxy", str(server), str(folder), str(share)]
    with subprocess.Popen(
        [sys.executable, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield
        finally:
            process.stdin.close()
            cuts.update(json.loads(process.stdout.read()))


def main(arguments: list[str]) -> int:
    """Run the command."""
    server, folder, share = arguments
    rng = random.Random(1)

    def decide() -> Cut:
        return rng.choice([Cut.BEFORE, Cut.DURING, Cut.AFTER]) if rng.random() < float(share) else Cut.NEVER

    with CuttingProxy(Path(server), Path(folder), decide) as proxy:
        print("ready", flush=True)
        sys.stdin.read()
    cuts = {f"cut {where.name.lower()} commit": proxy.cuts[where] for where in Cut if where is not Cut.NEVER}
    print(json.dumps(cuts))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
