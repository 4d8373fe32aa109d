"""How long a search takes while a large upload runs, beside the same search in a quiet moment.

::

    just bench search-busy

One open service with threads of its own, and documents of the library. Each round makes all vectors, searches, and
searches again while four uploads run. The ratio of the medians should stay below two; on a machine that is busy
otherwise only the median over many rounds says anything.
"""

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

import trio

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.search_lab.scale import questions
from benchmarks.search_lab.tasks import DATA
from tests.support.embedded import Box, V, open_box

UPLOADS = 4
FIRST = 120
"""Documents in the store at the beginning."""
MORE = 15
"""Documents of each upload of a round."""


async def settle(box: Box) -> None:
    """Wait until everything is indexed, and make all vectors."""
    while True:
        state = await box.get(box.store)
        if not int(state.get("pendingDocumentsCount", 0)):
            break
        await trio.sleep(0.1)
    await box.service.make_vectors(seconds=1000, progress=lambda _made: None)


async def upload(box: Box, files: list[Path], label: str) -> None:
    for path in files:
        await box.upload(path.read_bytes(), f"{label}-{path.name}", mime_type="text/markdown")


async def search_times(box: Box) -> tuple[float, float]:
    """(median, 95th percentile) in milliseconds."""
    taken = []
    for question in questions()[:20]:
        body = {
            "contents": [{"parts": [{"text": question}]}],
            "tools": [{"fileSearch": {"fileSearchStoreNames": [box.store]}}],
            "generationConfig": {"maxOutputTokens": 1},
        }
        begun = time.perf_counter()
        await box.client.post(f"{V}/models/gemini-3.5-flash:generateContent", json=body)
        taken.append(1000 * (time.perf_counter() - begun))
        await trio.sleep(0.01)
    return statistics.median(taken), statistics.quantiles(taken, n=20)[-1]


async def measure(folder: Path, rounds: int) -> None:
    files = sorted((DATA / "library").rglob("*.md"))
    ratios = []
    async with open_box(folder / "store.db", runner=None) as box:
        await upload(box, files[:FIRST], "first")
        await settle(box)
        await search_times(box)
        for number in range(rounds):
            await settle(box)
            quiet = await search_times(box)
            start = FIRST + number * UPLOADS * MORE
            async with trio.open_nursery() as nursery:
                for each in range(UPLOADS):
                    part = files[start + each * MORE : start + (each + 1) * MORE]
                    nursery.start_soon(upload, box, part, f"{number}-{each}")
                await trio.sleep(0.1)
                busy = await search_times(box)
                nursery.cancel_scope.cancel()
            ratios.append(busy[0] / quiet[0])
            print(
                f"  quiet {quiet[0]:6.1f} ({quiet[1]:6.1f}) ms   during an upload {busy[0]:6.1f} ({busy[1]:6.1f}) ms"
                f"   {ratios[-1]:.2f} times",
                flush=True,
            )
    print(f"  median of the ratios {statistics.median(ratios):.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the search during an upload.")
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        trio.run(measure, Path(folder), chosen.rounds)


if __name__ == "__main__":
    main()
