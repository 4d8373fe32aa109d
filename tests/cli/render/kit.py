"""Terminals and a check that every test of a renderer uses."""

from collections.abc import Sequence

from objlib.cli.console.terminal import Terminal

PLAIN = Terminal()


ASCII = Terminal(unicode=False)


COLOR = Terminal(color=True)


EVIL = "a\x1b[2J\nb\u202e\udce9"


def text(lines: Sequence[str]) -> str:
    assert all("\n" not in line for line in lines)
    joined = "\n".join(lines)
    assert "\x1b[2J" not in joined
    joined.encode("utf-8")
    return joined
