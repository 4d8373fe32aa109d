"""Searches and answers over the embedded store."""

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import trio

from objlib.core.config.settings import Settings
from objlib.core.errors import UsageError
from objlib.core.reports.answers import AnswerListener
from objlib.embedded.api.generate import QUIET_SECONDS
from objlib.engine.search.ask import ask, search
from objlib.engine.upload.run import upload
from objlib.gemini import Answer, ErrorKind, GeminiError, Passage
from objlib.testing import Faults, Respond, refusal
from tests.support.engine import Opener, plant, write


async def test_search_and_ask_cite_the_current_path_and_place(
    opened: Opener, settings: Settings, library: Path
) -> None:
    write(library, "Politics/Year 2022/social contract.txt", "On power.\n\nAll rule rests on consent.\n")
    async with opened() as app:
        await upload(app)
    (library / "Politics/Year 2022/social contract.txt").rename(library / "moved.txt")
    async with opened() as app:
        await upload(app)
        report = await search(app, "consent of the ruled", top_k=3)
        assert report.citations[0].path == "moved.txt"
        assert report.citations[0].line_start in {1, 3}
        others = await search(app, "virtue", where='course = "Politics"')
        assert {citation.path for citation in others.citations} <= {"moved.txt"}
        answer = await ask(app, "What does all rule rest on?")
        assert "consent" in answer.text
        assert answer.supports
        assert answer.citations[answer.supports[0].citations[0]].path == "moved.txt"


async def test_a_filter_that_the_service_refuses_is_a_usage_error(opened: Opener) -> None:
    async with opened() as app:
        await upload(app)
        for verb in (search, ask):
            with pytest.raises(UsageError) as refusal:
                await verb(app, "virtue", where="year = ")
            # No model was asked, and nothing was answered with a status: the filter alone is wrong.
            reason = "--filter 'year = ' was refused: column 8: the filter ends too early"
            assert str(refusal.value) == reason


async def test_an_error_says_searching_where_no_model_is_asked(opened: Opener, faults: Faults) -> None:
    async with opened() as app:
        await upload(app)
    denied = refusal(403, "PERMISSION_DENIED", "not yours")
    faults.script = lambda kind, _count: denied if kind == "ask" else None
    async with opened() as app:
        for verb in (search, ask):
            with pytest.raises(GeminiError, match=r"^searching the store: .*not yours"):
                await verb(app, "virtue")


async def test_a_number_that_a_filter_compares_with_a_text_is_named(opened: Opener) -> None:
    async with opened() as app:
        await upload(app)
        report = await search(app, "virtue", where='year > late AND course = "Ethics" AND year != "2022"')
    assert report.notice.endswith(
        "--filter compares year with the text late, and every document has a number there"
    )


async def test_a_model_that_the_service_does_not_have_is_refused_with_those_it_has(
    opened: Opener, faults: Faults
) -> None:
    async with opened() as app:
        await upload(app)
    async with opened(model="no-model") as app:
        with pytest.raises(UsageError, match=r"--model no-model: .*; it has objlib-quoting$"):
            await ask(app, "virtue")
    assert [request.kind for request in faults.history].count("ask") == 1


async def test_a_search_has_passages_without_the_text_of_a_model(opened: Opener) -> None:
    async with opened() as app:
        await upload(app)
        report = await search(app, "virtue", top_k=2)
    assert (report.text, report.supports) == ("", ())
    assert 0 < len(report.citations) <= 2
    assert report.question == "virtue"


async def test_a_passage_says_what_its_file_is_by_now(opened: Opener, library: Path) -> None:
    for name in ("changed", "gone", "same"):
        write(library, f"{name}.txt", f"The harpsichord of {name} is tuned in spring.\n")
    async with opened() as app:
        await upload(app)
        await plant(app, "lute", {"objlib_id": "another's"})
        write(library, "changed.txt", "The harpsichord of changed is sold.\n")
        (library / "gone.txt").unlink()
        report = await search(app, "harpsichord lute", top_k=6)
    states = {citation.path: str(citation.state) for citation in report.citations}
    assert states.items() >= {
        ("changed.txt", "changed"),
        ("gone.txt", "gone"),
        ("same.txt", "current"),
        ("lute", "unknown"),
    }


async def test_an_offline_answer_says_that_it_is_extracted_and_names_no_model(opened: Opener) -> None:
    async with opened() as app:
        await upload(app)
        report = await ask(app, "What is virtue?")
        assert report.model is None
        assert report.notice.startswith("the answer is extracted word for word; no model was asked")
        assert (await search(app, "virtue")).model is None
        nothing = await ask(app, "How much does a violin cost in Cremona?")
    assert (nothing.citations, nothing.supports) == ((), ())
    assert nothing.text == "No passage in the store answers this."
    assert "extracted" not in nothing.notice


@pytest.mark.parametrize(
    ("supports", "paths", "numbers"),
    [
        ([(14, 20, (0,)), (0, 6, (3, 2))], ["2", "3", "0"], [(2,), (1, 0)]),
        ([], ["0", "1", "2", "3"], []),
    ],
)
async def test_the_sources_of_a_model_are_those_it_names_in_the_order_of_its_words(
    opened: Opener,
    monkeypatch: pytest.MonkeyPatch,
    supports: list[tuple[int, int, tuple[int, ...]]],
    paths: list[str],
    numbers: list[tuple[int, ...]],
) -> None:
    async def answer(*_: object, **__: object) -> Answer:
        await trio.lowlevel.checkpoint()
        return Answer(
            "Claim. Other. Third.", [Passage(str(n), "text") for n in range(4)], supports, "gemini-x"
        )

    async with opened() as app:
        monkeypatch.setattr(app.client.models, "ask", answer)
        report = await ask(app, "why")
        blocked = replace(await answer(), text="", supports=[], blocked="SAFETY")
        monkeypatch.setattr(app.client.models, "ask", partial(_given, blocked))
        refused = await ask(app, "why")
    assert [citation.path for citation in report.citations] == paths
    assert [support.citations for support in report.supports] == numbers
    assert report.model == "gemini-x"
    assert (refused.citations, refused.notice) == ((), "the model refused the question: SAFETY")


