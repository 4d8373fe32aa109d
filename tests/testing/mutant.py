"""One safeguard taken out: the edit, and the test that has to notice."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mutant:
    """One edit that removes a safeguard, and the test that has to fail."""

    name: str
    file: str
    old: str
    new: str
    test: str
