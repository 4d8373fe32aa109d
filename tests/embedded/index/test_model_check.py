"""A user's model is scored on a set that has one right passage for each question."""

from pathlib import Path

import pytest

from objlib.core.reports.models import ModelKind
from objlib.embedded.encoders.errors import ModelFolderError
from objlib.embedded.index import model_check
from objlib.embedded.index.check_set import read_set
from objlib.embedded.index.model_check import check_model
from tests.support.models import make_encoder, make_reranker

SMALL = [
    ("en", "car", "an automobile"),
    ("en", "gold", "gold"),
    ("en", "stone river", "the river has a stone"),
    ("en", "music", "silver bread"),
    ("fr", "winter", "winter horse"),
]


def test_the_set_is_whole_and_each_text_stands_once() -> None:
    rows = read_set()
    assert len({question for _, question, _ in rows}) == len({text for _, _, text in rows}) == len(rows)
    assert sum(language == "en" for language, _, _ in rows) == 24
    assert len({language for language, _, _ in rows}) == 9


def test_an_encoder_is_scored_and_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_check, "read_set", lambda: SMALL)
    monkeypatch.setattr(model_check, "load_embedder", lambda: (None, "not here"))
    report = check_model(str(make_encoder(tmp_path)))
    assert (report.kind, report.dimensions, report.pooling) == (ModelKind.ENCODER, 48, "mean")
    assert (report.english.questions, report.other.first, report.other.questions) == (4, 1, 1)
    assert report.english.first == 3, "music and bread have nothing in common"
    assert 0.75 < report.english.mrr < 1
    assert not report.weak
    assert report.passages_per_second > 0


def test_a_reranker_is_told_from_an_encoder_and_scored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model_check, "read_set", lambda: SMALL)
    report = check_model(str(make_reranker(tmp_path, {"gold": 5.0})))
    assert (report.kind, report.dimensions, report.shipped) == (ModelKind.RERANKER, 0, None)
    assert report.english.first == 1, "that with gold; where all are equal, none is first"
    assert not report.weak
    assert check_model(str(make_reranker(tmp_path, {}))).weak


def test_a_wrong_folder_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"nothing")
    for folder in (tmp_path / "none", tmp_path):
        with pytest.raises(ModelFolderError) as caught:
            check_model(str(folder))
        assert "\n" not in str(caught.value)
