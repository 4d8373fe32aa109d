"""Units with which the usual supervisors start ``objlib watch``, or a run each night."""

import shlex
from collections.abc import Callable, Mapping
from typing import Final
from xml.sax.saxutils import escape

from objlib.core.detached import SECRETS_FILE, DetachedCommand
from objlib.core.errors import UsageError

NAME: Final = "objlib"
_READ_SECRETS: Final = f'set -a; . "$HOME/{SECRETS_FILE}"; set +a'
"""Shell words that read the file with the secret variables."""


def systemd_service(command: DetachedCommand) -> str:
    """A user service: ``~/.config/systemd/user/objlib.service``."""
    return f"""\
# Save as ~/.config/systemd/user/{NAME}.service, then: systemctl --user enable --now {NAME}
{_secrets_comment(command)}[Unit]
Description=Keep a File Search store in step with a folder
After=network-online.target

[Service]
Type=notify
{_systemd_command(command)}
ExecReload=/bin/kill -HUP $MAINPID
Restart=on-failure
RestartSec=30
TimeoutStopSec=60

[Install]
WantedBy=default.target
"""


def systemd_timer(command: DetachedCommand) -> str:
    """A timer with its service, for a run each night in place of a watch."""
    return f"""\
# Save the first part as ~/.config/systemd/user/{NAME}-sync.service and the second as {NAME}-sync.timer,
# then: systemctl --user enable --now {NAME}-sync.timer
{_secrets_comment(command)}[Unit]
Description=Bring a File Search store in step with a folder

[Service]
Type=oneshot
{_systemd_command(command)}
# 3: some files failed, and the report says which.
SuccessExitStatus=3

# {NAME}-sync.timer
[Unit]
Description=Each night

[Timer]
OnCalendar=03:00
Persistent=true
RandomizedDelaySec=15min

[Install]
WantedBy=timers.target
"""


def launchd(command: DetachedCommand) -> str:
    """A launch agent of macOS.

    Raises:
        UsageError: a word holds a character that XML does not have.
    """
    words = list(command.words)
    if command.secrets:
        words = ["/bin/sh", "-c", f'{_READ_SECRETS}; exec "$0" "$@"', *words]
    arguments = "\n".join(f"    {_xml(word)}" for word in words)
    variables = ""
    if command.variables:
        pairs = "\n".join(
            f"    <key>{name}</key>\n    {_xml(value)}" for name, value in command.variables.items()
        )
        variables = f"  <key>EnvironmentVariables</key>\n  <dict>\n{pairs}\n  </dict>\n"
    comment = "".join(f"\n     {line}" for line in _secrets_lines(command))
    return f"""\
<?xml version="1.0" encoding="UTF-8"?>
<!-- Save as ~/Library/LaunchAgents/{NAME}.plist, then: launchctl load ~/Library/LaunchAgents/{NAME}.plist{comment} -->
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
  <key>Label</key>
  <string>{NAME}</string>
  <key>ProgramArguments</key>
  <array>
{arguments}
  </array>
{variables}  <key>WorkingDirectory</key>
  {_xml(str(command.folder))}
  <key>RunAtLoad</key>
  <true/>
  <key>KeepAlive</key>
  <dict>
    <key>SuccessfulExit</key>
    <false/>
  </dict>
</dict>
</plist>
"""


def cron(command: DetachedCommand) -> str:
    """A line for ``crontab -e``; a percent sign would end the command there."""
    quiet = [] if "OBJLIB_VERBOSE" in command.variables else ["-q"]
    secrets = f"{_READ_SECRETS}; " if command.secrets else ""
    variables = "".join(f"{name}={_sh(value)} " for name, value in command.variables.items())
    words = " ".join(map(_sh, [*command.words, *quiet]))
    line = f"{secrets}cd {_sh(str(command.folder))}; {variables}{words}"
    return (
        f"# Add with: crontab -e\n{_secrets_comment(command)}0 3 * * * {line.replace('%', chr(92) + '%')}\n"
    )


def task_scheduler(command: DetachedCommand) -> str:
    """Commands for the Task Scheduler of Windows.

    Raises:
        UsageError: a word has a line break, which no command there can hold.
    """
    words = [*command.words, *command.variables.values()]
    if broken := next((word for word in words if not word.isprintable()), None):
        raise UsageError(
            f"a command of the Task Scheduler cannot hold {broken!r}; put what it says into objlib.toml"
        )
    secrets = [f"rem First: setx {name} VALUE" for name in command.secrets]
    variables = [f'setx {name} "{_windows(value)}"' for name, value in command.variables.items()]
    quoted = " ".join(f'\\"{_windows(word)}\\"' if " " in word else _windows(word) for word in command.words)
    task = f'schtasks /Create /TN {NAME} /SC DAILY /ST 03:00 /TR "{quoted}"'
    return "\n".join([*secrets, *variables, task]) + "\n"


def _windows(word: str) -> str:
    return word.replace('"', '\\"')


def _secrets_lines(command: DetachedCommand) -> list[str]:
    lines = [f"{name}=VALUE" for name in command.secrets]
    return lines and [f"First write ~/{SECRETS_FILE}, for you alone (chmod 600), with: {' '.join(lines)}"]


def _secrets_comment(command: DetachedCommand) -> str:
    return "".join(f"# {line}\n" for line in _secrets_lines(command))


def _xml(word: str) -> str:
    if any(char < " " and char not in "\t\n" for char in word):
        raise UsageError(f"a launch agent cannot hold {word!r}; rename it")
    return f"<string>{escape(word)}</string>"


def _sh(word: str) -> str:
    """One word for the shell of cron, on one line: printf writes what would break it."""
    if "\n" not in word and "\r" not in word:
        return shlex.quote(word)
    text = word.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
    return f"\"$(printf '%b' {shlex.quote(text)})\""


def _systemd_command(command: DetachedCommand) -> str:
    folder = str(command.folder)  # a path to its line's end, without quotes or escapes
    lines = [f"WorkingDirectory=-{_specifiers(folder)}"] if folder.isprintable() else []
    lines += [
        f"Environment={_systemd(f'{name}={value}', always=True)}" for name, value in command.variables.items()
    ]
    if command.secrets:
        lines.append(f"EnvironmentFile=%h/{SECRETS_FILE}")
    words = [_systemd(word).replace("$", "$$") for word in command.words]
    return "\n".join([*lines, f"ExecStart={' '.join(words)}"])


def _systemd(word: str, *, always: bool = False) -> str:
    """One word in quotes where it needs them, with the specifiers of systemd as plain text."""
    text = _specifiers(word.replace("\\", "\\\\").replace('"', '\\"'))
    text = "".join(char if char >= " " else f"\\x{ord(char):02x}" for char in text)
    return f'"{text}"' if always or not word or set(word) - _PLAIN else text


_PLAIN: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%$+=:,./_-")


def _specifiers(text: str) -> str:
    return text.replace("%", "%%")


UNITS: Final[Mapping[str, tuple[str, Callable[[DetachedCommand], str]]]] = {
    "systemd": ("watch", systemd_service),
    "systemd-timer": ("sync", systemd_timer),
    "launchd": ("watch", launchd),
    "cron": ("sync", cron),
    "task-scheduler": ("sync", task_scheduler),
}
"""Each kind with the command that it runs."""
