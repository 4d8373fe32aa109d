"""Put a library of documents into a Gemini File Search store, keep it in sync, and search it."""

__version__ = "0.1.0"
