"""SQLite for the ledger and the embedded store: opening, migrations, group commit, error codes."""
