"""The embedding model that ships with objlib: all-MiniLM-L6-v2 as int8 ONNX (see README.md here).

Each load checks the size of each file, which is cheap and catches the usual damage of a 23 MB package file (a
cut download, a Git LFS pointer, a missing file). The SHA-256 takes up to 0.1 s, more than loading the model:
only ``objlib doctor`` and a test check it, through :func:`damage`.
"""

import hashlib
from pathlib import Path

FOLDER = Path(__file__).parent
ONNX = FOLDER / "minilm.onnx"
VOCABULARY = FOLDER / "vocab.txt"

DIMENSIONS = 384
"""Numbers in a vector."""
MODEL_ID = "all-MiniLM-L6-v2/int8-1"
"""Name of the model in each store; it must change with weights, quantisation and pooling, which move vectors."""
_PINNED = {
    ONNX: (23_340_406, "a2846956cef482601602793836b93c433c500327fbfdb66e7930eff68a0b887a"),
    VOCABULARY: (231_508, "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3"),
}


def damage(*, thorough: bool) -> str | None:
    """The damage of the model's files in one line, or None; ``thorough`` compares SHA-256 too."""
    for path, (size, digest) in _PINNED.items():
        try:
            if path.stat().st_size != size:
                return f"{path} has not the size it was shipped with; reinstall objlib"
            if thorough and hashlib.sha256(path.read_bytes()).hexdigest() != digest:
                return f"{path} is not the file that was shipped; reinstall objlib"
        except OSError as error:
            return f"{path} cannot be read ({error.strerror}); reinstall objlib"
    return None
