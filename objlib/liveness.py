"""Whether a process of this host is alive."""

import os
import platform
from functools import cache
from hashlib import sha256
from pathlib import Path


@cache
def machine_name() -> str:
    """The name of this host, and a sign of the pids that are valid here: no other machine or container has the same.

    Two machines may share a name, and two containers a name and a kernel. Where the system does not tell its boot and
    its namespace apart, the sign is of this process alone, and heartbeats decide.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("utf-8").strip()
        sign = f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        sign = os.urandom(16).hex()
    return f"{platform.node()} ({sha256(sign.encode()).hexdigest()[:8]})"


def process_is_alive(pid: int) -> bool:
    """Whether the process runs. A zombie is dead; a process that cannot be asked counts as alive.

    Signal 0 asks on POSIX. Windows would send it as Ctrl-C, so there every process counts as alive, and the
    caller's lease or heartbeat decides.
    """
    if os.name == "nt":
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return not _is_zombie(pid)


def _is_zombie(pid: int) -> bool:
    """Whether it has ended, and only its exit status is still to be read, which many a container's init never does."""
    try:
        line = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except OSError:
        return False
    return line.rpartition(")")[2].split()[:1] == ["Z"]
