"""Our tokenizer agrees with the usual package, whatever its file says; other kinds go through the package."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import tokenizers
from hypothesis import given, settings
from hypothesis import strategies as st

from objlib.embedded.encoders.errors import ModelFolderError
from objlib.embedded.encoders.tokenizer import open_tokenizer
from tests.support.models import VOCABULARY, tokenizer, write_json

MPNET = {
    "type": "TemplateProcessing",
    "single": [
        {"SpecialToken": {"id": "[CLS]", "type_id": 0}},
        {"Sequence": {"id": "A", "type_id": 0}},
        {"SpecialToken": {"id": "[SEP]", "type_id": 0}},
    ],
    "pair": [
        {"SpecialToken": {"id": "[CLS]", "type_id": 0}},
        {"Sequence": {"id": "A", "type_id": 0}},
        {"SpecialToken": {"id": "[SEP]", "type_id": 0}},
        {"SpecialToken": {"id": "[SEP]", "type_id": 0}},
        {"Sequence": {"id": "B", "type_id": 0}},
        {"SpecialToken": {"id": "[SEP]", "type_id": 0}},
    ],
    "special_tokens": tokenizer()["post_processor"]["special_tokens"],
}
KINDS: dict[str, dict[str, Any]] = {
    "uncased": {},
    "cased": {"normalizer": {**tokenizer()["normalizer"], "lowercase": False}},
    "accents": {"normalizer": {**tokenizer()["normalizer"], "strip_accents": False}},
    "no normaliser": {"normalizer": None},
    "two separators": {"post_processor": MPNET},
    "old bert": {
        "post_processor": {
            "type": "BertProcessing",
            "sep": ["[SEP]", VOCABULARY["[SEP]"]],
            "cls": ["[CLS]", VOCABULARY["[CLS]"]],
        }
    },
}
TEXTS = st.text(st.sampled_from("car gold\tCAR.,é'-É漢ß#\u0301 "), max_size=40)


@pytest.fixture(scope="module", params=KINDS)
def both(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any]:
    folder = tmp_path_factory.mktemp("tokenizer")
    described = {**tokenizer(), **KINDS[request.param]}
    write_json(folder / "tokenizer.json", described)
    theirs = tokenizers.Tokenizer.from_str(json.dumps(described))
    ours = open_tokenizer(folder)
    assert type(ours).__name__ == "_Bert", "computed here, and not by the package"
    return ours, theirs


@settings(max_examples=40, deadline=None)
@given(TEXTS, st.none() | TEXTS, st.integers(8, 40))
def test_ours_agrees_with_the_usual_package(
    both: tuple[Any, Any], text: str, other: str | None, limit: int
) -> None:
    ours, theirs = both
    theirs.enable_truncation(limit)
    want = theirs.encode(text) if other is None else theirs.encode(text, other)
    got = ours.encode(text, other, limit)
    assert (got.ids, got.types) == (want.ids, want.type_ids)


def test_another_kind_goes_through_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    described = {**tokenizer(), "pre_tokenizer": {"type": "Whitespace"}, "post_processor": None}
    described["model"] = {"type": "WordLevel", "unk_token": "[UNK]", "vocab": VOCABULARY}
    write_json(tmp_path / "tokenizer.json", described)
    opened = open_tokenizer(tmp_path)
    assert opened.encode("Gold car bread", None, 2).ids == [VOCABULARY["gold"], VOCABULARY["car"]]
    assert opened.encode("gold", "car", 8).ids == [VOCABULARY["gold"], VOCABULARY["car"]]
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(ModelFolderError, match=r"WordLevel.*pip install 'objlib\[models\]'"):
        open_tokenizer(tmp_path)


def test_a_folder_with_a_vocabulary_alone_is_read_as_bert(tmp_path: Path) -> None:
    (tmp_path / "vocab.txt").write_text("\n".join(VOCABULARY))
    got = open_tokenizer(tmp_path).encode("CAR", None, 9)
    assert got.ids == [VOCABULARY[token] for token in ("[CLS]", "car", "[SEP]")]
    write_json(tmp_path / "tokenizer_config.json", {"do_lower_case": False})
    assert VOCABULARY["car"] not in open_tokenizer(tmp_path).encode("CAR", None, 9).ids


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"model": 3}', "{" * 3000, '{"model": {"type": "BPE"}}', '{"model": {"type": 5}}'],
)
def test_a_broken_tokenizer_is_refused_in_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "tokenizer.json").write_text(text)
    with pytest.raises(ModelFolderError) as caught:
        open_tokenizer(tmp_path)
    assert "\n" not in str(caught.value)
    assert "tokenizer.json" in str(caught.value)


@pytest.mark.parametrize("text", ["", "one\ntwo", "[CLS]\n[SEP]"])
def test_a_broken_vocabulary_is_refused_in_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "vocab.txt").write_text(text)
    with pytest.raises(ModelFolderError, match=r"vocab\.txt is no vocabulary"):
        open_tokenizer(tmp_path)
