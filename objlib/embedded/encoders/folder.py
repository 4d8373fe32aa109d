"""The folder of a user's model: which files it has, and what its card says about them.

The files are those of sentence-transformers' ONNX export. ``card.json`` is ours and may say the same in one place.
Sources: https://sbert.net/docs/package_reference/sentence_transformer/SentenceTransformer.html and the files that its
``save_pretrained`` writes.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from objlib.embedded.encoders.errors import ModelFolderError

MOST_TOKENS: Final = 512
"""Tokens of a text at most, whatever the model can take: a passage has some 250."""
_GRAPHS: Final = ("model.onnx", "onnx/model.onnx")
_SAMPLES: Final = 64
"""Pieces of a large file that its fingerprint is made of: a file of 400 MB is not read whole at each start."""
_SAMPLE: Final = 4096
_CARD: Final = "card.json"
_MODULES_KNOWN: Final = ("Transformer", "Pooling", "Normalize")


class Pooling(StrEnum):
    """How the vectors of the tokens become the vector of the text."""

    MEAN = "mean"
    CLS = "cls"
    MAX = "max"
    LAST = "last"


_MODES: Final = {
    "pooling_mode_cls_token": Pooling.CLS,
    "pooling_mode_mean_tokens": Pooling.MEAN,
    "pooling_mode_max_tokens": Pooling.MAX,
    "pooling_mode_lasttoken": Pooling.LAST,
}
_MODE_NAMES: Final = {"cls": Pooling.CLS, "mean": Pooling.MEAN, "max": Pooling.MAX, "lasttoken": Pooling.LAST}


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """A model on disk.

    Attributes:
        graph: the ONNX file.
        pooling: used where the graph gives a vector for each token.
        query_prefix, document_prefix: what stands before each text, such as ``query: ``.
        dimensions: numbers of a vector; None leaves all that the graph gives.
        max_tokens: tokens of a text that are read; the rest is cut.
        model_id: name of everything that the vectors depend on, the same wherever the folder is.
    """

    path: Path
    graph: Path
    pooling: Pooling
    query_prefix: str
    document_prefix: str
    dimensions: int | None
    max_tokens: int
    model_id: str


def read_folder(path: Path) -> ModelFolder:
    """Read a model's folder; loads no graph.

    Raises:
        ModelFolderError: it is not one, or its card asks for something that is not done here.
    """
    if not path.is_dir():
        what = "is a file, not the folder of a model" if path.exists() else "does not exist"
        raise ModelFolderError(f"{path} {what}; name a folder with model.onnx and tokenizer.json")
    card = _card(path)
    graph = _graph(path, card)
    if not any((path / name).is_file() for name in ("tokenizer.json", "vocab.txt")):
        raise ModelFolderError(f"{path} has no tokenizer.json; save the model's tokenizer beside its graph")
    _check_modules(path)
    pooling, dimensions = _pooling(path)
    prompts = _prompts(path)
    try:
        if "pooling" in card:
            pooling = Pooling(card["pooling"])
        values = ModelFolder(
            path=path,
            graph=graph,
            pooling=pooling,
            query_prefix=_of(card, "query_prefix", str, prompts[0]),
            document_prefix=_of(card, "document_prefix", str, prompts[1]),
            dimensions=_of(card, "dimensions", int, dimensions),
            max_tokens=_of(card, "max_tokens", int, _max_tokens(path)),
            model_id="",
        )
    except ValueError as error:
        raise ModelFolderError(f"{path / _CARD}: {error}") from None
    if not 8 <= values.max_tokens <= MOST_TOKENS:
        raise ModelFolderError(f"{path}: max_tokens must be from 8 to {MOST_TOKENS}, not {values.max_tokens}")
    if values.dimensions is not None and values.dimensions < 1:
        raise ModelFolderError(f"{path}: dimensions must be 1 or more, not {values.dimensions}")
    return replace(values, model_id=_fingerprint(values))


def _json(path: Path) -> dict[str, Any]:
    """The object in a file; empty where there is no such file."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ModelFolderError(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise ModelFolderError(f"{path} is not JSON; save the model again") from None
    if not isinstance(value, dict):
        raise ModelFolderError(f"{path} holds no JSON object; save the model again")
    return value


def _card(path: Path) -> dict[str, Any]:
    card = _json(path / _CARD)
    known = ("graph", "pooling", "query_prefix", "document_prefix", "dimensions", "max_tokens")
    if unknown := sorted(card.keys() - set(known)):
        raise ModelFolderError(f"{path / _CARD} has {unknown[0]!r}; it may have {', '.join(known)}")
    return card


def _of(card: Mapping[str, Any], key: str, kind: type, default: Any) -> Any:
    value = card.get(key, default)
    if key in card and (not isinstance(value, kind) or isinstance(value, bool)):
        raise ValueError(f"{key} must be {'a text' if kind is str else 'a whole number'}, not {value!r}")
    return value


