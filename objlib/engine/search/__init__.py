"""Searches and answers, and where in a file a passage stands."""
