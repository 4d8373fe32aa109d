"""A model's folder: what is read from it, and each way in which it may be wrong, in one line."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from objlib.embedded.encoders.errors import ModelFolderError
from objlib.embedded.encoders.folder import MOST_TOKENS, Pooling, read_folder
from tests.support.models import make_encoder, make_reranker, write_json


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_encoder(tmp_path_factory.mktemp("made"))


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "model"))


def test_the_files_of_an_export_say_everything(folder: Path) -> None:
    read = read_folder(folder)
    assert (read.graph, read.pooling) == (folder / "onnx" / "model.onnx", Pooling.MEAN)
    assert (read.dimensions, read.max_tokens) == (48, 64)
    assert (read.query_prefix, read.document_prefix) == ("", "")
    write_json(
        folder / "config_sentence_transformers.json",
        {"prompts": {"query": "query: ", "passage": "passage: "}},
    )
    write_json(folder / "1_Pooling" / "config.json", {"pooling_mode_cls_token": True})
    read = read_folder(folder)
    assert (read.query_prefix, read.document_prefix) == ("query: ", "passage: ")
    assert (read.pooling, read.dimensions) == (Pooling.CLS, None)


def test_a_card_says_it_in_one_place(folder: Path) -> None:
    card = {
        "pooling": "max",
        "query_prefix": "q ",
        "document_prefix": "d ",
        "dimensions": 32,
        "max_tokens": 16,
        "graph": "onnx/model.onnx",
    }
    write_json(folder / "card.json", card)
    read = read_folder(folder)
    assert (read.pooling, read.query_prefix, read.document_prefix) == (Pooling.MAX, "q ", "d ")
    assert (read.dimensions, read.max_tokens) == (32, 16)


def test_without_any_card_there_are_defaults(tmp_path: Path) -> None:
    read = read_folder(make_reranker(tmp_path, {}))
    assert (read.pooling, read.dimensions, read.max_tokens) == (Pooling.MEAN, None, MOST_TOKENS)


def test_the_id_depends_on_what_the_vectors_depend_on_and_not_on_the_place(folder: Path) -> None:
    before = read_folder(folder).model_id
    moved = Path(shutil.move(folder, folder.with_name("moved")))
    assert read_folder(moved).model_id == before
    write_json(moved / "card.json", {"query_prefix": "query: "})
    assert read_folder(moved).model_id != before
    (moved / "card.json").unlink()
    make_encoder(moved, seed=2)
    assert read_folder(moved).model_id != before


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("card.json", [], "holds no JSON object"),
        ("card.json", {"poolling": "mean"}, "has 'poolling'; it may have graph, pooling"),
        ("card.json", {"pooling": "median"}, "median"),
        ("card.json", {"dimensions": "48"}, "dimensions must be a whole number"),
        ("card.json", {"dimensions": 0}, "dimensions must be 1 or more"),
        ("card.json", {"max_tokens": True}, "max_tokens must be a whole number"),
        ("card.json", {"max_tokens": 4}, "max_tokens must be from 8"),
        ("card.json", {"query_prefix": 3}, "query_prefix must be a text"),
        ("card.json", {"graph": "other.onnx"}, "no such file"),
        ("1_Pooling/config.json", {"pooling_mode_weightedmean_tokens": True}, "is not done here"),
        (
            "1_Pooling/config.json",
            {"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": True},
            "is not done here",
        ),
        ("modules.json", [{"type": "sentence_transformers.models.Dense"}], "module Dense"),
        ("modules.json", {"a": 1}, "modules.json cannot be read"),
    ],
)
def test_what_cannot_be_done_is_refused_in_one_line(
    folder: Path, name: str, content: Any, reason: str
) -> None:
    write_json(folder / name, content)
    with pytest.raises(ModelFolderError) as caught:
        read_folder(folder)
    assert reason in str(caught.value)
    assert str(folder) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_folder_without_its_files_is_refused(folder: Path) -> None:
    cases = [
        (folder / "gone", "does not exist"),
        (folder / "config.json", "is a file"),
        (folder / "1_Pooling", "no model.onnx"),
    ]
    (folder / "onnx" / "model.onnx").rename(folder / "onnx" / "small.onnx")
    assert read_folder(folder).graph.name == "small.onnx", "the only graph there is"
    (folder / "onnx" / "large.onnx").write_bytes(b"")
    for path, reason in [*cases, (folder, "several graphs (onnx/large.onnx, onnx/small.onnx)")]:
        with pytest.raises(ModelFolderError) as caught:
            read_folder(path)
        assert reason in str(caught.value)
    (folder / "onnx" / "large.onnx").unlink()
    (folder / "tokenizer.json").unlink()
    with pytest.raises(ModelFolderError, match=r"no tokenizer\.json"):
        read_folder(folder)
