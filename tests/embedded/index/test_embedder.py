"""The model that ships: its files, its tokenizer, its vectors, and what happens without it.

Vectors differ a little from one kind of processor to another, so they are compared as cosines, with room.
"""

import sys
from pathlib import Path

import numpy as np
import pytest

from objlib.embedded import model
from objlib.embedded.encoders.wordpiece import WordPiece, read_vocabulary
from objlib.embedded.index import embedder, load_embedder
from objlib.embedded.index.embedder import MAX_TOKENS, MiniLM, obstacle

TEXTS = [
    "A man is eating food.",
    "Someone is having a meal.",
    "The new movie is awesome.",
    "Whether sacred doctrine is a science?",
    "Théorie générale de la relativité — Einstein, 1915.",
    "word " * 400,
]
COSINES = [  # of the float32 model
    [1.000, 0.689, -0.046, -0.012, 0.013, 0.022],
    [0.689, 1.000, -0.025, -0.015, -0.015, 0.055],
    [-0.046, -0.025, 1.000, 0.054, -0.004, 0.018],
    [-0.012, -0.015, 0.054, 1.000, 0.209, 0.010],
    [0.013, -0.015, -0.004, 0.209, 1.000, -0.009],
    [0.022, 0.055, 0.018, 0.010, -0.009, 1.000],
]


@pytest.fixture(scope="module")
def minilm() -> MiniLM:
    return MiniLM(threads=2)


@pytest.fixture(scope="module")
def wordpiece() -> WordPiece:
    return WordPiece(read_vocabulary(model.VOCABULARY))


def test_the_model_files_have_their_digests() -> None:
    assert model.damage(thorough=True) is None


def test_vectors_match_those_of_the_model(minilm: MiniLM) -> None:
    vectors = minilm.embed(TEXTS)
    assert vectors.dtype == np.float32
    assert vectors @ vectors.T == pytest.approx(np.array(COSINES), abs=0.05)
    alone = np.concatenate([minilm.embed([text]) for text in TEXTS])
    assert np.einsum("ij,ij->i", vectors, alone) == pytest.approx(np.ones(len(TEXTS)), abs=1e-3)


def test_no_text_and_empty_text_are_embedded(minilm: MiniLM) -> None:
    assert minilm.embed([]).shape == (0, model.DIMENSIONS)
    assert np.linalg.norm(minilm.embed(["", "\0\ufffd"]), axis=1) == pytest.approx(np.ones(2), abs=1e-3)


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("A man is eating food.", [1037, 2158, 2003, 5983, 2833, 1012]),
        ("Théorie générale", [14833, 7373, 2236, 2063]),
        ("don't—stop", [2123, 1005, 1056, 1517, 2644]),
        ("ÅNGSTRÖM", [17076, 15687]),
        ("$5 ^_^", [1002, 1019, 1034, 1035, 1034]),
        ("zero\u200bwidth", [5717, 9148, 11927, 2232]),
        ("x" * 101, [100]),
        ("𓀀", [100]),
        ("", []),
    ],
)
def test_tokens_match_those_of_the_model(wordpiece: WordPiece, text: str, ids: list[int]) -> None:
    assert wordpiece.ids(text, MAX_TOKENS) == ids


def test_a_long_text_is_cut(wordpiece: WordPiece) -> None:
    assert len(wordpiece.ids("unbelievable " * 500, 16)) == 16


def test_loading_gives_no_reason_on_success() -> None:
    loaded, reason = load_embedder(thorough=True)
    assert loaded is not None
    assert loaded.model_id == model.MODEL_ID
    assert reason == obstacle() == ""


@pytest.mark.parametrize("package", ["onnxruntime", "numpy"])
def test_without_a_package_search_goes_by_words(monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    loaded, reason = load_embedder()
    assert loaded is None
    assert package in reason
    assert obstacle() == reason


def test_a_cut_model_is_not_loaded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pointer = tmp_path / "minilm.onnx"
    pointer.write_text("version https://git-lfs.github.com/spec/v1\n")
    monkeypatch.setattr(model, "_PINNED", {pointer: (23_340_406, "")})
    loaded, reason = load_embedder()
    assert loaded is None
    assert "reinstall" in reason
    assert obstacle() == reason
    assert "\n" not in reason
    monkeypatch.setattr(model, "_PINNED", {tmp_path / "gone": (1, "")})
    assert "cannot be read" in load_embedder()[1]


def test_a_broken_model_is_not_loaded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "minilm.onnx"
    broken.write_bytes(b"not a model")
    monkeypatch.setattr(embedder, "ONNX", broken)
    loaded, reason = load_embedder()
    assert loaded is None
    assert "cannot be loaded" in reason
    assert "\n" not in reason
    monkeypatch.setattr(model, "_PINNED", {broken: (11, "0" * 64)})
    assert model.damage(thorough=False) is None
    assert "not the file that was shipped" in load_embedder(thorough=True)[1]
