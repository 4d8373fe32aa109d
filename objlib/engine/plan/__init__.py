"""The plan of a dry run: what a run would do, told by its own queries on a private copy of the ledger."""
