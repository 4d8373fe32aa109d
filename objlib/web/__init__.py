"""Pages in a browser over the Python API: search, documents, the library, runs and problems. They change nothing."""
