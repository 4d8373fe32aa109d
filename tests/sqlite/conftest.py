"""The floor is tested through the ledger that stands on it."""

from tests.ledger.conftest import clock, database, empty, ledger, path, place

__all__ = ["clock", "database", "empty", "ledger", "path", "place"]
