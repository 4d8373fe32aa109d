"""The words of each database, side by side; see :mod:`objlib.ledger.database`."""
