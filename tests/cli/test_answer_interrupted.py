"""Ctrl-C while an answer is being written on a terminal: the half of it stays, and a line says why it ends there."""

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

import trio

from tests.cli.console.test_streamed import screen
from tests.support.library import LECTURES, small_library
from tests.test_writer import events

PIECES: Final = ("A stranger may ", "count as far")
ENOUGH: Final = "count as far"


@contextmanager
def model_that_stalls() -> Iterator[str]:
    """The address of a model that writes half an answer, and goes on only at the end of the block."""
    over = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"data": [{"id": "tiny"}]}')

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(200)
            self.send_header("content-type", "text/event-stream")
            self.end_headers()
            self.wfile.write(events(*PIECES, end=b""))
            over.wait()

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        thread = threading.Thread(target=http.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{http.server_address[1]}/v1"
        finally:
            over.set()
            http.shutdown()
            thread.join()


def read_until(terminal: int, text: str) -> str:
    """The text that a terminal was sent, up to ``text``, to its end, or to a minute of silence."""
    shown = b""
    while text.encode() not in shown and select.select([terminal], [], [], 60)[0]:
        try:
            shown += os.read(terminal, 4096)
        except OSError:  # its program has ended
            break
    return shown.decode().replace("\r\n", "\n")


async def upload(folder: Path) -> None:
    async with small_library(folder, LECTURES, uploaded=True):
        pass


def test_half_an_answer_stays_and_the_exit_code_says_why(tmp_path: Path) -> None:
    trio.run(upload, tmp_path)
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    with model_that_stalls() as url:
        command = [sys.executable, "-m", "objlib", "ask", "how far may a stranger count", "--answer-url", url]
        places = {
            "LIBRARY": tmp_path / "library",
            "LEDGER": tmp_path / "ledger.db",
            "EMBEDDED_STORE": tmp_path / "store.db",
        }
        environ = {
            **os.environ,
            **{f"OBJLIB_{name}": str(path) for name, path in places.items()},
            "OBJLIB_STORE": "tests",
            "TERM": "xterm",
        }
        with subprocess.Popen(
            command, stdin=theirs, stdout=theirs, stderr=subprocess.PIPE, env=environ, cwd=tmp_path
        ) as child:
            os.close(theirs)
            try:
                shown = read_until(ours, ENOUGH)
                child.send_signal(signal.SIGINT)
                assert child.stderr is not None
                messages = child.stderr.read().decode()
                assert child.wait() == 130
                shown += read_until(ours, "nothing more")
            finally:
                child.kill()
                os.close(ours)
    assert screen(shown) == ["A stranger may count as far", ""]
    assert "interrupted" in messages
    assert "Traceback" not in messages
