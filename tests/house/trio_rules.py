"""flake8-async over this repository: python -m tests.house.trio_rules [FILE ...]

The tool finds the positions of a file's nodes again for each of its rules, since a rule may have mended the file.
Nothing is mended here, so all rules of a file share one search; that halves the time.
"""

import re
import sys
from collections.abc import Iterator

import flake8_async
from flake8_async.base import Error
from flake8_async.runner import Flake8AsyncRunner_cst
from libcst import MetadataWrapper

from tests.house.tree import ROOT, files

OPTIONS = ("--disable=ASYNC9,ASYNC114,ASYNC124,ASYNC127,ASYNC300", "--disable-noqa")
"""Without the optional 9xx and 124, which forbid a function that is async only because its interface is; without
114, which wants every function that can be started named here; without 127, since docs/adr/0004 decided on httpx;
without 300, which is about tasks of asyncio. No line may excuse itself."""


def asynchronous() -> list[str]:
    """List the files to which the rules apply: those that speak of trio or have an async function."""
    return [
        str(path.relative_to(ROOT))
        for path in files("*.py")
        if re.search(r"\basync\b|\btrio\b", path.read_text("utf-8"))
    ]


def main() -> int:
    """Print what the rules find in the files of the command line, or in all, and return the exit code."""
    Flake8AsyncRunner_cst.run = _run
    sys.argv[1:] = [*OPTIONS, *(sys.argv[1:] or asynchronous())]
    return int(flake8_async.main())


def _run(self: Flake8AsyncRunner_cst) -> Iterator[Error]:
    module = MetadataWrapper(self.module, unsafe_skip_copy=True)
    for rule in (*self.utility_visitors, *self.visitors):
        module.visit(rule)
    yield from self.state.problems


if __name__ == "__main__":
    raise SystemExit(main())
