"""Which requests may reach the app at all: only those of programs, and of pages of this very server.

A page of any site can make a browser send requests to 127.0.0.1. It cannot forge two headers: ``Host``, which
names the site where its name was made to point here (DNS rebinding), and ``Origin``, which browsers add to each
request that could change something (Fetch standard, 3.2). ``Sec-Fetch-Site`` says the same of the others.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from objlib.embedded.server.refusal import send_refusal

_HOST: Final = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::(?P<port>\d{1,5}))?")
_ORIGIN: Final = re.compile(r"https?://(?P<host>[^/\s]+)", re.IGNORECASE)
_SAFE: Final = frozenset({"GET", "HEAD"})
_HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
)
"""Headers of every answer that has none of that name: nothing of it is run, framed or embedded elsewhere."""


@dataclass(frozen=True, slots=True)
class AllowedHosts:
    """The names under which the server answers; the port in a ``Host`` header does not matter.

    ``localhost``, loopback addresses and the address that the client connected to are always allowed: no site
    can make one of them its own name.
    """

    names: frozenset[str]

    @classmethod
    def of(cls, names: Iterable[str]) -> "AllowedHosts":
        """The names in any spelling; ``*`` allows every host."""
        return cls(frozenset(_plain(name) for name in names))

    def allows(self, header: str, local_address: str = "") -> bool:
        """Whether a ``Host`` header is one of ours on a connection to ``local_address``."""
        match = _HOST.fullmatch(header)
        if match is None:
            return False
        name = _plain(match["name"])
        if name in self.names or "*" in self.names or name == "localhost":
            return True
        try:
            address = ip_address(name)
            return address.is_loopback or address == ip_address(local_address)
        except ValueError:
            return False


def _plain(name: str) -> str:
    return name.strip().strip("[]").rstrip(".").lower()


def guarded(app: ASGIApp, hosts: AllowedHosts) -> ASGIApp:
    """The app behind the checks of ``Host`` and ``Origin``, with the headers that keep its answers out of pages."""

    async def check(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_hardened(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = list(message.get("headers", ()))
                names = {name for name, _ in headers}
                message["headers"] = headers + [pair for pair in _HEADERS if pair[0] not in names]
            await send(message)

        problem = _problem(scope, hosts)
        if problem is not None:
            await send_refusal(send_hardened, 403, problem)
        else:
            await app(scope, receive, send_hardened)

    return check


def _problem(scope: Scope, hosts: AllowedHosts) -> str | None:
    """Why a request may not pass; None where it may."""
    headers: dict[bytes, str] = {name: value.decode("latin-1") for name, value in scope["headers"]}
    host = headers.get(b"host")
    # Without a Host at all it is HTTP/1.0, which no browser speaks.
    if host is not None and not hosts.allows(host, scope["server"][0]):
        return (
            f"This server does not answer for the host {host!r};"
            " if it should, start it with `objlib serve --allow-host NAME`."
        )
    origin = headers.get(b"origin")
    if origin is not None and not _same(origin, host or ""):
        return f"A page of {origin!r} may not use this server."
    site = headers.get(b"sec-fetch-site", "none")
    opened = headers.get(b"sec-fetch-mode") == "navigate" and scope["method"] in _SAFE
    if site not in {"none", "same-origin"} and not opened:
        return "A page of another site may not use this server."
    return None


def _same(origin: str, host: str) -> bool:
    match = _ORIGIN.fullmatch(origin)
    return match is not None and match["host"].lower() == host.lower()
