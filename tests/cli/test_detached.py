"""A printed unit or configuration works with the same things as the command line that printed it."""

import json
import os
import plistlib
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from objlib.cli.app import run
from objlib.core.config.registry import SETTINGS

pytestmark = pytest.mark.real_time

KEYS = ("GEMINI_API_KEY", "GOOGLE_API_KEY", "HTTPS_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with two libraries, one of them with rules of its own, and nothing set."""
    for variable in [setting.variable for setting in SETTINGS] + list(KEYS):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    for name in ("one", 'two 50% "x" $y'):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.md").write_text("a", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


CASES: dict[str, tuple[dict[str, str], tuple[str, ...]]] = {
    "nothing": ({}, ("one",)),
    "offline beside a key": ({"GEMINI_API_KEY": "k"}, ("one", "--backend", "embedded")),
    "a served store by variable": ({"OBJLIB_BASE_URL": "http://127.0.0.1:9"}, ("one",)),
    "a served store and its name": ({}, ("one", "--base-url", "http://127.0.0.1:9", "--store", "my store")),
    "the real service": ({"GOOGLE_API_KEY": "k"}, ("one",)),
    "files of its own": ({}, ("one", "--ledger", "x/l.db", "--embedded-store", "y/s.db")),
    "a ledger by variable": ({"OBJLIB_LEDGER": "l.db"}, ('two 50% "x" $y',)),
    "rules": (
        {"OBJLIB_IGNORE": "*.tmp\nfoo bar"},
        ("one", "--exclude=-x", "--include", "a b", "--gitignore"),
    ),
    "speed": ({"OBJLIB_MAX_UPLOADS": "3", "OBJLIB_PRUNE_GRACE": "7d"}, ("one", "-v")),
    "links and metadata": (
        {"OBJLIB_FOLLOW_LINKS": "1", "OBJLIB_METADATA_PATTERNS": "{author}/{title}.md"},
        ("one",),
    ),
}


def systemd_words(line: str, *, variables: bool) -> list[str]:
    """The words of a line as systemd.syntax(7) reads them."""
    words = [
        re.sub(
            r"\\x([0-9a-f]{2})|\\(.)", lambda match: chr(int(match[1], 16)) if match[1] else match[2], quoted
        )
        if quoted
        else plain
        for quoted, plain in re.findall(r'"((?:\\.|[^"\\])*)"|(\S+)', line)
    ]
    words = [word.replace("%%", "%") for word in words]
    return [word.replace("$$", "$") for word in words] if variables else words


def from_systemd(text: str) -> tuple[list[str], dict[str, str]]:
    lines = [line.partition("=")[::2] for line in text.splitlines()]
    variables = [systemd_words(value, variables=False)[0] for name, value in lines if name == "Environment"]
    start = next(value for name, value in lines if name == "ExecStart")
    return systemd_words(start, variables=True), dict(each.split("=", 1) for each in variables)


def from_launchd(text: str) -> tuple[list[str], dict[str, str]]:
    agent = plistlib.loads(text.encode())
    words = agent["ProgramArguments"]
    return words[4:] if words[0] == "/bin/sh" else words, agent["EnvironmentVariables"]


def from_mcp(text: str) -> tuple[list[str], dict[str, str]]:
    server = json.loads(text)["mcpServers"]["objlib"]
    return [server["command"], *server["args"]], server["env"]


def from_cron(text: str) -> tuple[list[str], dict[str, str]]:
    """The words and variables that the shell makes of the line."""
    line = text.splitlines()[-1].removeprefix("0 3 * * * ").replace("\\%", "%")
    at = line.index("cd ")
    program = re.search(r"(?:\S+ -m objlib|\S*/objlib) sync ", line)
    assert program
    show = line[at : program.start()] + 'python3 -c "$SHOW" ' + line[program.start() :]
    script = "import json, os, sys; print(json.dumps([sys.argv[1:], dict(os.environ)]))"
    done = subprocess.run(
        ["/bin/sh", "-c", show],
        env={"PATH": os.environ["PATH"], "SHOW": script},
        capture_output=True,
        check=True,
    )
    words, environ = json.loads(done.stdout)
    return words, {key: value for key, value in environ.items() if key.startswith(("OBJLIB_", "XDG_"))}


READERS: dict[str, Callable[[str], tuple[list[str], dict[str, str]]]] = {
    "systemd": from_systemd,
    "launchd": from_launchd,
    "cron": from_cron,
    "mcp": from_mcp,
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_printed_prints_itself_again_from_anywhere(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], case: str
) -> None:
    variables, args = CASES[case]
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    printed: dict[str, str] = {}
    for kind in READERS:
        command = (
            ["mcp", *args, "--print-config"] if kind == "mcp" else ["watch", *args, "--print-unit", kind]
        )
        assert run(command) == 0, capsys.readouterr().err
        printed[kind] = capsys.readouterr().out
    for name in (*variables, "XDG_DATA_HOME"):
        if name not in KEYS:
            monkeypatch.delenv(name)
    monkeypatch.chdir("/")
    for kind, text in printed.items():
        words, environ = READERS[kind](text)
        own = words[words.index("objlib" if "objlib" in words else words[0]) + 1 :]
        again = ["--print-config"] if kind == "mcp" else ["--print-unit", kind]
        with monkeypatch.context() as patch:
            for name, value in environ.items():
                patch.setenv(name, value)
            rest = [word for word in own[1:] if kind != "cron" or word != "-q"]
            assert run(["mcp" if kind == "mcp" else "watch", *rest, *again]) == 0, capsys.readouterr().err
        assert capsys.readouterr().out == text, kind


def test_a_rule_of_the_file_stays_the_files(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "one" / "objlib.toml").write_text('ignore = ["*.tmp"]\ninclude = ["*.md"]\n', encoding="utf-8")
    assert run(["watch", "one", "--config", "one/objlib.toml", "--print-unit", "systemd"]) == 0
    text = capsys.readouterr().out
    assert f"--config {home}/one/objlib.toml" in text
    assert "--include" not in text
    assert "IGNORE" not in text


def test_a_key_and_a_password_are_not_printed(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GEMINI_API_KEY", "sesame")
    monkeypatch.setenv("HTTPS_PROXY", "http://me:swordfish@proxy.example:3128")
    assert run(["mcp", "one", "--print-config"]) == 0
    captured = capsys.readouterr()
    assert 'add HTTPS_PROXY and GEMINI_API_KEY to the member "env"' in captured.err
    assert run(["watch", "one", "--print-unit", "systemd"]) == 0
    unit = capsys.readouterr().out
    assert "EnvironmentFile=%h/.config/objlib/environment" in unit
    for text in (captured.out, captured.err, unit):
        assert "sesame" not in text
        assert "swordfish" not in text


def test_a_path_that_is_no_text_is_refused(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = os.fsdecode(b"caf\xe9")
    (home / name).mkdir()
    assert run(["watch", name, "--print-unit", "systemd"]) == 2
    assert "is no UTF-8" in capsys.readouterr().err
