"""A document that holds escape sequences in its text, its name and its metadata: none reaches the terminal."""

import os
from pathlib import Path

from objlib.core.errors import Exit
from tests.cli.conftest import Objlib

ESCAPE = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202e"


def test_no_command_passes_on_an_escape_sequence_of_a_document(objlib: Objlib, tmp_path: Path) -> None:
    root = tmp_path / "library"
    root.mkdir()
    name = f"lute{ESCAPE}.md"
    text = f"---\nauthor: Dow{ESCAPE}land\n---\n# Lute {ESCAPE}\n\nThe lute {ESCAPE} is tuned in fourths by him.\n"
    (root / name).write_text(text, encoding="utf-8")
    (root / f"bad{ESCAPE}.pdf").write_bytes(b"%PDF-1.4 nothing " + ESCAPE.encode())
    os.mkfifo(root / f"pipe{ESCAPE}")
    at = ("--library", root, "--ledger", tmp_path / "l.db")
    forced = {"FORCE_COLOR": "1"}
    commands = [
        ("upload", "--embed-seconds", "0", "-vv"),
        ("scan",),
        ("search", "lute"),
        ("search", f"lute {ESCAPE}", "--filter", f'author = "{ESCAPE}"'),
        ("ask", "How is the lute tuned?"),
        ("search", f"{ESCAPE}nothing"),
        ("search", "lute", "--json"),
        ("search", "lute", "--filter", f"{ESCAPE}("),
        ("explain", name),
        ("explain", f"{ESCAPE}"),
        ("status",),
        ("status", "--json"),
        ("verify",),
        ("store-sync",),
        ("doctor",),
        (f"--{ESCAPE}",),
    ]
    outputs = {
        " ".join(args): objlib(*args, *(at if args[0][0] != "-" else ()), env=forced) for args in commands
    }
    (root / name).unlink()
    outputs["gone"] = objlib("search", "lute", *at, env=forced)
    assert outputs["search lute"].code == Exit.OK
    for command, done in outputs.items():
        for stream in (done.out, done.err):
            assert not {"\x07", "\x9b", "\u202e"} & set(stream), command
            assert "\x1b[2J" not in stream, command
            assert "\x1b]" not in stream, command
