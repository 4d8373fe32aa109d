"""The terminal: output, errors, progress, and what an observer prints."""
