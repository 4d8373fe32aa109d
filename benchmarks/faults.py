"""Whole uploads through a proxy that breaks answers in seven ways, beside sixteen workers with plain backoff.

Both upload the same files to a served store of their own, one after the other, in the same run. Afterwards the store is
opened in this process, and each file is counted: what is lost, and what is there twice.
Run it with ``just bench faults [--files N] [--latency S] [--shares 0 0.01 …] [--rounds N]``.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import trio

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.sockets_lab.breaking import breaking
from benchmarks.sockets_lab.served import process, serving
from benchmarks.sockets_lab.uploads import STORE, stored, write

BARS: Final = {0.01: 1.15, 0.03: 1.15, 0.12: 1.5, 0.25: 1.5}
"""Wall time at most, as a multiple of the workers', by the share of broken answers."""

Result = tuple[float, int, int, int]
"""Seconds, requests, and files that are lost, and those that are there twice."""


def objlib(url: str, library: Path, home: Path) -> list[str]:
    """The command of objlib."""
    # fmt: off
    return [
        "-m", "objlib", "upload", "--json", "--quiet", "--library", str(library), "--ledger", str(home / "library.db"),
        "--store", STORE, "--base-url", url,
    ]
    # fmt: on


def workers(url: str, library: Path, _home: Path) -> list[str]:
    """The command of the sixteen workers."""
    return ["-m", "benchmarks.sockets_lab.workers", url, str(library), STORE]


CLIENTS: Final[dict[str, Callable[[str, Path, Path], list[str]]]] = {"objlib": objlib, "16 workers": workers}


async def measure(name: str, files: int, latency: float, share: float, seed: int) -> Result:
    """Upload once."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        library = home / "library"
        hashes = write(library, files)
        async with serving(f"latency {latency:g}s", home) as served:
            async with breaking(served.url, share, seed) as proxy:
                began = time.perf_counter()
                arguments = CLIENTS[name](proxy.url, library, home)
                async with process(arguments, home, home / "client.out") as child:
                    await child.wait()
                took = time.perf_counter() - began
        found = await stored(served.store)
    lost = sum(found[digest] == 0 for digest in hashes)
    twice = sum(found[digest] > 1 for digest in hashes)
    return took, proxy.requests, lost, twice


async def run(files: int, latency: float, shares: list[float], rounds: int) -> bool:
    """Print the table; whether all bars hold."""
    held = True
    print("| broken | | seconds | requests | lost | twice | times the workers | bar |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for share in shares:
        results: dict[str, list[Result]] = {name: [] for name in CLIENTS}
        for seed in range(rounds):
            for name in CLIENTS:
                results[name].append(await measure(name, files, latency, share, seed))
        seconds = {name: statistics.median(result[0] for result in each) for name, each in results.items()}
        times, bar = seconds["objlib"] / seconds["16 workers"], BARS.get(share)
        for name, each in results.items():
            requests = statistics.median(result[1] for result in each)
            lost, twice = (sum(result[index] for result in each) for index in (2, 3))
            ratio = f"{times:.2f} | {'' if bar is None else f'≤ {bar:.2f}'}" if name == "objlib" else " | "
            print(
                f"| {share:.0%} | {name} | {seconds[name]:.1f} | {requests:.0f} | {lost} | {twice} | {ratio} |",
                flush=True,
            )
            if name == "objlib":
                held = held and not lost and not twice and (bar is None or times <= bar)
    return held


def main() -> int:
    """Exit with 1 when a bar is missed, or objlib loses or doubles a file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=300)
    parser.add_argument("--latency", type=float, default=0.05)
    parser.add_argument("--shares", type=float, nargs="+", default=[0.0, *BARS])
    parser.add_argument("--rounds", type=int, default=1)
    args = parser.parse_args()
    return 0 if trio.run(run, args.files, args.latency, args.shares, args.rounds) else 1


if __name__ == "__main__":
    sys.exit(main())
