"""A candidate in its place: per-file locks, and the manager that reads, triggers and reads back."""
