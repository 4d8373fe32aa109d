"""A proxy before a PostgreSQL server that cuts connections in the middle of a COMMIT."""

import socket
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
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
