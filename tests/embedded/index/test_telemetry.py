"""The vector runtime reports nothing: no socket, no file, and its switch is off before it is imported."""

import os
import signal
import sys
from pathlib import Path

import pytest

from tests.support.confined import available, run_confined

ROOT = Path(__file__).parents[3]
EMBED = """
import os
from objlib.embedded import load_embedder
embedder, reason = load_embedder()
assert embedder is not None, reason
assert len(embedder.embed(["one", "two"])) == 2
assert os.environ["ORT_DISABLE_TELEMETRY"] == "1"
print("embedded")
"""

pytestmark = pytest.mark.skipif(not available(), reason="processes cannot be confined here")


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """A home, a temporary folder and a working folder of its own."""
    names = ("HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME")
    folders = {name: str(tmp_path) for name in names}
    return {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **folders}


def test_the_vector_runtime_opens_no_socket_and_writes_no_file(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    done = run_confined(EMBED, environ, str(tmp_path))
    assert (done.returncode, done.stdout) == (0, "embedded\n"), done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "code",
    [
        "import socket; socket.socket(socket.AF_INET)",
        "import socket; socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)",
        "open('report', 'w')",
        "import os; os.open('report', os.O_RDONLY | os.O_CREAT)",
    ],
    ids=["tcp", "udp", "a file", "an empty file"],
)
def test_a_program_that_reports_is_caught(tmp_path: Path, environ: dict[str, str], code: str) -> None:
    done = run_confined(code, environ, str(tmp_path))
    assert done.returncode == -signal.SIGSYS, done.stderr
    assert list(tmp_path.iterdir()) == []


def test_reading_and_local_sockets_are_allowed(tmp_path: Path, environ: dict[str, str]) -> None:
    code = f"import socket; socket.socketpair(); open({sys.executable!r}, 'rb').read(1); print('well')"
    assert run_confined(code, environ, str(tmp_path)).stdout == "well\n"


def test_the_set_up_script_switches_telemetry_off_before_the_first_import() -> None:
    script = (ROOT / "scripts" / "env.sh").read_text(encoding="utf-8")
    (runs,) = [line for line in script.splitlines() if line.lstrip().startswith("keeping() {")]
    assert 'ORT_DISABLE_TELEMETRY=1 "$python"' in runs
    imports = [
        line for line in script.splitlines() if "onnxruntime" in line and not line.lstrip().startswith("#")
    ]
    assert all(line.lstrip().startswith("keeping onnxruntime") for line in imports)
