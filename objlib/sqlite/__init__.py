"""SQLite as the ledger and the embedded store use it: opening, migrations, group commit, error codes."""
