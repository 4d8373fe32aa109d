"""An ASGI app on a port: HTTP/1.1 by h11 on trio's streams, and no connection can end the server."""

from objlib.embedded.api.quota import Decision, quota_middleware
from objlib.embedded.server.connection import Limits
from objlib.embedded.server.guard import AllowedHosts, guarded
from objlib.embedded.server.listener import listen, serve_app

__all__ = ["AllowedHosts", "Decision", "Limits", "guarded", "listen", "quota_middleware", "serve_app"]
