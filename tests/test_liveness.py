"""Whether a process is alive: by its id, and a zombie is not."""

import os
import subprocess
import sys

import pytest

from objlib.liveness import process_is_alive


def test_this_process_is_alive() -> None:
    assert process_is_alive(os.getpid())


def test_an_id_without_a_process_is_dead() -> None:
    assert not process_is_alive(999_999_999)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the state of a process in a file")
def test_a_zombie_is_dead() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        os.kill(child.pid, 0)  # the signal alone still finds it
        assert not process_is_alive(child.pid)


def test_a_process_that_may_not_be_asked_is_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    def kill(_pid: int, _signal: int) -> None:
        raise PermissionError

    with monkeypatch.context() as patch:
        patch.setattr("os.kill", kill)
        assert process_is_alive(1)


def test_windows_is_never_sent_the_signal(monkeypatch: pytest.MonkeyPatch) -> None:
    signals: list[int] = []
    with monkeypatch.context() as patch:
        patch.setattr("os.kill", lambda _pid, signal: signals.append(signal))
        patch.setattr("os.name", "nt")
        assert process_is_alive(1)
    assert not signals
