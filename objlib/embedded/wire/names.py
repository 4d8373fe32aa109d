"""Resource names, and the ids that are made from display names."""

import re
import secrets
import string
import unicodedata
from typing import Final

_ALPHABET: Final = string.ascii_lowercase + string.digits
_RANDOM: Final = 12
"""Random characters of an id: 62 bits."""
_SLUG: Final = 27
"""Characters of a slug at most: with ``-`` and the random ones it fills the service's 40."""
ID: Final = r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?"
"""Pattern of an id: up to 40 lower-case letters, digits and inner hyphens."""


def random_part(length: int = _RANDOM) -> str:
    """Random lower-case letters and digits."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def new_resource_id(display_name: str) -> str:
    """A fresh id of at most 40 characters: the slug of the display name and 12 random characters.

    The service makes ``a-survey-of-modernist-poetr-pahgkrfkxior`` of "A Survey of Modernist Poetry".
    """
    plain = unicodedata.normalize("NFKD", display_name).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:_SLUG].rstrip("-")
    return f"{slug}-{random_part()}" if slug else random_part()


def last_part(name: str) -> str:
    """The id at the end of a resource name."""
    return name.rpartition("/")[2]