def _graph(path: Path, card: Mapping[str, Any]) -> Path:
    if "graph" in card:
        graph = path / str(card["graph"])
        if not graph.is_file():
            raise ModelFolderError(f"{path / _CARD} names {card['graph']!r}, and there is no such file")
        return graph
    for name in _GRAPHS:
        if (path / name).is_file():
            return path / name
    graphs = sorted(
        str(graph.relative_to(path)) for graph in (*path.glob("*.onnx"), *path.glob("onnx/*.onnx"))
    )
    if len(graphs) == 1:
        return path / graphs[0]
    if graphs:
        raise ModelFolderError(
            f'{path} has several graphs ({", ".join(graphs[:4])}); choose one by {{"graph": "…"}} in {_CARD}'
        )
    raise ModelFolderError(f"{path} has no model.onnx; export the model to ONNX (docs/search.md says how)")


def _check_modules(path: Path) -> None:
    """Refuse a model with a layer behind the pooling: an export has the transformer alone in its graph."""
    try:
        modules = json.loads((path / "modules.json").read_text(encoding="utf-8"))
        kinds = [str(module["type"]).rpartition(".")[2] for module in modules]
    except FileNotFoundError:
        return
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        raise ModelFolderError(f"{path / 'modules.json'} cannot be read; save the model again") from None
    for kind in kinds:
        if kind not in _MODULES_KNOWN and "CrossEncoder" not in kind:
            raise ModelFolderError(
                f"{path} has a module {kind} that is not computed here; export a graph with it inside, "
                "and leave modules.json out"
            )


def _pooling(path: Path) -> tuple[Pooling, int | None]:
    """The pooling, and the numbers of a vector; the mean and None where the folder does not say."""
    config = _json(path / "1_Pooling" / "config.json")
    named = config.get("pooling_mode")
    modes = [mode for key, mode in _MODES.items() if config.get(key)]
    others = [
        key for key, on in config.items() if key.startswith("pooling_mode_") and on and key not in _MODES
    ]
    if isinstance(named, str):
        modes, others = ([_MODE_NAMES[named]], []) if named in _MODE_NAMES else ([], [named])
    if others or len(modes) > 1:
        names = ", ".join([*others, *modes])
        raise ModelFolderError(f"{path}: pooling by {names} is not done here; one of {', '.join(Pooling)} is")
    dimensions = config.get("word_embedding_dimension", config.get("embedding_dimension"))
    return (modes[0] if modes else Pooling.MEAN), dimensions if isinstance(dimensions, int) else None


def _prompts(path: Path) -> tuple[str, str]:
    """The prefix of a query, and that of a passage."""
    prompts = _json(path / "config_sentence_transformers.json").get("prompts")
    prompts = prompts if isinstance(prompts, dict) else {}
    passage = prompts.get("document") or prompts.get("passage") or ""
    return str(prompts.get("query") or ""), str(passage)


def _max_tokens(path: Path) -> int:
    config = _json(path / "config.json")
    limits = [
        _json(path / "sentence_bert_config.json").get("max_seq_length"),
        _json(path / "tokenizer_config.json").get("model_max_length"),
        # RoBERTa counts its positions from the padding on, which takes two of them.
        (config.get("max_position_embeddings") or 0)
        - (2 if "roberta" in str(config.get("model_type")) else 0),
    ]
    return min([MOST_TOKENS, *(limit for limit in limits if isinstance(limit, int) and limit >= 8)])


def _fingerprint(folder: ModelFolder) -> str:
    """A digest of the tokenizer and the card, and of samples of the graph with its weights."""
    digest = hashlib.sha256()
    card = (folder.pooling, folder.query_prefix, folder.document_prefix, folder.dimensions, folder.max_tokens)
    digest.update(json.dumps(card).encode())
    tokenizers = [folder.path / name for name in ("tokenizer.json", "vocab.txt")]
    try:
        weights = sorted(
            file
            for file in folder.graph.parent.iterdir()
            if file != folder.graph and file.name.startswith((folder.graph.name, f"{folder.graph.stem}.onnx"))
        )
        for file in (folder.graph, *weights, *(t for t in tokenizers if t.is_file())):
            size = file.stat().st_size
            digest.update(f"\0{size}\0".encode())
            with file.open("rb") as data:
                for number in range(_SAMPLES):
                    data.seek(max(0, size - _SAMPLE) * number // (_SAMPLES - 1))
                    digest.update(data.read(_SAMPLE))
    except OSError as error:
        raise ModelFolderError(f"{folder.path} cannot be read: {error.strerror}") from None
    return f"onnx/{digest.hexdigest()[:16]}"
