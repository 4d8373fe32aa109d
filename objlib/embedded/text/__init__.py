"""From a document's bytes to its passages: extraction, decoding, sentences, chunks."""
