"""Resource names: how ids are made from display names, and how names in requests are read."""

import re
import secrets
import string
import unicodedata
from typing import Final

_ALPHABET: Final = string.ascii_lowercase + string.digits
_RANDOM: Final = 12
_SLUG: Final = 27
"""Longest slug: slug, ``-`` and 12 random characters fill the service's 40."""

ID: Final = r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?"
"""What an id may look like: up to 40 lower-case letters, digits and inner hyphens."""


def random_part(length: int = _RANDOM) -> str:
    """Random lower-case letters and digits."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def new_resource_id(display_name: str) -> str:
    """A fresh id: the slug of the display name and 12 random characters, 40 at most.

    As the service does it: "A Survey of Modernist Poetry" becomes
    ``a-survey-of-modernist-poetr-pahgkrfkxior``.
    """
    plain = unicodedata.normalize("NFKD", display_name).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:_SLUG].rstrip("-")
    return f"{slug}-{random_part()}" if slug else random_part()


def last_part(name: str) -> str:
    """The id at the end of a resource name."""
    return name.rpartition("/")[2]
