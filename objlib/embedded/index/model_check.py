"""A user's model on a small built-in set: questions in the words of their meaning, each with one passage."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from objlib.core.reports.models import ModelKind, ModelReport, Score
from objlib.embedded.encoders.cross_encoder import CrossEncoder
from objlib.embedded.encoders.errors import ModelFolderError, NoEncoderError
from objlib.embedded.encoders.folder import ModelFolder, read_folder
from objlib.embedded.encoders.sentence_encoder import SentenceEncoder
from objlib.embedded.index.check_set import read_set
from objlib.embedded.index.embedder import Embedder, load_embedder
from objlib.embedded.index.vectors import products

if TYPE_CHECKING:
    from objlib.embedded.index.embedder import Floats

_COMPARED: Final = 8
"""Passages among which a reranker has to find the right one: each pair takes as long as a passage."""


def check_model(folder: str) -> ModelReport:
    """Load the model of a folder, time it and score it; blocks for some seconds.

    Raises:
        ModelFolderError: the folder holds no model that can be used here.
    """
    try:
        read = read_folder(Path(folder))
        try:
            return _check_encoder(read, SentenceEncoder(read))
        except NoEncoderError:
            return _check_reranker(read, CrossEncoder(read))
    except ImportError as error:
        raise ModelFolderError(f"a model needs {error.name}: install numpy and onnxruntime") from None


def _check_encoder(folder: ModelFolder, model: SentenceEncoder) -> ModelReport:
    english, other, rate, query = _encoder_scores(model)
    shipped, _ = load_embedder()
    return ModelReport(
        path=str(folder.path),
        kind=ModelKind.ENCODER,
        model_id=model.model_id,
        dimensions=model.dimensions,
        pooling=str(folder.pooling) if model.pools else "",
        max_tokens=folder.max_tokens,
        query_prefix=folder.query_prefix,
        document_prefix=folder.document_prefix,
        english=english,
        other=other,
        shipped=_encoder_scores(shipped)[0] if shipped is not None else None,
        passages_per_second=rate,
        query_ms=query,
    )


def _encoder_scores(model: Embedder) -> tuple[Score, Score, float, float]:
    """(in English, in other languages, passages a second, milliseconds of a query)."""
    questions = read_set()
    begun = time.perf_counter()
    passages = model.embed([passage for _, _, passage in questions])
    rate = len(questions) / max(1e-9, time.perf_counter() - begun)
    begun = time.perf_counter()
    queries: list[Floats] = [model.embed_query(question) for _, question, _ in questions]
    query = 1000 * (time.perf_counter() - begun) / len(questions)
    ranks = [_rank(products(passages, vector).tolist(), n) for n, vector in enumerate(queries)]
    return *_scores(questions, ranks), rate, query


def _check_reranker(folder: ModelFolder, model: CrossEncoder) -> ModelReport:
    questions = read_set()
    compared = min(_COMPARED, len(questions))
    ranks = []
    begun = time.perf_counter()
    for n, (_, question, _) in enumerate(questions):
        texts = [questions[(n + more) % len(questions)][2] for more in range(compared)]
        ranks.append(_rank(model.scores(question, texts), 0))
    seconds = time.perf_counter() - begun
    pairs = compared * len(questions)
    english, other = _scores(questions, ranks)
    return ModelReport(
        path=str(folder.path),
        kind=ModelKind.RERANKER,
        model_id=model.model_id,
        dimensions=0,
        pooling="",
        max_tokens=folder.max_tokens,
        query_prefix="",
        document_prefix="",
        english=english,
        other=other,
        shipped=None,
        passages_per_second=pairs / max(1e-9, seconds),
        query_ms=1000 * seconds / pairs,
    )


def _rank(scores: Sequence[float], right: int) -> int:
    """The place of the right passage from 1; of equal scores it is the last."""
    return sum(score >= scores[right] for score in scores)


def _scores(questions: Sequence[tuple[str, str, str]], ranks: Sequence[int]) -> tuple[Score, Score]:
    def score(wanted: Callable[[str], bool]) -> Score:
        chosen = [rank for (language, _, _), rank in zip(questions, ranks, strict=True) if wanted(language)]
        return Score(chosen.count(1), len(chosen), round(sum(1 / rank for rank in chosen) / len(chosen), 3))

    return score(lambda language: language == "en"), score(lambda language: language != "en")
