"""Listings of the service, a page at a time: the only code that follows a page token."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Generic, Protocol, TypeVar

from objlib.gemini.errors import Call, ErrorKind


class ListingPage(Protocol):
    """A page of any listing."""

    @property
    def next_page_token(self) -> str | None:
        """Asks for the next page; None or empty on the last."""


P = TypeVar("P", bound=ListingPage)

Send = Callable[[Callable[[], Awaitable[P]]], Awaitable[P]]
"""How the request for a page is sent: at once, or by a caller that paces and retries it."""


async def at_once(request: Callable[[], Awaitable[P]]) -> P:
    """Send a request now, a single time."""
    return await request()


class Pages(AsyncIterator[P], Generic[P]):
    """Iterates over the pages of a listing; each is asked for when the loop has done with the one before it.

    A class rather than an async generator, which would need ``aclosing`` around every loop that may end early.

    Args:
        call: the listing, for the message of an error.
        get: asks for the page of a token; None for the first.
        send: sends each of these requests.
        token: the page to begin with.

    Raises:
        GeminiError: as ``send`` raises it; TRANSIENT where a token repeats, since such a listing has no end.
    """

    def __init__(
        self, call: Call, get: Callable[[str | None], Awaitable[P]], send: Send[P], token: str | None = None
    ) -> None:
        self._call = call
        self._get = get
        self._send = send
        self._token = token
        self._tokens: set[str] = set()
        self._over = False

    async def __anext__(self) -> P:
        """The next page."""
        if self._over:
            raise StopAsyncIteration
        token = self._token
        if token is not None:
            if token in self._tokens:
                raise self._call.error("the pages go in a circle; try again later", ErrorKind.TRANSIENT)
            self._tokens.add(token)
        page = await self._send(lambda: self._get(token))
        self._token = page.next_page_token or None
        self._over = self._token is None
        return page
