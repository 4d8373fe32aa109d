"""Real runs that share one quota through one ledger: how much of it they use, how equally, and how much is refused.

A served store on a port of this machine refuses what is above the quota. The runs begin at once, know nothing of it,
and share a ledger in PostgreSQL. Run it with ``just bench fleet-quota``.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from objlib.core.config.ledger_url import LedgerUrl
from objlib.testing.postgres import throw_away_server

OBJLIB = (sys.executable, "-m", "objlib")


def measure(folder: Path, address: str, *, files: int, processes: int, quota: float, port: int) -> None:
    """Upload a library by all processes at once, and print what became of the quota."""
    library = folder / "library"
    library.mkdir()
    for number in range(files):
        (library / f"note {number}.txt").write_text(f"Note {number} about itself.\n", "utf-8")
    environment = {**os.environ, "XDG_DATA_HOME": str(folder / "data"), "GEMINI_API_KEY": "any"}
    serve = (
        "serve",
        "--embedded-store",
        str(folder / "served.db"),
        "--port",
        str(port),
        "--quota",
        f"{quota:g}/s",
    )
    with subprocess.Popen(
        [*OBJLIB, *serve], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as server:
        try:
            assert server.stderr is not None
            while "serving" not in server.stderr.readline():
                assert server.poll() is None, "the store is not served"
            upload = [*OBJLIB, "upload", str(library), "--ledger", address, "--store", "quota", "--json"]
            upload += ["--base-url", f"http://127.0.0.1:{port}", "--quiet"]
            subprocess.run([*upload, "--limit", "1"], env=environment, stdout=subprocess.DEVNULL, check=True)
            runs = [
                subprocess.Popen(upload, env=environment, stdout=subprocess.PIPE, text=True)
                for _ in range(processes)
            ]
            show([json.loads(run.communicate()[0].splitlines()[-1]) for run in runs], quota)
        finally:
            server.terminate()


def show(reports: list[dict[str, Any]], quota: float) -> None:
    """Print the line of one measurement."""
    requests = [report["requests"] for report in reports]
    refused = sum(report["throttled"] for report in reports)
    seconds = max(report["seconds"] for report in reports)
    jain = sum(requests) ** 2 / (len(requests) * sum(each**2 for each in requests))
    print(
        f"used {(sum(requests) - refused) / seconds / quota:.3f} of the quota in {seconds:.0f} s, "
        f"Jain {jain:.4f}, refused {100 * refused / sum(requests):.2f} %; requests {requests}",
        flush=True,
    )


def main() -> None:
    """Measure some times, each with a new ledger and a new store."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=600)
    parser.add_argument("--processes", type=int, default=4)
    parser.add_argument("--quota", type=float, default=20.0, help="requests per second")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--port", type=int, default=8931)
    options = parser.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; bars: used 0.95, Jain 0.98, refused 3 %")
    with throw_away_server(durable=True) as server:
        for number in range(options.rounds):
            url = LedgerUrl.parse(server.url(f"round_{number}"))
            with tempfile.TemporaryDirectory() as folder:
                measure(
                    Path(folder),
                    f"{url.conninfo}&schema={url.schema}",
                    files=options.files,
                    processes=options.processes,
                    quota=options.quota,
                    port=options.port + number,
                )


if __name__ == "__main__":
    main()
