"""``just fuzz readers``: whether each reader takes time in proportion to a hostile document.

It measures the processor time of this process for a size and for four times that size, and fails where the second
takes more than eight times the first: quadratic work takes sixteen. Times below the noise are not judged.
"""

import argparse
import sys
import time
from typing import Final

from objlib.core.library.decode import UnreadableError
from objlib.embedded.extraction.frames import DEFAULT_CHUNKING, TooMuchTextError, passages_of
from objlib.embedded.text.extract import UnindexableError, extract
from tests.support.fuzz.documents import HOSTILE, type_of

RATIO: Final = 8.0
"""Times of four times the size over times of the size: 4 is linear, 16 quadratic."""
NOISE: Final = 0.25
"""Seconds of processor time below which a ratio says nothing."""


def cost(name: str, size: int) -> tuple[float, str]:
    """Seconds of processor time to read a hostile document of some size, and what comes of it."""
    file_name, make = HOSTILE[name]
    data = make(size)
    begun = time.process_time()
    try:
        extracted = extract(data, mime_type=type_of(file_name), name=file_name)
        _, passages = passages_of(extracted, DEFAULT_CHUNKING)
        outcome = f"{sum(1 for _ in passages)} passages"
    except (UnreadableError, UnindexableError, TooMuchTextError) as error:
        outcome = str(error)
    return time.process_time() - begun, outcome


def main() -> int:
    """Measure all of them, or those whose names contain a word."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("words", nargs="*", help="parts of names")
    parser.add_argument("--size", type=int, default=500_000, help="bytes of the smaller document")
    options = parser.parse_args()
    failures = 0
    for name in HOSTILE:
        if options.words and not any(word in name for word in options.words):
            continue
        first, _ = cost(name, options.size)
        second, outcome = cost(name, options.size * 4)
        bad = second > NOISE and second > first * RATIO
        failures += bad
        mark = "NOT LINEAR" if bad else ""
        print(f"{name:24} {first:7.3f} s {second:7.3f} s  {mark:10} {outcome[:90]}", flush=True)
    print(f"{failures} readers are not linear")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
