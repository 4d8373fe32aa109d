"""The scripted service lives in objlib.testing; this is its old address."""

from objlib.testing import DOWN, LOST, Faults, Reply, refusal, throttled

__all__ = ["DOWN", "LOST", "Faults", "Reply", "refusal", "throttled"]
