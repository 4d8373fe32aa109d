"""Comparing a folder with the ledger."""
