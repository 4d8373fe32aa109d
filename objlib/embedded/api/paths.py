"""The path of a request: what stands before its version, and what it names.

Clients put a version, and perhaps a prefix of their own, before the paths.
"""

import re
from typing import Final, NamedTuple

_PATH: Final = re.compile(r"(?P<before>.*)/(?P<version>v1|v1beta|v1alpha)/(?P<rest>.+)")
_UPLOAD: Final = re.compile(r"(?P<prefix>.*?)(?:/resumable)?/upload")


class Address(NamedTuple):
    """A path in parts.

    Attributes:
        root: up to and including the version, without ``/upload``.
        rest: after the version.
        upload: whether it stands under ``/upload``, where bytes are sent.
    """

    root: str
    rest: str
    upload: bool


def read_path(path: str) -> Address | None:
    """The parts of a path; None if it has no version."""
    found = _PATH.fullmatch(path)
    if found is None:
        return None
    upload = _UPLOAD.fullmatch(found["before"])
    prefix = upload["prefix"] if upload else found["before"]
    return Address(f"{prefix}/{found['version']}", found["rest"], upload is not None)
