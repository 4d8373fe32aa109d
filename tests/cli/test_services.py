"""One library at several services, each with a ledger of its own, through the real entry point."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.cli.conftest import Objlib
from tests.cli.test_known_libraries import data_of, documents


@contextmanager
def serving(environ: dict[str, str], cwd: Path, *args: str | Path) -> Iterator[str]:
    """``objlib serve`` on a free port; its address."""
    words = [sys.executable, "-m", "objlib", "serve", "--port", "0", "--json", "--quiet", *map(str, args)]
    server = subprocess.Popen(
        words, env=environ, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        assert server.stdout is not None
        yield str(json.loads(server.stdout.readline())["url"])
    finally:
        server.terminate()
        server.communicate(timeout=30)


def test_a_library_goes_from_one_service_to_another_and_back_without_an_option(
    objlib: Objlib, tmp_path: Path, environ: dict[str, str]
) -> None:
    library = documents(tmp_path / "papers")
    assert objlib("upload", library).code == 0
    with serving(environ, tmp_path, "--embedded-store", tmp_path / "elsewhere.db") as url:
        there = objlib("status")
        for sent in (3, 0):
            there = objlib("upload", library, "--json", env={"OBJLIB_BASE_URL": url})
            assert (there.code, there.json()["uploaded"], there.json()["indexed"]) == (0, sent, 3)
        assert "this library is also in the embedded store" in there.err
        (library / "new.txt").write_text("A new walnut.\n", encoding="utf-8")
        back = objlib("upload", library, "--json")
        assert (back.code, back.json()["uploaded"], back.json()["backend"]) == (0, 1, "embedded")
        assert f"this library is also in a store at {url}" in back.err
        there = objlib("upload", library, "--json", env={"OBJLIB_BASE_URL": url})
        assert (there.code, there.json()["uploaded"]) == (0, 1)
        doctor = objlib("doctor", "--json", env={"OBJLIB_BASE_URL": url}).json()
        (other,) = (check["found"] for check in doctor["checks"] if check["name"] == "other store")
        assert other.startswith("embedded: fileSearchStores/")
        assert "4 of 4 files indexed" in other
    (entry,) = objlib("libraries", "--json").json()["libraries"]
    assert {each["service"]: each["searchable"] for each in entry["services"]} == {"embedded": 4, url: 4}
    assert len(list(data_of(tmp_path).glob("libraries/*/ledger*.db"))) == 2
    key = objlib("status", env={"GEMINI_API_KEY": "k"})
    assert (key.code, "there is no ledger" in key.err) == (2, True), "not taken for that of another service"


def test_the_librarys_own_store_behind_a_port_needs_no_second_ledger(
    objlib: Objlib, tmp_path: Path, environ: dict[str, str]
) -> None:
    library = documents(tmp_path / "papers")
    assert objlib("upload", library).code == 0
    for _ in range(2):  # at another port each time
        with serving(environ, tmp_path) as url:
            served = objlib("upload", library, "--base-url", url, "--json")
            assert (served.code, served.json()["uploaded"], served.json()["indexed"]) == (0, 0, 3), served.err
    assert len(list(data_of(tmp_path).glob("libraries/*/ledger*.db"))) == 1


def test_a_ledger_of_the_configuration_gets_one_beside_it_for_another_service(
    objlib: Objlib, tmp_path: Path, environ: dict[str, str]
) -> None:
    documents(tmp_path / "work" / "papers")
    (tmp_path / "work" / "objlib.toml").write_text(
        "library = 'papers'\nledger = 'data/library.db'\n", encoding="utf-8"
    )
    with serving(environ, tmp_path, "--embedded-store", tmp_path / "elsewhere.db") as url:
        assert objlib("upload", env={"OBJLIB_BASE_URL": url}).code == 0
        assert objlib("upload", "--json").json()["uploaded"] == 3
        assert objlib("upload", "--json", env={"OBJLIB_BASE_URL": url}).json()["uploaded"] == 0
        names = sorted(path.name for path in (tmp_path / "work" / "data").glob("*.db"))
        assert names == ["library-embedded.db", "library-store.db", "library.db"]
        refused = objlib("upload", "--ledger", "data/library.db")
        assert refused.code == 4
        assert "does not exist (any more) at this service" in refused.err
