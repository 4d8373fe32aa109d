"""A child process that dies when it opens a socket of a network, or a file to write: for programs that report home."""

import ctypes
import os
import platform
import struct
import subprocess
import sys
from typing import Final

_SYSCALLS: Final = {
    "x86_64": {"socket": 41, "open": 2, "creat": 85, "openat": 257},
    "aarch64": {"socket": 198, "openat": 56},
}
"""Numbers of the system calls that are watched, by machine (the kernel's unistd.h)."""
_LOAD, _EQUAL, _ANY_BIT, _RETURN = 0x20, 0x15, 0x45, 0x06
_ALLOW, _KILL = 0x7FFF0000, 0x80000000
_FIRST_ARGUMENT: Final = 16
"""Offset of the arguments in the kernel's struct seccomp_data; each has 8 bytes, the lower half first."""
_WRITES: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_INTERNET: Final = (2, 10)
"""AF_INET and AF_INET6."""


def available() -> bool:
    """Whether a process can be confined on this system."""
    return sys.platform == "linux" and platform.machine() in _SYSCALLS and sys.byteorder == "little"


def confine() -> None:
    """Let the kernel kill this process when it opens an Internet socket, or a file to write (seccomp)."""
    numbers = _SYSCALLS[platform.machine()]
    steps = [(_LOAD, 0, 0, 0)]
    for name, argument in (("openat", 2), ("open", 1)):
        if name in numbers:
            # Not this call: on to the next one. It is, and its flags write: kill.
            steps += [
                (_EQUAL, 0, 4, numbers[name]),
                (_LOAD, 0, 0, _FIRST_ARGUMENT + 8 * argument),
                (_ANY_BIT, 0, 1, _WRITES),
                (_RETURN, 0, 0, _KILL),
                (_RETURN, 0, 0, _ALLOW),
            ]
    if "creat" in numbers:
        steps += [(_EQUAL, 0, 1, numbers["creat"]), (_RETURN, 0, 0, _KILL)]
    steps += [(_EQUAL, 0, 4, numbers["socket"]), (_LOAD, 0, 0, _FIRST_ARGUMENT)]
    steps += [(_EQUAL, 1, 0, _INTERNET[0]), (_EQUAL, 0, 1, _INTERNET[1]), (_RETURN, 0, 0, _KILL)]
    steps += [(_RETURN, 0, 0, _ALLOW)]
    code = b"".join(struct.pack("HBBI", *step) for step in steps)
    text = ctypes.create_string_buffer(code)
    program = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(steps), ctypes.addressof(text)))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, ctypes.byref(program), 0, 0):
        raise OSError(ctypes.get_errno(), "the process cannot be confined")


def run_confined(code: str, env: dict[str, str], cwd: str) -> subprocess.CompletedProcess[str]:
    """Run Python ``code`` in a confined child; a call that is watched ends it with SIGSYS."""
    program = f"from tests.support.confined import confine\nconfine()\n{code}"
    return subprocess.run(
        [sys.executable, "-B", "-c", program], env=env, cwd=cwd, capture_output=True, text=True, check=False
    )
