"""The listening socket, and the supervision of its connections."""

import logging
import socket
from functools import partial
from typing import Final

import trio
from starlette.types import ASGIApp

from objlib.embedded.server.connection import DEFAULT_LIMITS, Connection, Limits
from objlib.embedded.server.silence import SilentConnections

_log = logging.getLogger(__name__)

BACKLOG: Final = 1024
"""Connections that the system accepts ahead of the server: a burst of clients is not refused."""
GRACE_SECONDS: Final = 3.0
"""Seconds for which requests in flight may go on after the server was told to stop."""


def listen(host: str, port: int) -> socket.socket:
    """Open a listening socket on an address; port 0 takes any free one.

    Raises:
        OSError: the address cannot be used.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    listener.setblocking(False)
    return listener


async def serve_app(
    app: ASGIApp,
    listener: socket.socket,
    *,
    stopping: trio.Event,
    limits: Limits = DEFAULT_LIMITS,
    grace: float = GRACE_SECONDS,
) -> None:
    """Serve an app on a listening socket until ``stopping`` is set; requests in flight get ``grace`` seconds.

    An error of one connection ends that connection alone, whatever it is.
    """
    silent = SilentConnections(limits.connections)
    async with trio.open_nursery() as connections:
        async with trio.open_nursery() as accepting:
            listeners = [trio.SocketListener(trio.socket.from_stdlib_socket(listener))]
            supervise = partial(_supervise, app, silent, limits)
            accepting.start_soon(
                partial(trio.serve_listeners, supervise, listeners, handler_nursery=connections)
            )
            await stopping.wait()
            accepting.cancel_scope.cancel(reason="the server stops")
        silent.close_idle()
        connections.cancel_scope.deadline = trio.current_time() + grace


async def _supervise(
    app: ASGIApp, silent: SilentConnections, limits: Limits, stream: trio.SocketStream
) -> None:
    """Serve one connection to its end, and keep its errors from the others."""
    try:
        with silent.room():
            ends = stream.socket.getpeername()[:2], stream.socket.getsockname()[:2]
            await Connection(app, stream, ends, silent, limits).run()
    except OSError:
        pass  # the client had gone before it was looked at
    except Exception:
        _log.exception("a connection failed; the others go on")
    finally:
        await trio.aclose_forcefully(stream)
