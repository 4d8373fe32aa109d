"""The embedding model that ships with objlib: all-MiniLM-L6-v2 as int8 ONNX (see README.md here).

Checked cheaply whenever it is loaded: the size of each file. That catches what really happens to a 23 MB
package file (a cut download, a Git LFS pointer, a missing file). The SHA-256 costs up to a tenth of a second,
more than loading the
model: it is left to ``objlib doctor`` and to a test, through :func:`damage`.
"""

import hashlib
from pathlib import Path

FOLDER = Path(__file__).parent
ONNX = FOLDER / "minilm.onnx"
VOCABULARY = FOLDER / "vocab.txt"

DIMENSIONS = 384
"""Numbers in a vector."""

MODEL_ID = "all-MiniLM-L6-v2/int8-1"
"""Kept in each store with its vectors. To be changed with anything that moves vectors: weights, quantisation,
pooling."""

_PINNED = {
    ONNX: (23_340_406, "a2846956cef482601602793836b93c433c500327fbfdb66e7930eff68a0b887a"),
    VOCABULARY: (231_508, "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3"),
}


def damage(*, thorough: bool) -> str | None:
    """What is wrong with the model's files, in one line, or None.

    Args:
        thorough: compare SHA-256 too, not only sizes.
    """
    for path, (size, digest) in _PINNED.items():
        try:
            if path.stat().st_size != size:
                return f"{path} has not the size it was shipped with; reinstall objlib"
            if thorough and hashlib.sha256(path.read_bytes()).hexdigest() != digest:
                return f"{path} is not the file that was shipped; reinstall objlib"
        except OSError as error:
            return f"{path} cannot be read ({error.strerror}); reinstall objlib"
    return None
