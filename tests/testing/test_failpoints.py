"""A run that dies leaves nothing behind, whatever Python does while it unwinds."""

from pathlib import Path

import pytest
import trio
import trio.testing
from starlette.types import Message, Receive, Scope, Send

from objlib.ledger import open_ledger
from objlib.testing import Died, Failpoints


async def test_points_are_counted_at_commits_and_work_and_not_at_reads(tmp_path: Path) -> None:
    failpoints = Failpoints()
    async with open_ledger(tmp_path / "ledger.db", runner=failpoints.run) as ledger:
        opened = failpoints.passed
        await ledger.settings.get("a")
        assert failpoints.passed == opened
        await ledger.settings.set("a", "b")
        assert failpoints.passed == opened + 2
    assert failpoints.points["before commit"] == failpoints.points["after commit"] == 1
    assert failpoints.points["before work"] == 2, "opening and closing"


@pytest.mark.parametrize(("point", "kept"), [(3, None), (4, "b")])
async def test_the_dead_write_nothing(tmp_path: Path, point: int, kept: str | None) -> None:
    """Neither what was under way, nor what a ``finally`` under a shield still tries."""
    path, last_words = tmp_path / "ledger.db", []
    failpoints = Failpoints(die_at=point)

    async def live() -> None:
        async with open_ledger(path, runner=failpoints.run) as ledger:
            try:
                await ledger.settings.set("a", "b")
            finally:
                with trio.CancelScope(shield=True):
                    try:
                        await ledger.settings.set("a", "last words")
                    except Died:
                        last_words.append("nobody heard")
                        raise

    with pytest.raises(Died):
        await live()
    assert (failpoints.dead, failpoints.where) == (True, "before commit" if kept is None else "after commit")
    assert last_words == ["nobody heard"]
    async with open_ledger(path) as ledger:
        assert await ledger.settings.get("a") == kept


async def test_the_frozen_go_on_where_they_were(tmp_path: Path) -> None:
    failpoints = Failpoints(freeze_at=3)
    async with (
        open_ledger(tmp_path / "ledger.db", runner=failpoints.run) as ledger,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(ledger.settings.set, "a", "b")
        await failpoints.frozen.wait()
        await trio.testing.wait_all_tasks_blocked()
        async with open_ledger(tmp_path / "ledger.db") as other:
            assert await other.settings.get("a") is None
        failpoints.thaw()
    async with open_ledger(tmp_path / "ledger.db") as ledger:
        assert await ledger.settings.get("a") == "b"


async def test_requests_are_points_too_and_the_dead_get_no_answer() -> None:
    acted = []

    async def service(_scope: Scope, _receive: Receive, _send: Send) -> None:
        acted.append(True)
        await trio.lowlevel.checkpoint()

    async def receive() -> Message:
        raise AssertionError("the service does not read")

    async def send(_message: Message) -> None:
        raise AssertionError("the service says nothing")

    for point, expected in ((1, 0), (2, 1)):
        failpoints, acted[:] = Failpoints(die_at=point), []
        with pytest.raises(Died):
            await failpoints.app(service)({"type": "http"}, receive, send)
        assert len(acted) == expected
        with pytest.raises(Died):
            await failpoints.point("send")
