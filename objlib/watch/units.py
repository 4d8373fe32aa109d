"""Units with which the usual supervisors start ``objlib watch``, or a run each night."""

import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import Final
from xml.sax.saxutils import escape

NAME: Final = "objlib"


def systemd_service(command: Sequence[str]) -> str:
    """A user service: ``~/.config/systemd/user/objlib.service``."""
    return f"""\
# Save as ~/.config/systemd/user/{NAME}.service, then: systemctl --user enable --now {NAME}
[Unit]
Description=Keep a File Search store in step with a folder
After=network-online.target

[Service]
Type=notify
ExecStart={_systemd(command)}
ExecReload=/bin/kill -HUP $MAINPID
Restart=on-failure
RestartSec=30
TimeoutStopSec=60

[Install]
WantedBy=default.target
"""


def systemd_timer(command: Sequence[str]) -> str:
    """A timer with its service, for a run each night in place of a watch."""
    return f"""\
# Save the first part as ~/.config/systemd/user/{NAME}-sync.service and the second as {NAME}-sync.timer,
# then: systemctl --user enable --now {NAME}-sync.timer
[Unit]
Description=Bring a File Search store in step with a folder

[Service]
Type=oneshot
ExecStart={_systemd(command)}
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


def launchd(command: Sequence[str]) -> str:
    """A launch agent of macOS."""
    arguments = "\n".join(f"    <string>{escape(word)}</string>" for word in command)
    return f"""\
<?xml version="1.0" encoding="UTF-8"?>
<!-- Save as ~/Library/LaunchAgents/{NAME}.plist, then: launchctl load ~/Library/LaunchAgents/{NAME}.plist -->
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
  <key>Label</key>
  <string>{NAME}</string>
  <key>ProgramArguments</key>
  <array>
{arguments}
  </array>
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


def cron(command: Sequence[str]) -> str:
    """A line for ``crontab -e``; a percent sign would end the command there."""
    return f"# Add with: crontab -e\n0 3 * * * {shlex.join(command).replace('%', chr(92) + '%')} -q\n"


def task_scheduler(command: Sequence[str]) -> str:
    """A command for the Task Scheduler of Windows."""
    quoted = " ".join(f'\\"{word}\\"' if " " in word else word for word in command)
    return f'schtasks /Create /TN {NAME} /SC DAILY /ST 03:00 /TR "{quoted}"\n'


def _systemd(command: Sequence[str]) -> str:
    """The words for ExecStart: quoted, with the specifiers and variables of systemd as plain text."""
    words = [
        word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
        for word in command
    ]
    return " ".join(f'"{word}"' if not word or set(word) & set(" \t'\"\\;") else word for word in words)


UNITS: Final[Mapping[str, tuple[str, Callable[[Sequence[str]], str]]]] = {
    "systemd": ("watch", systemd_service),
    "systemd-timer": ("sync", systemd_timer),
    "launchd": ("watch", launchd),
    "cron": ("sync", cron),
    "task-scheduler": ("sync", task_scheduler),
}
"""Each kind with the command that it runs."""
