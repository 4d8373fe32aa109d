"""A graph in onnxruntime. The only module that imports it."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from objlib.embedded.encoders.errors import ModelFolderError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

T = TypeVar("T")

_INPUTS: Final = {"input_ids", "attention_mask", "token_type_ids", "position_ids"}


def open_session(path: Path, *, level: str) -> Any:
    """An ``InferenceSession`` that computes on one core, so that several texts are computed at once.

    Args:
        path: the ONNX file.
        level: how far the graph is rewritten, as in ``GraphOptimizationLevel``.
    """
    # onnxruntime reports its use to its vendor unless this is set before it is imported (its Privacy.md).
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    import onnxruntime  # takes 0.1 s that only search by meaning should pay

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, level)
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


class Graph:
    """The graph of a user's model: token ids in, arrays out. Its methods may be called from several threads.

    Raises:
        ModelFolderError: the file is no ONNX graph, or it takes other inputs than a text encoder does.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._session = open_session(path, level="ORT_ENABLE_ALL")
        except ImportError:
            raise
        except Exception as error:  # onnxruntime raises its own types, none of them public
            raise ModelFolderError(f"{path} cannot be loaded: {first_line(error)}") from None
        self._inputs = {each.name: each for each in self._session.get_inputs()}
        self.outputs: tuple[str, ...] = tuple(each.name for each in self._session.get_outputs())
        unknown = sorted(self._inputs.keys() - _INPUTS)
        if unknown or "input_ids" not in self._inputs:
            names = ", ".join(unknown or self._inputs) or "nothing"
            raise ModelFolderError(
                f"{path} takes {names}, which is no text encoder: those take input_ids and attention_mask"
            )

    def run(self, ids: Sequence[int], types: Sequence[int]) -> "list[NDArray[Any]]":
        """The outputs for one text.

        Raises:
            ModelFolderError: the graph cannot be computed with these tokens.
        """
        import numpy as np

        values = {
            "input_ids": list(ids),
            "attention_mask": [1] * len(ids),
            "token_type_ids": list(types),
            "position_ids": list(range(len(ids))),
        }
        feed = {
            name: np.array([values[name]], np.int32 if "int32" in each.type else np.int64)
            for name, each in self._inputs.items()
        }
        try:
            return list(self._session.run(None, feed))
        except Exception as error:
            raise ModelFolderError(f"{self._path} cannot be computed: {first_line(error)}") from None


def first_line(error: Exception) -> str:
    """The first line of an error's text, in brackets where it says nothing."""
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)[
        :200
    ]


def each_on_a_core(work: "Callable[[int], T]", sizes: Sequence[int], *, threads: int = 0) -> "list[T]":
    """``work(0)``, ``work(1)`` and so on, one for each size, several at once.

    Long ones come first, so that all end together.

    ``threads`` is how many at once; 0 stands for one per core of this process.
    """
    threads = threads or cores()
    if len(sizes) == 1 or threads == 1:
        return [work(number) for number in range(len(sizes))]
    order = sorted(range(len(sizes)), key=lambda number: -sizes[number])
    with ThreadPoolExecutor(threads) as pool:
        done = dict(zip(order, pool.map(work, order), strict=True))
    return [done[number] for number in range(len(sizes))]


def cores() -> int:
    """Cores that this process may use: fewer than the machine has in containers and under ``taskset``."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
