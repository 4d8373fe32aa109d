"""Where the service is, the key for it, and which upload addresses may be given file bytes."""

from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Final
from urllib.parse import SplitResult, urlsplit

from objlib.core.config.parsers import http_url, is_loopback
from objlib.core.errors import UsageError

_PORTS: Final = {"http": 80, "https": 443}
_GOOGLE: Final = "googleapis.com"


class SessionUrl(str):
    """The address of one upload session. It authorises itself: who has it can write, so it hides in repr.

    It is a ``str`` because the ledger stores it; every method of the client that takes one takes a ``str``.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return "SessionUrl('…')"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A service to talk to.

    Attributes:
        base_url: root address, with an optional path prefix; kept without a slash at its end.
        api_key: sent as ``x-goog-api-key`` to this endpoint only; never shown.
        api_version: first path segment of the REST API, such as ``v1beta``.

    Raises:
        UsageError: the address or key cannot be used. The key is not in the message.
    """

    base_url: str
    api_key: str = field(repr=False)
    api_version: str = "v1beta"

    def __post_init__(self) -> None:
        parts = http_url(self.base_url)
        if parts is None or "@" in parts.netloc or "?" in self.base_url or "#" in self.base_url:
            raise UsageError(
                f"{_bare(self.base_url)!r} is not an address of a service: give http(s)://host[:port]"
            )
        # A header value must be printable ASCII, and h11 would put a bad one into its error message.
        if not all(" " < char < "\x7f" for char in self.api_key):
            raise UsageError(
                "the API key has a character that cannot be in a key; copy it again without blanks"
            )
        if not self.api_version.isalnum() or not self.api_version.isascii():
            raise UsageError(f"{self.api_version!r} is not a version of the API, such as v1beta")
        object.__setattr__(self, "base_url", self.base_url.rstrip("/"))

    @property
    def host(self) -> str:
        """Host, and port where one is given, for messages."""
        return urlsplit(self.base_url).netloc

    @property
    def local(self) -> bool:
        """Whether the service is on this machine, so that no proxy may stand between."""
        return is_loopback(self.base_url)

    def trusts(self, session_url: str) -> bool:
        """Whether file bytes may go to ``session_url``: under this endpoint's host, or Google's own.

        The session address comes from the service; a wrong or hostile one would send documents to a stranger.
        A proxy in front of Google passes Google's addresses through, so those are accepted over https.
        """
        ours, theirs = urlsplit(self.base_url), http_url(session_url)
        if theirs is None or "@" in theirs.netloc:
            return False
        mine, name = ours.hostname or "", theirs.hostname or ""
        if theirs.scheme == ours.scheme and name == mine:
            return _port(theirs) == _port(ours)
        if theirs.scheme == ours.scheme and name.endswith(f".{mine}") and not _is_address(mine):
            return True
        return (
            theirs.scheme == "https"
            and _port(theirs) == 443
            and (name == _GOOGLE or name.endswith(f".{_GOOGLE}"))
        )


def _port(parts: SplitResult) -> int:
    return parts.port or _PORTS[parts.scheme]


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _bare(url: str) -> str:
    """``url`` for a message: without a query and without a user, either of which may be a secret."""
    return url.split("?", 1)[0].rsplit("@", 1)[-1][:200]
