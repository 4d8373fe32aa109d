"""Run a harness as the user does, with its temporary files where the test sees them."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def run_harness(name: str, temp: Path) -> subprocess.CompletedProcess[str]:
    """One harness in a process of its own, quickly; its temporary files go below ``temp``."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "spike", name, "--quick"],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(temp), "TEMP": str(temp), "TMP": str(temp)},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