async def _given(answer: Answer, **_: object) -> Answer:
    await trio.lowlevel.checkpoint()
    return answer


async def test_a_key_of_a_filter_that_no_document_has_is_named_with_those_there_are(opened: Opener) -> None:
    async with opened() as app:
        await upload(app)
        known = await search(app, "virtue", where='course = "Ethics" AND objlib_id != "x"')
        unknown = await search(app, "virtue", where='curse = "Ethics" OR year > 1 OR "a key" = 2')
    assert "no document" not in known.notice
    assert unknown.notice.endswith(
        "no document of this library has the key curse or a key of --filter; "
        "the keys there are: course, lecture, year"
    )


async def test_a_library_without_keys_says_so(opened: Opener) -> None:
    async with opened(patterns=()) as app:
        await upload(app)
        report = await search(app, "virtue", where="year > 1")
    assert report.notice.endswith("has the key year of --filter; there are no keys")


async def test_a_search_without_the_model_of_meaning_says_so(
    opened: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = (None, "numpy is not installed")
    monkeypatch.setattr("objlib.embedded.index.lazy_embedder.load_embedder", lambda: missing)
    async with opened() as app:
        await upload(app)
        report = await search(app, "virtue")
    assert report.notice == "search by words only: numpy is not installed"
    assert report.citations


async def test_an_answer_that_the_model_refuses_says_why(opened: Opener, faults: Faults) -> None:
    async with opened() as app:
        await upload(app)
        body = json.dumps({"promptFeedback": {"blockReason": "SAFETY"}}).encode()
        faults.script = lambda kind, _count: Respond(200, body) if kind == "ask" else None
        report = await ask(app, "How is a virtue made?")
    assert (report.text, report.citations) == ("", ())
    assert report.notice.startswith("the model refused the question: ")
    assert "SAFETY" in report.notice


async def test_a_search_before_all_vectors_are_made_says_how_many_there_are(
    opened: Opener, library: Path
) -> None:
    """A search makes the vectors of the passages that share a word with the query."""
    write(library, "Geology/Year 2022/quartz.txt", "Crystals grow slowly.\n")
    async with opened() as app:
        await upload(app)
        await trio.sleep(QUIET_SECONDS)  # sooner a search leaves them to the upload
        report = await search(app, "virtue")
    assert report.notice.startswith("search by meaning covers 90 % of the passages so far; ")


async def test_a_question_that_the_service_refuses_is_no_usage_error(opened: Opener, faults: Faults) -> None:
    async with opened() as app:
        await upload(app)
        faults.script = lambda kind, _count: (
            refusal(400, "INVALID_ARGUMENT", "no such model") if kind == "ask" else None
        )
        with pytest.raises(GeminiError, match="no such model"):
            await ask(app, "How is a virtue made?")


async def test_the_best_passage_stands_for_its_file_unless_all_are_asked_for(
    opened: Opener, library: Path
) -> None:
    pages = "\n\n".join(f"# Page {n}\n\nThe clavichord and its strings. " + "Word. " * 120 for n in range(6))
    write(library, "book.md", pages)
    write(library, "letter.md", "A letter on the clavichord.\n")
    async with opened() as app:
        await upload(app)
        grouped = await search(app, "clavichord strings", top_k=2, all_passages=False)
        every = await search(app, "clavichord strings", top_k=2)
        whole = await search(app, "clavichord strings", top_k=20, all_passages=False)
    assert {citation.path for citation in grouped.citations} == {"book.md", "letter.md"}
    assert grouped.hidden == 1
    assert [citation.path for citation in every.citations] == ["book.md", "book.md"]
    assert every.hidden == 0
    assert grouped.citations[0] == every.citations[0]
    paths = [citation.path for citation in whole.citations]
    assert len(paths) == len(set(paths))


class Heard(AnswerListener):
    """An answer as it was heard, with a mark at each new beginning."""

    def __init__(self) -> None:
        self.pieces: list[str] = []

    def text(self, piece: str) -> None:
        self.pieces.append(piece)

    def again(self) -> None:
        self.pieces.append("again")


async def test_an_answer_that_is_heard_is_the_same(opened: Opener) -> None:
    async with opened() as app:
        await upload(app)
        heard = Heard()
        report = await ask(app, "What is virtue?", listener=heard)
        whole = await ask(app, "What is virtue?")
    assert replace(report, seconds=0.0) == replace(whole, seconds=0.0)
    assert report.supports
    assert "".join(heard.pieces) == report.text


async def test_a_lost_answer_is_heard_again_from_its_start(
    opened: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = GeminiError("lost", kind=ErrorKind.TRANSIENT)
    script: list[tuple[str, GeminiError | None]] = [("", lost), ("Cla", lost), ("Claim.", None)]

    async def answer(*, heard: Callable[[str], None], **_: object) -> Answer:
        await trio.lowlevel.checkpoint()
        piece, error = script.pop(0)
        if piece:
            heard(piece)
        if error is not None:
            raise error
        return Answer(piece, [], [], "gemini-x")

    heard = Heard()
    async with opened() as app:
        monkeypatch.setattr(app.client.models, "ask", answer)
        report = await ask(app, "why", listener=heard)
    assert report.text == "Claim."
    assert heard.pieces == ["Cla", "again", "Claim."]
