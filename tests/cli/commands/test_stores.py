"""The command ``stores``: what is typed before a store goes, and what is refused."""

import io
import json
import sys
from pathlib import Path

import pytest
import trio

from objlib.cli.app import run
from objlib.core.config.registry import SETTINGS
from objlib.core.errors import Exit
from objlib.embedded import open_service
from objlib.gemini import Endpoint, open_client
from tests.cli.commands.kit import Read


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read: Read) -> Path:
    """A library that is uploaded, and whose store is called ``lectures``; the working folder."""
    for variable in [setting.variable for setting in SETTINGS] + ["GEMINI_API_KEY", "GOOGLE_API_KEY"]:
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    (tmp_path / "library").mkdir()
    (tmp_path / "library/moon.md").write_text("The moon.", encoding="utf-8")
    for name, value in {
        "LIBRARY": "library",
        "STORE": "lectures",
        "LEDGER": "ledger.db",
        "EMBEDDED_STORE": "store.db",
        "EMBED_SECONDS": "0",
    }.items():
        monkeypatch.setenv(f"OBJLIB_{name}", value)
    monkeypatch.chdir(tmp_path)
    assert run(["upload", "-q"]) == Exit.OK
    read()
    return tmp_path


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A user at a terminal; what is typed is :func:`typed`."""
    monkeypatch.setattr("objlib.cli.commands.stores.is_terminal", lambda _: True)
    return monkeypatch


def typed(terminal: pytest.MonkeyPatch, *lines: str) -> None:
    terminal.setattr(sys, "stdin", io.StringIO("".join(f"{line}\n" for line in lines)))


def plant(home: Path) -> None:
    """A document of another tool in the library's store."""

    async def send() -> None:
        async with open_service(home / "store.db") as service:
            async with open_client(Endpoint("http://other.test", "k"), asgi=service.app) as client:
                (store,) = await client.stores.all()
                session = await client.uploads.start(
                    store.name, display_name="theirs.txt", mime_type="text/plain", size=2, metadata={}
                )
                await client.uploads.send(session, b"hi", offset=0, final=True)

    trio.run(send)


def test_a_list_names_documents_size_and_library(home: Path, read: Read) -> None:
    assert run(["stores"]) == Exit.OK
    out = read()[0]
    assert "lectures: 1 searchable, 9 B, gemini-embedding-001" in out
    assert f"library {home / 'library'}" in out
    assert run(["stores", "--json"]) == Exit.OK
    entry = json.loads(read()[0])["stores"][0]
    assert (entry["display_name"], entry["active"], entry["own"]) == ("lectures", 1, True)


def test_a_store_goes_when_its_name_is_typed(home: Path, read: Read, terminal: pytest.MonkeyPatch) -> None:
    typed(terminal, "lecture")
    assert run(["stores", "delete", "lectures"]) == Exit.REFUSED
    assert "nothing was deleted" in read()[1]
    typed(terminal, "lectures")
    assert run(["stores", "delete", "lectures"]) == Exit.OK
    out = read()[0]
    assert "Deleted lectures" in out
    assert "put aside" in out
    assert not (home / "ledger.db").exists()


def test_documents_of_others_are_named_twice(home: Path, read: Read, terminal: pytest.MonkeyPatch) -> None:
    plant(home)
    typed(terminal, "lectures", "")
    assert run(["stores", "delete", "lectures"]) == Exit.REFUSED
    said = read()[1]
    assert "1 of others: another tool" in said
    assert "Type 1 to delete the documents of others too" in said
    typed(terminal, "lectures", "1")
    assert run(["stores", "delete", "lectures"]) == Exit.OK


def test_without_a_terminal_nothing_goes_unless_all_of_it_is_said(home: Path, read: Read) -> None:
    plant(home)
    assert run(["stores", "delete", "lectures"]) == Exit.REFUSED
    assert "--yes" in read()[1]
    assert run(["stores", "delete", "lectures", "--yes"]) == Exit.REFUSED
    assert "--others 1" in read()[1]
    assert run(["stores", "delete", "lectures", "-n", "--json"]) == Exit.OK
    plan = json.loads(read()[0])
    assert (plan["own"], plan["others"], plan["deleted"], plan["dry_run"]) == (
        1,
        {"another tool": 1},
        False,
        True,
    )
    assert run(["stores", "delete", "lectures", "--yes", "--others", "1", "--json"]) == Exit.OK
    assert json.loads(read()[0])["deleted"] is True


@pytest.mark.parametrize(
    "words",
    [
        ("create",),
        ("delete",),
        ("list", "x"),
        ("list", "--yes"),
        ("create", "x", "--others", "1"),
        ("delete", "x", "--by-name", "1"),
        ("delete", "x", "--others", "-1"),
        ("adopt", "--all"),
        ("drop", "x"),
    ],
    ids=" ".join,
)
def test_what_makes_no_sense_is_refused_before_anything_is_opened(
    words: tuple[str, ...], read: Read, engine: object
) -> None:
    assert run(["stores", *words]) == Exit.USAGE
    assert read()[1].count("\n") == 1


def test_documents_of_another_tool_are_taken_over_after_a_look(home: Path, read: Read) -> None:
    plant(home)
    assert run(["stores", "adopt"]) == Exit.OK
    assert "1 document fits no file" in read()[0]
    (home / "library/theirs.txt").write_text("hi", encoding="utf-8")
    assert run(["stores", "adopt", "-n"]) == Exit.OK
    assert "same name and size  theirs.txt" in read()[0]
    assert run(["stores", "adopt"]) == Exit.DRIFT
    assert "stores adopt --by-name 1" in read()[0]
    assert run(["stores", "adopt", "--by-name", "1", "--json"]) == Exit.OK
    assert json.loads(read()[0])["adopted"] == 1
    assert run(["upload"]) == Exit.OK
    assert "Nothing to send" in read()[0]
