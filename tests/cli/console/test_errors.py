"""Errors as one line and an exit code."""

import json

import pytest

from objlib.cli.console.errors import guarded
from objlib.cli.console.output import OutputError
from objlib.core.errors import Exit, LedgerError, RefusedError, UsageError

Outcome = tuple[int, str, str]


@pytest.fixture
def outcome(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> object:
    monkeypatch.delenv("OBJLIB_DEBUG", raising=False)

    def run(error: BaseException, *, verbose: bool = False, as_json: bool = False) -> Outcome:
        def work() -> int:
            raise error

        code = guarded(work, verbose=verbose, json=as_json, command="upload")
        output = capsys.readouterr()
        return code, output.out, output.err

    return run


@pytest.mark.parametrize(
    ("error", "code", "output"),
    [
        (UsageError("wrong"), Exit.USAGE, "objlib: wrong\n"),
        (RefusedError("no"), Exit.REFUSED, "objlib: no\n"),
        (LedgerError("two\nlines \x1b[2J"), Exit.FATAL, "objlib: two lines \\x1b[2J\n"),
        (OutputError("full"), Exit.FATAL, "objlib: full\n"),
        (KeyboardInterrupt(), Exit.INTERRUPTED, "objlib: interrupted\n"),
        (PermissionError(13, "Permission denied", "/x"), Exit.FATAL, "objlib: Permission denied (/x)\n"),
        (OSError("odd"), Exit.FATAL, "objlib: odd\n"),
        (TimeoutError(), Exit.FATAL, "objlib: TimeoutError\n"),
        (MemoryError(), Exit.FATAL, "objlib: out of memory\n"),
        (BrokenPipeError(), Exit.OK, ""),
        (
            ExceptionGroup("g", [UsageError("a"), ExceptionGroup("h", [UsageError("a")])]),
            Exit.USAGE,
            "objlib: a\n",
        ),
        (ExceptionGroup("g", [RefusedError("a"), LedgerError("b")]), Exit.REFUSED, "objlib: a\nobjlib: b\n"),
        (
            BaseExceptionGroup("g", [KeyboardInterrupt(), ValueError("x")]),
            Exit.INTERRUPTED,
            "objlib: interrupted\n",
        ),
    ],
)
def test_each_foreseen_error_is_one_line(
    error: BaseException, code: Exit, output: str, outcome: object
) -> None:
    assert callable(outcome)
    assert outcome(error) == (code, "", output)


def test_a_bug_is_one_line_and_the_way_to_its_traceback(outcome: object) -> None:
    assert callable(outcome)
    code, _, output = outcome(ExceptionGroup("g", [RefusedError("a"), ZeroDivisionError("by zero")]))
    assert code == Exit.FATAL
    assert output.splitlines()[0] == "objlib: unexpected ZeroDivisionError: by zero"
    assert "-v" in output.splitlines()[1]
    assert "Traceback" not in output


def test_verbose_or_a_variable_shows_the_traceback(outcome: object, monkeypatch: pytest.MonkeyPatch) -> None:
    assert callable(outcome)
    assert "Traceback" in outcome(ZeroDivisionError(), verbose=True)[2]
    monkeypatch.setenv("OBJLIB_DEBUG", "1")
    assert "Traceback" in outcome(ZeroDivisionError())[2]
    monkeypatch.setenv("OBJLIB_DEBUG", "0")
    assert "Traceback" not in outcome(ZeroDivisionError())[2]


def test_json_gets_an_object_for_an_error_too(outcome: object) -> None:
    assert callable(outcome)
    code, out, err = outcome(RefusedError("no"), as_json=True)
    assert json.loads(out) == {"schema": "objlib/error/1", "command": "upload", "error": "no", "exit_code": 4}
    assert (code, err) == (4, "objlib: no\n")


def test_success_is_passed_on() -> None:
    assert guarded(lambda: 3, verbose=False, json=False, command="x") == 3
