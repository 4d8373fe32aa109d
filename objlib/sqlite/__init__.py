"""What the ledger and the embedded store share of SQLite: opening, migrations, group commit, error codes."""
