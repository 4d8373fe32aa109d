"""PostgreSQL as the ledger uses it: addresses, connections, migrations, batches, error codes."""
