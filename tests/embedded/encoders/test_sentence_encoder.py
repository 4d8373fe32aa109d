"""A user's encoder and reranker, computed: poolings, prefixes, and graphs that are something else."""

from pathlib import Path

import numpy as np
import pytest

from objlib.embedded.encoders.cross_encoder import CrossEncoder
from objlib.embedded.encoders.errors import ModelFolderError
from objlib.embedded.encoders.folder import read_folder
from objlib.embedded.encoders.sentence_encoder import SentenceEncoder
from objlib.embedded.encoders.session import each_on_a_core
from tests.support.models import (
    VOCABULARY,
    make_encoder,
    make_reranker,
    word_vectors,
    write_graph,
    write_json,
)


def encoder(folder: Path) -> SentenceEncoder:
    return SentenceEncoder(read_folder(folder))


def unit(row: "np.typing.NDArray[np.float32]") -> "np.typing.NDArray[np.float32]":
    out: np.typing.NDArray[np.float32] = row / np.linalg.norm(row)
    return out


@pytest.mark.parametrize("pooling", ["mean", "cls", "max", "last"])
def test_each_pooling_is_computed(tmp_path: Path, pooling: str) -> None:
    make_encoder(tmp_path, 8)
    write_json(tmp_path / "card.json", {"pooling": pooling})
    table = word_vectors(8, same=("car", "automobile"))
    tokens = table[[VOCABULARY[t] for t in ("[CLS]", "gold", "bread", "[SEP]")]]
    want = {"mean": tokens.mean(0), "cls": tokens[0], "max": tokens.max(0), "last": tokens[-1]}[pooling]
    model = encoder(tmp_path)
    assert model.dimensions == 8
    assert model.embed(["Gold bread", "stone"])[0] == pytest.approx(unit(want), abs=1e-6)
    assert model.embed([]).shape == (0, 8)


def test_synonyms_of_the_model_are_near(tmp_path: Path) -> None:
    car, automobile, stone = encoder(make_encoder(tmp_path)).embed(["car", "automobile", "stone"])
    assert car @ automobile > 0.99
    assert abs(car @ stone) < 0.9


def test_prefixes_stand_before_queries_and_passages(tmp_path: Path) -> None:
    make_encoder(tmp_path)
    plain = encoder(tmp_path)
    write_json(tmp_path / "card.json", {"query_prefix": "gold ", "document_prefix": "stone "})
    model = encoder(tmp_path)
    assert model.embed_query("car") == pytest.approx(plain.embed_query("gold car"))
    assert model.embed(["car"])[0] == pytest.approx(plain.embed(["stone car"])[0])


def test_a_graph_that_pools_and_a_shorter_vector(tmp_path: Path) -> None:
    make_encoder(tmp_path)
    table = word_vectors(48, same=("car", "automobile"))
    whole = encoder(tmp_path).embed_query("gold car")
    write_graph(tmp_path / "onnx" / "model.onnx", table, output="sentence_embedding")
    assert encoder(tmp_path).embed_query("gold car") == pytest.approx(whole, abs=1e-6)
    write_json(tmp_path / "card.json", {"dimensions": 16})
    assert encoder(tmp_path).embed_query("gold car") == pytest.approx(unit(whole[:16]), abs=1e-6)
    write_json(tmp_path / "card.json", {"dimensions": 64})
    with pytest.raises(ModelFolderError, match="says that a vector has 64 numbers, and its graph gives 48"):
        encoder(tmp_path)


@pytest.mark.parametrize("outputs", [1, 2])
def test_a_reranker_gives_a_number_for_each_text(tmp_path: Path, outputs: int) -> None:
    model = CrossEncoder(read_folder(make_reranker(tmp_path, {"gold": 5.0, "stone": -5.0}, outputs=outputs)))
    good, neutral, bad = model.scores("car", ["gold", "bread", "stone"])
    assert good > neutral == 0 > bad


def test_an_encoder_is_no_reranker_and_the_other_way_round(tmp_path: Path) -> None:
    with pytest.raises(ModelFolderError, match="a reranker gives one number"):
        CrossEncoder(read_folder(make_encoder(tmp_path / "encoder")))


def test_graphs_that_cannot_be_used_are_refused_in_one_line(tmp_path: Path) -> None:
    make_encoder(tmp_path)
    graph = tmp_path / "onnx" / "model.onnx"
    whole = graph.read_bytes()
    table = word_vectors(48)
    for number, data in enumerate((b"", b"not a graph", whole[: len(whole) // 2])):
        graph.write_bytes(data)
        with pytest.raises(ModelFolderError, match="cannot be loaded") as caught:
            encoder(tmp_path)
        assert "\n" not in str(caught.value), number
    write_graph(graph, table[:3])  # a table that is shorter than the vocabulary
    with pytest.raises(ModelFolderError, match="cannot be computed"):
        encoder(tmp_path)
    table[:] = np.nan
    write_graph(graph, table)
    with pytest.raises(ModelFolderError, match="no numbers"):
        encoder(tmp_path).embed_query("car")
    graph.write_bytes(whole.replace(b"input_ids", b"input_ikk"))
    with pytest.raises(ModelFolderError, match="no text encoder"):
        encoder(tmp_path)


def test_results_stay_in_order_whatever_the_sizes() -> None:
    assert each_on_a_core(lambda n: n * n, [3, 1, 2, 9, 4], threads=3) == [0, 1, 4, 9, 16]
    assert each_on_a_core(lambda n: n, [], threads=2) == []
