"""The content of a library: paths, file snapshots, media types, metadata, and the rules that leave files out."""
