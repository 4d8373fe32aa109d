"""HTTP responses: JSON, and the error envelope of Google's APIs."""

from collections.abc import Mapping
from typing import Any, Final

from starlette.responses import Response

from objlib.embedded.wire.errors import ApiError
from objlib.embedded.wire.json import Json, dump

JSON_TYPE: Final = "application/json; charset=UTF-8"

HTTP_STATUS: Final[Mapping[str, int]] = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "ALREADY_EXISTS": 409,
    "RESOURCE_EXHAUSTED": 429,
    "INTERNAL": 500,
    "UNIMPLEMENTED": 501,
    "UNAVAILABLE": 503,
}
"""HTTP status of each canonical code that occurs here (google.rpc.Code)."""


def json_response(value: Any) -> Response:
    """A successful answer."""
    return Response(dump(value), 200, media_type=JSON_TYPE)


def error_response(error: ApiError, headers: Mapping[str, str] | None = None) -> Response:
    """The error envelope; ``headers`` are further headers of the response."""
    code = HTTP_STATUS[error.status]
    body: Json = {"code": code, "message": error.message, "status": error.status}
    if error.details:
        body["details"] = list(error.details)
    return Response(dump({"error": body}), code, headers, JSON_TYPE)
