"""Real files of every format that a store takes, written by hand so that each byte is known."""
