"""The command index, over an engine that gives reports."""

import json
from math import inf

import pytest

from objlib.cli.app import run
from objlib.cli.render.index import index_lines, vector_lines
from objlib.core.errors import Exit
from objlib.core.reports.upload import IndexReport, VectorReport
from objlib.core.stop_reason import StopReason
from objlib.engine.bootstrap.open_app import StoreNeed
from tests.cli.commands.kit import Engine, Read
from tests.cli.render.kit import PLAIN

DONE = IndexReport("s", VectorReport(9, 9), made=4, seconds=2.0)
REST = VectorReport(100, 3000, seconds_left=1234)
NONE = VectorReport(0, 5, available=False, reason="no search by meaning: numpy is not installed")


@pytest.mark.parametrize(
    ("report", "code"),
    [
        (DONE, Exit.OK),
        (IndexReport("s", REST), Exit.OK),
        (IndexReport("s", REST, stopped=StopReason.INTERRUPTED), Exit.INTERRUPTED),
        (IndexReport("s", NONE), Exit.FATAL),
    ],
    ids=["done", "rest", "stopped", "none"],
)
def test_exit_codes_of_index(report: IndexReport, code: int, engine: Engine) -> None:
    engine.gives("vectors.index", report)
    assert run(["index", "--library", "lib"]) == code


def test_index_goes_on_to_the_end_unless_a_time_is_given(engine: Engine, read: Read) -> None:
    engine.patch.setenv("OBJLIB_EMBED_SECONDS", "3")
    engine.gives("vectors.index", DONE)
    assert run(["index", "--library", "lib", "-j"]) == Exit.OK
    assert json.loads(read()[0])["vectors"]["done"] == 9
    assert run(["index", "--library", "lib", "--for", "1h"]) == Exit.OK
    assert run(["index", "--for", "soon"]) == Exit.USAGE
    assert [more["seconds"] for _, more in engine.asked] == [inf, 3600]
    assert engine.opened[0][1].store is StoreNeed.EXISTING
    assert not engine.opened[0][1].create_ledger


def test_a_service_that_indexes_by_itself_is_not_asked(engine: Engine, read: Read) -> None:
    engine.gives("vectors.index", IndexReport("s", VectorReport(reason="the service does it by itself")))
    assert run(["index", "--library", "lib", "--base-url", "http://localhost:1"]) == Exit.OK
    assert engine.opened[0][1].store is StoreNeed.NONE
    assert read()[0] == "Nothing to do: the service does it by itself.\n"


def test_a_quiet_index_prints_what_is_left_to_do(engine: Engine, read: Read) -> None:
    engine.patch.setenv("OBJLIB_LIBRARY", "lib")
    for report, message in [
        (DONE, ""),
        (IndexReport("s", NONE), f"objlib: {NONE.reason}\n"),
        (
            IndexReport("s", REST),
            "objlib: search by meaning covers 100 of 3,000 passages so far (by words all of them); "
            "`objlib index` does the rest in about 20 min 34 s\n",
        ),
    ]:
        engine.gives("vectors.index", report)
        run(["index", "-q"])
        assert read() == ("", message)


def test_the_lines_of_index() -> None:
    assert index_lines(DONE, PLAIN) == ["✓ 4 passages in 2.0 s; search by meaning covers all 9 passages."]
    assert index_lines(IndexReport("s", VectorReport()), PLAIN) == [
        "Nothing to do: the store has no passages yet."
    ]
    assert index_lines(IndexReport("s", NONE), PLAIN)[0].startswith("search works by words only: no search")
    lines = vector_lines(VectorReport(1, 2, seconds_left=0.2), PLAIN)
    assert " ".join(lines).endswith("`objlib index` does the rest in about 1 s")
    assert vector_lines(VectorReport(2, 2), PLAIN) == vector_lines(None, PLAIN) == []
