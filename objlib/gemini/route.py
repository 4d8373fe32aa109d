"""The way to a service: straight or through a proxy, and the certificates that are trusted.

The environment is read here and not by httpx, which gives up on all of it where it cannot read one entry of
``NO_PROXY``, and does not say which variable it was.
"""

import re
import socket
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Final
from urllib.parse import urlsplit
from urllib.request import getproxies

import httpx

from objlib.core.errors import UsageError
from objlib.gemini.endpoint import Endpoint
from objlib.gemini.redact import without_secrets
from objlib.gemini.refusals import one_line

_PORTS: Final = {"http": 80, "https": 443}
_WITH_PORT: Final = re.compile(r"(\[.*\](?:/\d+)?|[^:]+):(\d{1,5})")
"""An entry of NO_PROXY with a port; an address of IPv6 then stands in brackets."""
_LEADS_OUT: Final = "check the network and --base-url (OBJLIB_BASE_URL), and HTTPS_PROXY if a proxy leads out"


@dataclass(frozen=True, slots=True)
class Route:
    """The way to a service.

    Attributes:
        host: the service, for messages.
        proxy: address of the proxy, which may hold a password; None for the straight way.
        variable: where that address stands.
        verify: the certificates to trust; True for those that come with httpx.
    """

    host: str
    proxy: str | None = field(default=None, repr=False)
    variable: str = ""
    verify: ssl.SSLContext | bool = True

    def explain(self, error: BaseException) -> str:
        """Why there is no connection, and what to look at."""
        causes = list(_causes(error))
        reason = next((f": {one_line(without_secrets(str(each)), 200)}" for each in causes if str(each)), "")
        if isinstance(error, httpx.TimeoutException):
            reason = " in time"
        for cause in causes:
            if isinstance(cause, ssl.SSLCertVerificationError):
                return (
                    f"the certificate of {self.host} is not trusted ({cause.verify_message}); name the file of "
                    "its authority in SSL_CERT_FILE, or the folder in SSL_CERT_DIR"
                )
            if isinstance(cause, ssl.SSLError):
                return f"cannot connect to {self.host}{reason}; check https in --base-url (OBJLIB_BASE_URL)"
            if self.proxy is not None:
                continue
            if isinstance(cause, socket.gaierror):
                return f"cannot connect to {self.host}: no address has this name (DNS); {_LEADS_OUT}"
            if isinstance(cause, ConnectionRefusedError):
                return (
                    f"cannot connect to {self.host}: it refuses connections; check that the service runs, and "
                    "the port in --base-url (OBJLIB_BASE_URL)"
                )
        if self.proxy is not None:
            return (
                f"cannot connect to {self.host} through the proxy{reason}; check {self.variable}, or list the "
                "host in NO_PROXY"
            )
        return f"cannot connect to {self.host}{reason}; {_LEADS_OUT}"


def find_route(endpoint: Endpoint, environ: Mapping[str, str]) -> Route:
    """The way to ``endpoint``; to a service on this machine it is straight.

    Raises:
        UsageError: the certificates that a variable names cannot be read.
    """
    parts, proxies = urlsplit(endpoint.base_url), getproxies()
    verify = _trusted(environ) if parts.scheme == "https" else True
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    host, port = (parts.hostname or "").rstrip("."), parts.port or _PORTS[parts.scheme]
    entries = proxies.get("no", "").replace(",", " ").split()
    if not proxy or endpoint.local or any(_covers(entry.lower(), host, port) for entry in entries):
        return Route(endpoint.host, verify=verify)
    names = (name for lower in (f"{parts.scheme}_proxy", "all_proxy") for name in (lower, lower.upper()))
    variable = next(
        (name for name in names if environ.get(name) == proxy), "the proxy in the system's settings"
    )
    return Route(endpoint.host, proxy if "://" in proxy else f"http://{proxy}", variable, verify)


def _trusted(environ: Mapping[str, str]) -> ssl.SSLContext | bool:
    file, folder = (environ.get(name) or None for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"))
    if file is None and folder is None:
        return True
    try:
        return ssl.create_default_context(cafile=file, capath=folder)
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise UsageError(f"no certificates can be read from {file} (SSL_CERT_FILE): {why}") from None


def _covers(entry: str, host: str, port: int) -> bool:
    """Whether an entry of NO_PROXY is about a host: a name with those below it, an address, or a network."""
    if entry == "*":
        return True
    name = entry.rpartition("://")[2]
    if with_port := _WITH_PORT.fullmatch(name):
        name = with_port[1]
        if int(with_port[2]) != port:
            return False
    name = name.replace("[", "").replace("]", "")
    try:
        return ip_address(host) in ip_network(name, strict=False)
    except ValueError:
        name = name.lstrip("*.")
        return bool(name) and (host == name or host.endswith(f".{name}"))


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error and its causes from the outside in, groups taken apart: a TLS failure is only ever a cause."""
    if error is None:
        return
    yield error
    inner = error.exceptions if isinstance(error, BaseExceptionGroup) else ()
    for cause in (*inner, error.__cause__ or error.__context__):
        yield from _causes(cause)
