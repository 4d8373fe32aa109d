"""The lifecycle of a file and the decisions about it, as pure functions."""
