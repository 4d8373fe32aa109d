"""Errors: the exit code of each, and that each message is one line the user can read."""

import pytest

from objlib.core import errors
from objlib.core.errors import (
    Exit,
    GuardRejectedError,
    LedgerError,
    ObjlibError,
    RefusedError,
    ServiceError,
    StaleTransitionError,
    TransitionError,
    TransitionNotAllowedError,
    UsageError,
)


def test_exit_codes_are_the_ones_scripts_depend_on() -> None:
    assert {code.name: code.value for code in Exit} == {
        "OK": 0,
        "FATAL": 1,
        "USAGE": 2,
        "SOME_FAILED": 3,
        "REFUSED": 4,
        "DRIFT": 5,
        "INTERRUPTED": 130,
    }


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ObjlibError("x"), 1),
        (UsageError("x"), 2),
        (RefusedError("x"), 4),
        (LedgerError("x"), 1),
        (ServiceError("x"), 1),
        (StaleTransitionError("f", 3), 1),
        (TransitionNotAllowedError("indexed", "start_upload"), 1),
        (GuardRejectedError("f", "retry", "not now"), 1),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_error_ends_a_command_with_its_code(error: ObjlibError, code: int) -> None:
    assert error.exit_code == code


def test_every_error_of_the_room_descends_from_one() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Exception)]
    assert len(kinds) >= 9
    assert all(issubclass(kind, ObjlibError) for kind in kinds)


def test_a_move_that_did_not_happen_can_be_caught_as_one() -> None:
    for kind in (StaleTransitionError, TransitionNotAllowedError, GuardRejectedError):
        assert issubclass(kind, TransitionError)


def test_transition_errors_say_which_row_and_why_in_one_line() -> None:
    stale = StaleTransitionError("f1", 7)
    assert (stale.file_id, stale.expected) == ("f1", 7)
    assert str(stale) == "file f1 is no longer at version 7; another task or run moved it first"
    refused = GuardRejectedError("f1", "reset", "the document is still wanted")
    assert (refused.file_id, refused.event) == ("f1", "reset")
    assert str(refused) == "reset of file f1 was rejected: the document is still wanted"
    for error in (stale, refused, TransitionNotAllowedError("failed", "adopt")):
        assert "\n" not in str(error)


def test_the_tree_in_the_docstring_names_every_error() -> None:
    # It is the map a reader starts from, so it must not fall behind the code.
    for name, kind in vars(errors).items():
        if isinstance(kind, type) and issubclass(kind, ObjlibError):
            assert name in (errors.__doc__ or "")
