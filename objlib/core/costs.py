"""The costs of an upload before it is made, from published figures: tokens, money, storage and requests."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

CHARACTERS_PER_TOKEN: Final = 4
"""Characters of a token: Gemini's own rule of thumb (ai.google.dev/gemini-api/docs/tokens, copy of mid 2026).

It holds for English; other scripts have more tokens to a character.
"""
USD_PER_MILLION_TOKENS: Final = 0.15
"""US dollars for indexing a million tokens, the price of gemini-embedding-001; storage and queries cost nothing.

Source: ai.google.dev/gemini-api/docs/file-search, the copy of mid 2026 that was read on 2026-11-22.
"""
STORAGE_FACTOR: Final = 3
"""Bytes that a store counts for a byte of a document: embeddings are included, "about 3 times the input" (as above)."""


@dataclass(frozen=True, slots=True)
class Tier:
    """One tier of the service, and the bytes that all stores of a project may hold in it."""

    name: str
    storage: int


TIERS: Final = (
    Tier("free", 10**9),
    Tier("tier 1", 10**10),
    Tier("tier 2", 10**11),
    Tier("tier 3", 10**12),
)
"""The tiers, smallest first. Source: ai.google.dev/gemini-api/docs/file-search, as above; a GB is decimal there."""


def tokens_of(characters: int) -> int:
    """Tokens of a text, by :data:`CHARACTERS_PER_TOKEN`, rounded up."""
    return math.ceil(characters / CHARACTERS_PER_TOKEN)


def price_in_usd(tokens: int) -> float:
    """The price of indexing, in US dollars."""
    return tokens * USD_PER_MILLION_TOKENS / 1_000_000


def smallest_tier(storage: int) -> str:
    """The smallest tier whose project may hold ``storage`` bytes; empty if there is none."""
    return next((tier.name for tier in TIERS if storage <= tier.storage), "")


def upload_requests(sizes: Sequence[int], chunk: int, replaced: int = 0) -> int:
    """The least requests that sending files takes.

    A file takes one to start, one for each chunk, and one that asks whether its document is ACTIVE.

    Args:
        sizes: bytes of each file.
        chunk: bytes of a chunk.
        replaced: old documents to delete.
    """
    return sum(2 + max(1, math.ceil(size / chunk)) for size in sizes) + replaced
