"""The floor is tested through the ledger that stands on it."""

from tests.ledger.conftest import clock, empty, ledger, path

__all__ = ["clock", "empty", "ledger", "path"]
