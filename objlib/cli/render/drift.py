"""The words for each kind of drift: reports hold identifiers, people read these."""

from typing import Final

from objlib.core.lifecycle.drift import DriftKind

_LABELS: Final = {
    DriftKind.STALE_CONTENT: "stale bytes",
    DriftKind.METADATA_MISMATCH: "wrong metadata",
    DriftKind.STALE_NAME: "earlier name",
    DriftKind.REPLACED: "replaced",
    DriftKind.MISSING_ON_DISK: "gone from disk",
    DriftKind.LEFT_OUT: "left out",
    DriftKind.CHANGED_ON_DISK: "changed on disk",
}


def drift_label(kind: DriftKind) -> str:
    """The kind in a word or two."""
    return _LABELS.get(kind, str(kind))
