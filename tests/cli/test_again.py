"""Advice that can be copied: the options of the call, the program's name, and quoting."""

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from objlib.cli.again import how_to_install, program
from objlib.cli.config import load_settings
from objlib.cli.options import CommonOptions
from objlib.core.advice import Invocation, advise, invoked
from objlib.core.config.registry import SETTINGS
from objlib.core.errors import UsageError


@pytest.fixture
def docs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of documents, seen from an empty working folder with a home of its own."""
    for variable in [setting.variable for setting in SETTINGS] + ["GEMINI_API_KEY", "GOOGLE_API_KEY"]:
        monkeypatch.delenv(variable, raising=False)
    for name in ("docs", "home", "work"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home" / "data"))
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path / "docs"


def options(given: CommonOptions | None, path: Path | None = None) -> list[str]:
    """The options that advice adds to a command after a call with these."""
    with invoked(Invocation()):
        load_settings(given, path=path)
        return shlex.split(advise("status"))[2:]


def test_advice_names_only_the_options_it_needs(docs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger, service = docs / "led.db", "http://localhost:1"
    given = CommonOptions(base_url=service, ledger=ledger)
    library = ["--library", str(docs)]
    rest = ["--base-url", service, "--ledger", str(ledger)]
    assert options(given, docs) == library + rest
    Path("objlib.toml").write_text(f"library = '{docs}'\nledger = '{ledger}'", encoding="utf-8")
    assert options(given, docs) == rest[:2]
    assert options(None) == []
    monkeypatch.setenv("OBJLIB_BASE_URL", service)
    assert options(given, docs) == []


def test_advice_carries_everything_that_says_what_a_command_works_with(
    docs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GEMINI_API_KEY", "key")
    assert options(CommonOptions(backend="embedded"), docs)[2:] == ["--backend", "embedded"]
    assert options(CommonOptions(store="mine", embedded_store=docs / "s.db"), docs)[2:] == [
        *("--embedded-store", str(docs / "s.db")),
        *("--store", "mine"),
    ]
    rules = CommonOptions(exclude=("*.key", "a b/"), include=("*.md",), gitignore=True)
    assert (
        options(rules, docs)[2:]
        == [
            *("--backend", "embedded"),
            *("--exclude", "*.key", "--exclude", "a b/", "--include", "*.md", "--gitignore"),
        ][2:]
    )
    monkeypatch.setenv("OBJLIB_GITIGNORE", "yes")
    assert options(CommonOptions(gitignore=False), docs)[2:] == ["--no-gitignore"]
    config = docs / "other.toml"
    config.write_text(f"library = '{docs}'\nstore = 'theirs'", encoding="utf-8")
    assert options(CommonOptions(config=config)) == ["--config", str(config)]


def test_advice_names_the_library_where_the_settings_of_here_are_broken(docs: Path) -> None:
    config = docs / "other.toml"
    config.touch()
    Path("objlib.toml").write_text("max_uploads = 'many'", encoding="utf-8")
    expected = ["--config", str(config), "--library", str(docs)]
    assert options(CommonOptions(config=config), docs) == expected


def test_advice_outside_of_a_call_is_the_command_alone() -> None:
    assert advise("upload --retry-failed") == "objlib upload --retry-failed"


def test_settings_that_are_loaded_outside_of_a_call_change_no_advice(docs: Path) -> None:
    load_settings(None, path=docs)
    assert advise("status") == "objlib status"


@pytest.mark.parametrize(
    "word",
    [
        "plain",
        "two  blanks",
        'it\'s $HOME `x` \\ "y"',
        "-dash",
        "line\nbreak",
        "tab\t'",
        "caf\udce9",
        "\u202eé",
    ],
    ids=ascii,
)
def test_words_of_advice_reach_a_command_as_they_are(word: str) -> None:
    with invoked(Invocation(shlex.join([sys.executable, "-c", PRINT]), lambda: ["--library", word])):
        line = advise("explain", word)
    assert line.isprintable()
    done = subprocess.run(["bash", "-c", line], check=True, stdout=subprocess.PIPE)
    dashes = ["--"] if word.startswith("-") else []
    options = ["--library", word]
    expected = ["explain", *options, *dashes, word] if dashes else ["explain", word, *options]
    assert done.stdout.decode() == ascii(expected)


PRINT = "import sys; sys.stdout.write(ascii(sys.argv[1:]).replace('\\'', chr(39)))"


def test_the_program_is_named_as_the_shell_finds_it(docs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = docs / "bin" / "objlib"
    script.parent.mkdir()
    script.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(script.parent))
    assert (program(), how_to_install()) == ("objlib", "")
    monkeypatch.setenv("PATH", str(docs))
    monkeypatch.setattr(sys, "argv", [str(script.parent / "fsm-upload")])
    assert program() == str(script)
    monkeypatch.chdir(docs)
    assert program() == "bin/objlib"
    monkeypatch.chdir(script.parent)
    assert program() == "./objlib"
    monkeypatch.setattr(sys, "argv", ["-c"])
    assert program() == f"{sys.executable} -m objlib"
    assert how_to_install() == f"uv tool install {Path(__file__).parents[2]}"


def test_a_broken_setting_is_refused_before_any_advice(docs: Path) -> None:
    with invoked(Invocation()), pytest.raises(UsageError):
        load_settings(CommonOptions(store=""), path=docs)
