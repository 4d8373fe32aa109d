"""The ledger's side of a scan: what was seen on disk, how it differs, and the changes that follow."""
