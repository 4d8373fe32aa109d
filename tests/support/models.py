"""Tiny models as sentence-transformers exports them: a table of vectors, one for each word of a small vocabulary."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
WORDS = (
    *"car automobile gold silver bread garden river stone promise duty music light winter horse".split(),
    *"abcdefghijklmnopqrstuvwxyz0123456789.,;:?!#'-",
    *(f"##{letter}" for letter in "abcdefghijklmnopqrstuvwxyz0123456789"),
)
VOCABULARY = {token: number for number, token in enumerate((*SPECIAL, *WORDS))}


def tokenizer(*, lowercase: bool = True) -> dict[str, Any]:
    """The ``tokenizer.json`` of a BERT with this vocabulary."""
    cls, sep = ({"id": name, "type_id": 0} for name in ("[CLS]", "[SEP]"))
    one, two = ({"Sequence": {"id": name, "type_id": n}} for n, name in enumerate("AB"))
    single = [{"SpecialToken": cls}, one, {"SpecialToken": sep}]
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {
                "id": VOCABULARY[token],
                "content": token,
                "single_word": False,
                "lstrip": False,
                "rstrip": False,
                "normalized": False,
                "special": True,
            }
            for token in SPECIAL
        ],
        "normalizer": {
            "type": "BertNormalizer",
            "clean_text": True,
            "handle_chinese_chars": True,
            "strip_accents": None,
            "lowercase": lowercase,
        },
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": single,
            "pair": [*single, two, {"SpecialToken": {"id": "[SEP]", "type_id": 1}}],
            "special_tokens": {
                name: {"id": name, "ids": [VOCABULARY[name]], "tokens": [name]} for name in ("[CLS]", "[SEP]")
            },
        },
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
        "model": {
            "type": "WordPiece",
            "unk_token": "[UNK]",
            "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100,
            "vocab": VOCABULARY,
        },
    }


def word_vectors(dimensions: int, *, seed: int = 1, same: Sequence[str] = ()) -> NDArray[np.float32]:
    """A random vector for each token; the tokens ``same`` share one, and special tokens have nearly none."""
    rows = np.random.default_rng(seed).standard_normal((len(VOCABULARY), dimensions)).astype(np.float32)
    rows[: len(SPECIAL)] *= 1e-3
    for token in same:
        rows[VOCABULARY[token]] = 3 * rows[VOCABULARY[same[0]]]
    return rows


def write_graph(path: Path, table: NDArray[np.float32], *, output: str = "last_hidden_state") -> None:
    """A graph that looks up a row for each token; ``logits`` and ``sentence_embedding`` are their mean."""
    pooled = output != "last_hidden_state"
    nodes = [helper.make_node("Gather", ["table", "input_ids"], ["rows"])]
    if pooled:
        nodes.append(helper.make_node("ReduceMean", ["rows", "axes"], [output], keepdims=0))
    else:
        nodes.append(helper.make_node("Identity", ["rows"], [output]))
    ids = [
        helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "sequence"])
        for name in ("input_ids", "attention_mask", "token_type_ids")
    ]
    shape = ["batch", table.shape[1]] if pooled else ["batch", "sequence", table.shape[1]]
    graph = helper.make_graph(
        nodes,
        "tiny",
        ids,
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(table, "table"), numpy_helper.from_array(np.array([1]), "axes")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, str(path))


def write_json(path: Path, value: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value), encoding="utf-8")


def make_encoder(
    folder: Path, dimensions: int = 48, *, seed: int = 1, same: Sequence[str] = ("car", "automobile")
) -> Path:
    """An encoder in which the words ``same`` mean the same."""
    write_graph(folder / "onnx" / "model.onnx", word_vectors(dimensions, seed=seed, same=same))
    write_json(folder / "tokenizer.json", tokenizer())
    write_json(folder / "config.json", {"model_type": "bert", "max_position_embeddings": 128})
    write_json(folder / "sentence_bert_config.json", {"max_seq_length": 64, "do_lower_case": False})
    write_json(
        folder / "modules.json",
        [
            {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
            {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
            {"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"},
        ],
    )
    write_json(
        folder / "1_Pooling" / "config.json",
        {
            "word_embedding_dimension": dimensions,
            "pooling_mode_cls_token": False,
            "pooling_mode_mean_tokens": True,
            "pooling_mode_max_tokens": False,
        },
    )
    return folder


def make_reranker(folder: Path, weights: Mapping[str, float], *, outputs: int = 1) -> Path:
    """A cross-encoder whose score is the mean weight of the tokens of query and passage."""
    table = np.zeros((len(VOCABULARY), outputs), np.float32)
    for token, weight in weights.items():
        table[VOCABULARY[token], -1] = weight
    write_graph(folder / "model.onnx", table, output="logits")
    write_json(folder / "tokenizer.json", tokenizer())
    return folder
