"""What a document is to the ledger: every case, and what must never be said of any."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objlib.core.ids import RESERVED_KEYS
from objlib.core.lifecycle.drift import (
    DRIFT,
    SURPLUS,
    DriftKind,
    Finding,
    Held,
    Holding,
    Known,
    digest,
    judge,
    title,
)

KNOWN = Known(indexed=True, document="d1", indexed_hash="h", title="a/b.txt", metadata="m")
WELL = Holding(name="d1", state=Held.ACTIVE, content_hash="h", title="a/b.txt", metadata="m")
OTHER = replace(WELL, name="d2")

names = st.sampled_from(["d1", "d2", "d3"])
hashes = st.sampled_from(["h", "g", None])
knowns = st.builds(
    Known,
    indexed=st.booleans(),
    document=st.one_of(st.none(), names),
    indexed_hash=st.sampled_from(["h", "g"]),
    title=st.sampled_from(["a/b.txt", "c.txt"]),
    metadata=st.sampled_from(["m", "n"]),
    missing=st.booleans(),
)
holdings = st.lists(
    st.builds(
        Holding,
        name=names,
        state=st.sampled_from(Held),
        content_hash=hashes,
        title=st.sampled_from(["a/b.txt", "c.txt", None]),
        metadata=st.sampled_from(["m", "n"]),
        ours=st.booleans(),
        in_flight=st.booleans(),
        leaving=st.booleans(),
    ),
    max_size=3,
    unique_by=lambda each: each.name,
)


@pytest.mark.parametrize(
    ("holding", "kind"),
    [
        (WELL, DriftKind.WELL),
        (replace(WELL, title=None), DriftKind.WELL),
        (replace(WELL, state=Held.PENDING), DriftKind.WELL),
        (replace(WELL, state=Held.FAILED), DriftKind.BROKEN),
        (replace(WELL, content_hash="g"), DriftKind.STALE),
        (replace(WELL, content_hash=None), DriftKind.METADATA),
        (replace(WELL, title="c.txt"), DriftKind.METADATA),
        (replace(WELL, metadata="n"), DriftKind.METADATA),
        (replace(WELL, ours=False), DriftKind.METADATA),
        (replace(WELL, leaving=True), DriftKind.LEAVING),
        (OTHER, DriftKind.DUPLICATE),
        (replace(OTHER, in_flight=True), DriftKind.IN_FLIGHT),
        (replace(OTHER, leaving=True), DriftKind.LEAVING),
        (replace(OTHER, ours=False), DriftKind.FOREIGN),
    ],
)
def test_a_document_of_a_known_file(holding: Holding, kind: DriftKind) -> None:
    assert judge(KNOWN, [holding])[0].kind is kind


def test_a_document_of_no_known_file_is_an_orphan_unless_it_is_somebody_elses() -> None:
    assert judge(None, [WELL, replace(OTHER, ours=False)]) == [
        Finding("d1", DriftKind.ORPHAN),
        Finding("d2", DriftKind.FOREIGN),
    ]


def test_a_document_that_is_named_and_not_there_is_a_ghost() -> None:
    assert judge(KNOWN, [OTHER]) == [Finding("d2", DriftKind.DUPLICATE), Finding("d1", DriftKind.GHOST)]
    assert judge(replace(KNOWN, missing=True), []) == [Finding("d1", DriftKind.GHOST)]


def test_what_cannot_be_sent_again_is_not_found_fault_with() -> None:
    bad = replace(WELL, state=Held.FAILED, content_hash="g", metadata="n")
    assert judge(replace(KNOWN, missing=True), [bad]) == [Finding("d1", DriftKind.WELL)]
    assert judge(replace(KNOWN, indexed=False), [bad]) == [Finding("d1", DriftKind.WELL)]
    assert judge(replace(KNOWN, indexed=False), []) == []


@given(st.one_of(st.none(), knowns), holdings)
def test_nothing_is_judged_too_much_that_could_be_wanted(known: Known | None, held: list[Holding]) -> None:
    judged = {each.document: each.kind for each in judge(known, held)}
    for each in held:
        kind = judged[each.name]
        named = known is not None and known.document == each.name
        if named or each.in_flight or each.leaving or not each.ours:
            assert kind not in SURPLUS
        if known is None or not known.indexed or not named:
            assert kind not in DRIFT - SURPLUS


@given(st.one_of(st.none(), knowns), holdings)
def test_every_document_gets_one_word_and_a_ghost_is_never_there(
    known: Known | None, held: list[Holding]
) -> None:
    judged = judge(known, held)
    assert len({each.document for each in judged}) == len(judged)
    there = {each.name for each in held}
    assert {each.document for each in judged if each.kind is not DriftKind.GHOST} == there
    ghosts = {each.document for each in judged if each.kind is DriftKind.GHOST}
    assert not ghosts & there
    if known is not None and known.indexed and known.document not in {None, *there}:
        assert ghosts == {known.document}


@given(st.one_of(st.none(), knowns), holdings)
def test_repairing_comes_to_an_end(known: Known | None, held: list[Holding]) -> None:
    """After the surplus is deleted and the rest was sent again, there is nothing left to find fault with."""
    judged = {each.document: each.kind for each in judge(known, held)}
    left = [each for each in held if judged[each.name] not in SURPLUS]
    if known is not None and set(judged.values()) & (DRIFT - SURPLUS):
        fresh = replace(WELL, name="new", title=known.title, metadata=known.metadata)
        left = [each for each in left if each.name != known.document] + [fresh]
        known = replace(known, document="new", indexed_hash="h")
    assert not {each.kind for each in judge(known, left)} & DRIFT


@given(st.floats(width=32, allow_nan=False), st.text(max_size=5))
def test_a_digest_knows_numbers_as_the_service_keeps_them(number: float, text: str) -> None:
    marks = dict.fromkeys(RESERVED_KEYS, "x")
    assert digest({"n": number, "t": text}) == digest({"t": text, "n": number, **marks})
    assert digest({"n": 0.1}) == digest({"n": 0.10000000149011612})
    assert digest({"n": 1.0}) != digest({"n": "1.0"})
    assert digest({"n": 1e300}) == digest({"n": 1e300})


def test_the_name_of_a_temporary_file_is_not_compared() -> None:
    assert title("k3j2h1g4f5d6") is None
    assert title("Ethics/Mill.txt") == "Ethics/Mill.txt"
    assert title("README") == "README"
