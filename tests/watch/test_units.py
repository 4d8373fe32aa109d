"""Units hold each word and variable of a command, whatever characters are in it."""

import os
import plistlib
import shutil
import subprocess
from pathlib import Path

import pytest

from objlib.core.detached import DetachedCommand
from objlib.core.errors import UsageError
from objlib.watch.units import UNITS, cron, launchd, systemd_service, systemd_timer, task_scheduler

NASTY = DetachedCommand(
    ["/opt/my tools/objlib", "watch", "--library", "/home/a/50% \"off\" & $more 'now'", "--exclude=a\nb\\c"],
    Path("/home/a/50% off"),
    {"OBJLIB_IGNORE": "*.tmp\n100%\t$HOME \\ \"q\" 'x'", "EMPTY": ""},
)
SECRET = DetachedCommand(["/bin/objlib", "watch"], Path("/"), {}, ["GEMINI_API_KEY"])


def test_cron_hands_the_words_to_the_program_as_they_are(tmp_path: Path) -> None:
    show = tmp_path / "show"
    show.write_text('#!/bin/sh\nprintf "%s\\0" "$OBJLIB_IGNORE" "$@"\n', encoding="utf-8")
    show.chmod(0o755)
    command = DetachedCommand([str(show), *NASTY.words[1:]], tmp_path, NASTY.variables)
    line = cron(command).splitlines()[-1].removeprefix("0 3 * * * ")
    assert "%" not in line.replace("\\%", "")
    output = subprocess.run(["/bin/sh", "-c", line.replace("\\%", "%")], capture_output=True, check=True)
    shown = output.stdout.decode().split("\0")
    assert shown[:-1] == [NASTY.variables["OBJLIB_IGNORE"], *NASTY.words[1:], "-q"]


@pytest.mark.parametrize("unit", [systemd_service, systemd_timer])
@pytest.mark.parametrize("command", [NASTY, SECRET], ids=["nasty", "secret"])
@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not here")
def test_systemd_accepts_the_unit(tmp_path: Path, unit: object, command: DetachedCommand) -> None:
    real = DetachedCommand(
        ["/bin/true", *command.words[1:]], command.folder, command.variables, command.secrets
    )
    assert callable(unit)
    file = tmp_path / "objlib.service"
    file.write_text(unit(real).partition("\n# objlib-sync.timer")[0], encoding="utf-8")
    done = subprocess.run(
        ["systemd-analyze", "--user", "verify", str(file)],
        env=os.environ | {"XDG_RUNTIME_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_systemd_gets_each_special_character_as_text() -> None:
    text = systemd_service(NASTY)
    assert 'ExecStart="/opt/my tools/objlib" watch --library' in text
    assert '"/home/a/50%% \\"off\\" & $$more \'now\'"' in text
    assert '"--exclude=a\\x0ab\\\\c"' in text
    assert "WorkingDirectory=-/home/a/50%% off\n" in text
    assert 'Environment="OBJLIB_IGNORE=*.tmp\\x0a100%%\\x09$HOME \\\\ \\"q\\" \'x\'"' in text


def test_a_launch_agent_is_a_property_list() -> None:
    agent = plistlib.loads(launchd(NASTY).encode())
    assert agent["ProgramArguments"] == NASTY.words
    assert agent["EnvironmentVariables"] == dict(NASTY.variables)
    assert agent["WorkingDirectory"] == str(NASTY.folder)
    with pytest.raises(UsageError, match="launch agent cannot hold"):
        launchd(DetachedCommand(["/bin/\x1b"], Path("/")))


def test_the_task_scheduler_refuses_a_line_break() -> None:
    with pytest.raises(UsageError, match=r"objlib\.toml"):
        task_scheduler(NASTY)
    text = task_scheduler(DetachedCommand(["C:\\my tools\\objlib.exe", "sync"], Path("/"), {"A": "b c"}))
    assert text.splitlines() == [
        'setx A "b c"',
        'schtasks /Create /TN objlib /SC DAILY /ST 03:00 /TR "\\"C:\\my tools\\objlib.exe\\" sync"',
    ]


@pytest.mark.parametrize("kind", sorted(UNITS))
def test_a_secret_is_named_and_not_printed(kind: str) -> None:
    text = UNITS[kind][1](SECRET)
    assert "GEMINI_API_KEY" in text
    if kind != "task-scheduler":
        assert ".config/objlib/environment" in text


def test_cron_and_launchd_read_the_file_with_the_secrets(tmp_path: Path) -> None:
    file = tmp_path / ".config" / "objlib" / "environment"
    file.parent.mkdir(parents=True)
    file.write_text("GEMINI_API_KEY=sesame\n", encoding="utf-8")
    words = ["/bin/sh", "-c", 'printf %s "$GEMINI_API_KEY"']
    command = DetachedCommand(words, tmp_path, {}, ["GEMINI_API_KEY"])
    line = cron(command).splitlines()[-1].removeprefix("0 3 * * * ").replace("\\%", "%")
    for start in (["/bin/sh", "-c", line], plistlib.loads(launchd(command).encode())["ProgramArguments"]):
        done = subprocess.run(start, env={"HOME": str(tmp_path)}, capture_output=True, check=True)
        assert done.stdout == b"sesame", start
