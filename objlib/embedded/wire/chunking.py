"""The chunking configuration of an upload or import."""

from typing import Final

from objlib.embedded.wire.errors import invalid
from objlib.embedded.wire.json import Json, int_field, object_field

MAX_WORDS: Final = 512
"""Words of a passage at most (the field's documentation; a token is a word there)."""
DEFAULT_WORDS: Final = 200
"""Words of a passage where a configuration gives the overlap alone; the example of the documentation."""


def read_chunking(body: Json) -> tuple[int, int]:
    """``chunkingConfig`` of a request: words of a passage and words shared by two, 0 and 0 without one.

    Raises:
        ApiError: a number is out of range; the service does not publish its words for it.
    """
    config = object_field(object_field(body, "chunkingConfig"), "whiteSpaceConfig")
    if not config:
        return 0, 0
    words = int_field(config, "maxTokensPerChunk")
    words = DEFAULT_WORDS if words is None else words
    overlap = int_field(config, "maxOverlapTokens") or 0
    where = "* chunking_config.white_space_config"
    if not 1 <= words <= MAX_WORDS:
        raise invalid(f"{where}.max_tokens_per_chunk: must be from 1 to {MAX_WORDS}.")
    if not 0 <= overlap < words:
        raise invalid(
            f"{where}.max_overlap_tokens: must be less than max_tokens_per_chunk, and not negative."
        )
    return words, overlap
