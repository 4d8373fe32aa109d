"""Every command that the program advises works where it is advised."""

import pytest

from tests.cli.advice import easy, hard, libraries
from tests.cli.advice.kit import SITUATIONS, World, sites, strays, world

__all__ = ["easy", "hard", "libraries", "world"]  # the first three register their situations


@pytest.mark.parametrize("name", SITUATIONS)
def test_advice_works_in_the_situation_that_prints_it(name: str, world: World) -> None:
    function, followed = SITUATIONS[name]
    function(world)
    assert world.followed == followed


def test_every_advice_has_a_situation() -> None:
    named = [site.name for site in sites()]
    followed = set[str]().union(*(each for _, each in SITUATIONS.values()))
    assert len(named) == len(set(named))
    assert {*named} - followed == set(), "write a situation for a new advice"
    assert followed - {*named} == set()


PROSE = {
    "cli/commands/libraries.py: objlib libraries forget needs the folder of a library",
    "cli/commands/mcp.py: objlib mcp needs the extra mcp",
    "cli/commands/stores.py: objlib stores",
    "cli/commands/stores.py: is for objlib stores delete",
    "cli/commands/stores.py: --by-name is for objlib stores adopt",
    "cli/commands/serve.py: objlib serve serves the embedded store itself",
    "embedded/server/guard.py: ; if it should, start it with `objlib serve --allow-host NAME`.",
    "mcp/serve.py: send the token of `objlib mcp --http`",
}
"""Texts that speak of a command: what it is, or how the user of a server would start another."""


def test_no_command_is_printed_that_is_not_an_advice() -> None:
    texts = strays()
    assert [text for text in texts if not text.startswith(tuple(PROSE))] == []
    assert all(any(text.startswith(known) for text in texts) for known in PROSE)
