"""Everything about one attempt to get one version of one file into the store."""
