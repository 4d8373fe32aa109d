"""What the embedded service stores: stores, documents, files, upload sessions, operations, and their tables."""
