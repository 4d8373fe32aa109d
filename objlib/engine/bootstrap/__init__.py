"""Opening what a command works with, in the order in which one resource needs another."""
