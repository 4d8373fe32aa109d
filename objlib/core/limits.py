"""Limits of the service that several rooms keep (File Search reference, ``CustomMetadata``)."""

from typing import Final

MAX_ENTRIES: Final = 20
"""Metadata entries of a document."""
MAX_TEXT_BYTES: Final = 256
"""UTF-8 bytes of a metadata text. The service's message says characters; users found that it counts bytes."""
MAX_DISPLAY_NAME: Final = 512
"""Characters of a display name, of a store or a document."""
MAX_PASSAGES: Final = 100
"""Passages that one search may ask for: a model's context holds no more of them."""
