"""An answer as a model writes it: server-sent events, each with some more of the answer."""

from collections.abc import Callable

from objlib.gemini.wire import CandidateShape, ContentShape, GenerateShape, PartShape, parse

Heard = Callable[[str], None]
"""Gets each piece of the text as it arrives; it returns at once and does not raise."""


class AnswerStream:
    """The events of one answer.

    Args:
        heard: gets the text, piece by piece.

    Attributes:
        events: the data of each event that is complete.
    """

    def __init__(self, heard: Heard) -> None:
        self.events: list[bytes] = []
        self._heard = heard
        self._rest = b""
        self._data: list[bytes] = []

    def feed(self, part: bytes) -> None:
        """Take the next bytes, cut wherever the network did; what cannot be read is left for :meth:`whole`."""
        *lines, self._rest = (self._rest + part).split(b"\n")
        for line in (each.removesuffix(b"\r") for each in lines):
            if line.startswith(b"data:"):
                self._data.append(line[5:].removeprefix(b" "))
            elif not line and self._data:
                self._take(b"\n".join(self._data))
                self._data.clear()

    def whole(self) -> GenerateShape | None:
        """The answer as it would have come in one piece; None where its end is missing.

        Raises:
            ValueError: an event is not what the service sends.
        """
        shapes = [parse(event, GenerateShape) for event in self.events]
        blocked = next((shape.prompt_feedback for shape in shapes if shape.prompt_feedback), None)
        candidates = [shape.candidates[0] for shape in shapes if shape.candidates]
        reasons = [each.finish_reason for each in candidates if each.finish_reason]
        if not reasons and blocked is None:
            return None
        grounding = [each.grounding_metadata for each in candidates if each.grounding_metadata]
        candidate = CandidateShape(
            content=ContentShape(parts=_joined(candidates)),
            finish_reason=reasons[-1] if reasons else "",
            grounding_metadata=grounding[-1] if grounding else None,
        )
        version = next((shape.model_version for shape in shapes if shape.model_version), "")
        return GenerateShape(candidates=[candidate], prompt_feedback=blocked, model_version=version)

    def _take(self, event: bytes) -> None:
        self.events.append(event)
        try:
            shape = parse(event, GenerateShape)
        except ValueError:
            return
        for candidate in shape.candidates[:1]:
            text = "".join(part.text for part in _parts(candidate) if not part.thought)
            if text:
                self._heard(text)


def _joined(candidates: list[CandidateShape]) -> list[PartShape]:
    """The answer as one part, and the thoughts as another: offsets count from the start of the whole part."""
    texts: dict[bool, str] = {}
    for part in (part for candidate in candidates for part in _parts(candidate)):
        texts[part.thought] = texts.get(part.thought, "") + part.text
    return [PartShape(text=text, thought=thought) for thought, text in texts.items()]


def _parts(candidate: CandidateShape) -> list[PartShape]:
    return candidate.content.parts if candidate.content else []
