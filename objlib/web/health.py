"""The questions of a supervisor and a monitor: whether the server lives, whether it can serve, and the metrics."""

from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from objlib.api import Library
from objlib.core.errors import ObjlibError
from objlib.metrics import exposition

UNAVAILABLE: Final = 503
"""The status of a server that lives and cannot serve."""


@dataclass(frozen=True, slots=True)
class HealthHandlers:
    """The handlers of one library."""

    library: Library

    async def alive(self, _: Request) -> Response:
        """The server answers at all."""
        return PlainTextResponse("ok\n")

    async def ready(self, _: Request) -> Response:
        """The ledger can be read. The reason why not stays in the pages: this one is shown to everybody."""
        try:
            await self.library.status()
        except ObjlibError:
            return PlainTextResponse("the ledger cannot be read\n", UNAVAILABLE)
        return PlainTextResponse("ok\n")

    async def metrics(self, request: Request) -> Response:
        """The state of the library for Prometheus, in the format that it asks for."""
        try:
            text, content_type = exposition(await self.library.metrics(), request.headers.get("accept", ""))
        except ObjlibError as error:
            return PlainTextResponse(f"{error}\n", UNAVAILABLE)
        return Response(text, headers={"content-type": content_type})
