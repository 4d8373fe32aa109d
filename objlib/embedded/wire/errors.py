"""Errors of the API by their canonical code (google.rpc.Code); ``api/responses.py`` makes HTTP of them."""

from collections.abc import Mapping
from typing import Any, Final

GRPC_NUMBERS: Final[Mapping[str, int]] = {
    "INVALID_ARGUMENT": 3,
    "NOT_FOUND": 5,
    "UNIMPLEMENTED": 12,
    "INTERNAL": 13,
}
"""Numbers of the codes that an operation's error can have; they are not HTTP's."""


class ApiError(Exception):
    """The answer to a request is an error.

    Attributes:
        status: canonical code.
        details: further JSON objects of the error envelope.
    """

    def __init__(self, status: str, message: str, *, details: tuple[dict[str, Any], ...] = ()) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.details = details


def invalid(message: str) -> ApiError:
    """The request itself is wrong."""
    return ApiError("INVALID_ARGUMENT", message)


def not_found(message: str) -> ApiError:
    """The resource does not exist."""
    return ApiError("NOT_FOUND", message)


def disk_full() -> ApiError:
    """The disk is full. Waiting does not help, so it is reported like a store at its storage limit."""
    return ApiError(
        "RESOURCE_EXHAUSTED",
        "The storage limit of the store file is reached: its disk is full; free some space.",
    )
