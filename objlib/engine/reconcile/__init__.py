"""Comparing store, ledger and disk, and repairing how they differ."""
