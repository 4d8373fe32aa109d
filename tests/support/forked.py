"""The real entry point in a forked process of its own, whose modules are imported already.

A fresh interpreter spends more on imports than on most commands. Here one process imports them once and forks for each
command: what a command does to its process, and what it leaves behind, is as in a fresh one.
"""

import multiprocessing
import os
import subprocess
import sys
import warnings
from collections.abc import Mapping, Sequence
from functools import cache
from io import BufferedReader, BufferedWriter, FileIO, TextIOWrapper
from multiprocessing.context import ForkServerContext
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import objlib.__main__

MODULES: Final = (
    "objlib.cli.app",
    "objlib.cli.runner",
    "objlib.catalog",
    "objlib.engine.bootstrap",
    "objlib.engine.upload",
    "objlib.engine.search",
    "objlib.engine.reconcile",
    "objlib.embedded.service",
    "objlib.gemini",
    "httpx",
    "numpy",
)
"""Modules that are imported once. None of them may start a thread, which a fork would lose."""
CAN_FORK: Final = "forkserver" in multiprocessing.get_all_start_methods()


def run_forked(
    argv: Sequence[str], environ: Mapping[str, str], cwd: Path, *, timeout: float = 60
) -> tuple[int, bytes, bytes]:
    """Run ``objlib ARGV`` to its end, with warnings as errors and nothing on stdin.

    Args:
        argv: the arguments.
        environ: the whole environment.
        cwd: the working folder.
        timeout: seconds that it may take.

    Returns:
        The exit code, stdout and stderr.

    Raises:
        subprocess.TimeoutExpired: it took longer, and was killed.
    """
    with TemporaryDirectory() as folder:
        out, err = Path(folder, "out"), Path(folder, "err")
        process = _server().Process(target=_command, args=(list(argv), dict(environ), cwd, out, err))
        process.start()
        process.join(timeout)
        if process.exitcode is None:
            process.kill()
            process.join()
            raise subprocess.TimeoutExpired(["objlib", *argv], timeout)
        return process.exitcode, out.read_bytes(), err.read_bytes()


@cache
def _server() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(MODULES))
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    return context


def _command(argv: list[str], environ: dict[str, str], cwd: Path, out: Path, err: Path) -> None:
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environ)
    for descriptor, path in enumerate([os.devnull, str(out), str(err)]):
        opened = os.open(path, os.O_WRONLY | os.O_CREAT if descriptor else os.O_RDONLY, 0o600)
        os.dup2(opened, descriptor)
        os.close(opened)
    sys.stdin, sys.stdout, sys.stderr = _text(0, "r"), _text(1, "w"), _text(2, "w", "backslashreplace")
    warnings.simplefilter("error")
    sys.argv = [objlib.__main__.__file__, *argv]
    sys.exit(objlib.__main__.main())


def _text(descriptor: int, mode: str, errors: str = "strict") -> TextIOWrapper:
    file = FileIO(descriptor, mode, closefd=False)
    return TextIOWrapper(BufferedReader(file) if mode == "r" else BufferedWriter(file), "utf-8", errors)
