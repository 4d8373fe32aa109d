"""``python -m objlib.embedded.extraction.child``: the reader, which answers requests on its standard streams.

It limits its own memory, and an alarm ends it should the service die while a document keeps it busy. It ends
with its standard input.
"""

import os
import signal
import sys
from contextlib import suppress
from itertools import islice
from typing import BinaryIO, Final

from objlib.core.library.decode import UnreadableError
from objlib.embedded.extraction.frames import (
    BATCH,
    LENGTH,
    MAX_FRAME,
    Answer,
    ExtractionFailure,
    Passages,
    ReadRequest,
    decode_request,
    frame,
    passages_of,
)
from objlib.embedded.text.extract import UnindexableError, extract

_MARGIN: Final = 30
"""Seconds beyond the limit after which the alarm rings: the service has killed this process by then, if it lives."""
TOO_MUCH_MEMORY: Final = "Reading it took too much memory. Split the document, or save it as text."


def main(arguments: list[str]) -> int:
    """Serve until the input ends; the arguments are the limits of memory in bytes and of time in seconds."""
    memory, seconds = map(int, arguments)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the service's business
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # a library that prints would break the frames
    _limit_memory(memory)
    requests = sys.stdin.buffer
    while head := requests.read(LENGTH.size):
        request = decode_request(requests.read(min(LENGTH.unpack(head)[0], MAX_FRAME)))
        if hasattr(signal, "alarm"):
            signal.alarm(seconds + _MARGIN)
        # No name for the bytes here, so that they are gone once they are text.
        _answer(request, requests.read(request.size), answers)
        if hasattr(signal, "alarm"):
            signal.alarm(0)
    return 0


def _limit_memory(size: int) -> None:
    with suppress(ImportError, ValueError, OSError):  # Windows has no such limit
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (size, size))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _answer(request: ReadRequest, data: bytes, answers: BinaryIO) -> None:
    def send(message: Answer) -> None:
        answers.write(frame(message))
        answers.flush()

    try:
        held = [data]
        del data
        extracted = extract(held.pop(), mime_type=request.mime_type, name=request.name)
        outline, passages = passages_of(extracted, request.chunking)
        send(outline)
        while batch := list(islice(passages, BATCH)):
            send(Passages(batch))
        send(Passages([]))
    except UnindexableError as error:
        send(ExtractionFailure("UNIMPLEMENTED", str(error)))
    except UnreadableError as error:
        send(ExtractionFailure("INVALID_ARGUMENT", str(error)))
    except MemoryError:
        send(ExtractionFailure("INVALID_ARGUMENT", TOO_MUCH_MEMORY))
    except (OSError, BrokenPipeError):
        raise
    except RecursionError:
        send(ExtractionFailure("INVALID_ARGUMENT", "It is nested too deeply to be read."))
    except Exception as error:
        send(ExtractionFailure("INTERNAL", f"reading it failed: {error!r}"[:500]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
