"""The upload run: one task for each file, from the claim to the indexed document."""
