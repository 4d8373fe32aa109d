"""Of several documents of one attempt one is chosen, and in the same transaction the others are meant to go."""

import pytest

from objlib.core.errors import StaleTransitionError
from objlib.core.lifecycle.table import Event, State
from objlib.ledger import Ledger, Move, Start
from objlib.testing.databases import raw
from tests.support.ledger import DOCUMENT, RUN, add, bring, index, reset, wanted


async def meant_to_go(ledger: Ledger) -> list[str]:
    return sorted(intent.document_name for intent in await ledger.intents.page())


async def test_who_adopts_one_document_means_the_others_to_go(ledger: Ledger) -> None:
    row, attempt = await bring(ledger, await add(ledger), State.UPLOADING)
    adopt = Move(row, RUN, attempt).adopt(operation=None, document="best", surplus=("second", "third"))
    await ledger.apply(adopt)
    assert await meant_to_go(ledger) == ["second", "third"]
    with pytest.raises(StaleTransitionError):
        await ledger.apply(
            Move(row, RUN, attempt).adopt(operation=None, document="second", surplus=("best",))
        )
    assert await meant_to_go(ledger) == ["second", "third"], "who lost the race means nothing to go"


async def test_of_two_that_choose_for_an_attempt_under_way_the_first_decides(ledger: Ledger) -> None:
    row, attempt = await bring(ledger, await add(ledger), State.UPLOADING)
    await ledger.apply(Move(row, RUN, attempt).complete_upload(operation=None, document=None))
    await ledger.attempts.record_document(
        Move(row, RUN, attempt), expected=None, document="best", surplus=("other",)
    )
    assert await meant_to_go(ledger) == ["other"]
    with pytest.raises(StaleTransitionError):
        await ledger.attempts.record_document(
            Move(row, RUN, attempt), expected=None, document="other", surplus=("best",)
        )
    assert await meant_to_go(ledger) == ["other"]
    # Another who found the same again, and the other one wanted after all: it is kept.
    await ledger.attempts.record_document(
        Move(row, RUN, attempt), expected="best", document="other", surplus=()
    )
    assert await meant_to_go(ledger) == []


async def test_a_document_that_is_wanted_after_all_is_not_meant_to_go(ledger: Ledger) -> None:
    """Store-sync took it for too much, and then a run made it a row's own, or began to wait for it."""
    row, _ = await bring(ledger, await add(ledger, "indexed.txt"), State.INDEXED)
    awaited, attempt = await bring(ledger, await add(ledger, "under way.txt"), State.PROCESSING)

    async def meant(document: str | None, file_id: str, attempt_id: str | None) -> object:
        assert document is not None
        return await ledger.comparison.open_surplus(
            document, file_id=file_id, attempt_id=attempt_id, reason="surplus", run_id=RUN
        )

    assert await meant(row.document, row.file_id, None) is None
    assert await meant("fresh", awaited.file_id, attempt) is None
    assert await meant_to_go(ledger) == []
    assert await meant("nobody's", row.file_id, None) is not None
    assert await meant_to_go(ledger) == ["nobody's"]


async def test_for_an_attempt_that_is_over_nothing_is_chosen(ledger: Ledger) -> None:
    """A recovery that slept while another run ended the attempt must not mean its documents to go."""
    row, attempt = await bring(ledger, await add(ledger), State.UPLOADING)
    await ledger.apply(wanted(Event.REQUEUE_UPLOAD, row, attempt))
    with pytest.raises(StaleTransitionError):
        await ledger.attempts.record_document(
            Move(row, RUN, attempt), expected=None, document="best", surplus=("other",)
        )
    assert await meant_to_go(ledger) == []


async def test_an_intent_whose_delete_was_sent_is_not_withdrawn(ledger: Ledger) -> None:
    """The delete may happen at any time: without the intent no run would send the file again."""
    row, attempt = await bring(ledger, await add(ledger), State.PROCESSING)
    document = DOCUMENT + attempt
    intent = await ledger.intents.open(row.file_id, document, "surplus", RUN)
    started = await ledger.deletions.begin(intent.intent_id, run_id=RUN)
    assert started is Start.SEND
    await ledger.apply(wanted(Event.COMPLETE_PROCESSING, row, attempt))
    assert await meant_to_go(ledger) == [document]


async def test_both_documents_of_a_file_that_is_gone_are_meant_to_go(ledger: Ledger) -> None:
    row = await index(ledger, await add(ledger), "old")
    row = await index(ledger, await reset(ledger, row), "new")
    assert row.superseded == "old"
    await raw(ledger).write(lambda conn: conn.execute("UPDATE files SET missing_since = 1").rowcount)
    page = await ledger.deletions.prunable(cutoff=2.0, after="", limit=9)
    opened = await ledger.deletions.open_prune(page, cutoff=2.0, run_id=RUN)
    assert [intent.document_name for intent in opened] == ["new", "old"]
    assert await meant_to_go(ledger) == ["new", "old"]
