"""One request of the API: its path, body and paging, and the key it carries."""

import hmac
from dataclasses import dataclass

from starlette.requests import Request

from objlib.embedded.wire.json import ApiError, Json, after_token, flag, page_size, read_body, read_json


@dataclass(frozen=True, slots=True)
class ApiRequest:
    """One request, taken apart.

    Attributes:
        http: as it came.
        parts: named pieces of the path.
        base: URL up to and including the version.
    """

    http: Request
    parts: dict[str, str]
    base: str

    async def body(self) -> Json:
        """The JSON object in the body, in lowerCamel."""
        return read_json(await read_body(self.http))

    @property
    def force(self) -> bool:
        """The query parameter of the deletes."""
        return flag(self.http.query_params.get("force"))

    def paging(self, *, most: int) -> tuple[int, tuple[float, int]]:
        """Page size and where to go on."""
        query = self.http.query_params
        size = page_size(query.get("pageSize") or query.get("page_size"), default=10, most=most)
        return size, after_token(query.get("pageToken") or query.get("page_token"))


def check_key(request: Request, required: str | None) -> None:
    """Check the API key, in the header or in the query.

    Args:
        request: what came.
        required: the one key that is accepted; None accepts anything, and nothing.

    Raises:
        ApiError: no key, or another one.
    """
    if required is None:
        return
    given = request.headers.get("x-goog-api-key") or request.query_params.get("key")
    if not given:
        raise ApiError(
            "PERMISSION_DENIED",
            "Method doesn't allow unregistered callers (callers without established identity)."
            " Please use API Key or other form of API consumer identity to call this API.",
        )
    if not hmac.compare_digest(given.encode(), required.encode()):
        reason = {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": "API_KEY_INVALID",
            "domain": "googleapis.com",
            "metadata": {"service": "generativelanguage.googleapis.com"},
        }
        raise ApiError(
            "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.", details=(reason,)
        )
