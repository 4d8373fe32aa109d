"""Words without their English endings."""

import threading

import Stemmer

_porter = Stemmer.Stemmer("porter", 0)  # what it stemmed is kept by its callers
_porter_lock = threading.Lock()


def stem(word: str) -> str:
    """A word without its ending, by Porter's rules for English; other scripts keep theirs."""
    if not word.isascii():
        return word
    with _porter_lock:  # a stemmer is for one thread at a time
        return str(_porter.stemWord(word))
