"""The kind of every document: each case, and what no document may be called."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objlib.core.ids import RESERVED_KEYS
from objlib.core.lifecycle.drift import (
    REPAIRABLE,
    SURPLUS,
    Actual,
    DriftKind,
    Expected,
    classify,
    digest,
    title,
)
from objlib.core.remote import DocumentState

EXPECTED = Expected(indexed=True, document="d1", indexed_hash="h", title="a/b.txt", metadata="m")
OK_DOCUMENT = Actual(name="d1", state=DocumentState.ACTIVE, content_hash="h", title="a/b.txt", metadata="m")
OTHER = replace(OK_DOCUMENT, name="d2")

names = st.sampled_from(["d1", "d2", "d3"])
hashes = st.sampled_from(["h", "g", None])
expectations = st.builds(
    Expected,
    indexed=st.booleans(),
    document=st.one_of(st.none(), names),
    indexed_hash=st.sampled_from(["h", "g"]),
    title=st.sampled_from(["a/b.txt", "c.txt"]),
    metadata=st.sampled_from(["m", "n"]),
    missing=st.booleans(),
)
documents = st.lists(
    st.builds(
        Actual,
        name=names,
        state=st.sampled_from(DocumentState),
        content_hash=hashes,
        title=st.sampled_from(["a/b.txt", "c.txt", None]),
        metadata=st.sampled_from(["m", "n"]),
        ours=st.booleans(),
        in_flight=st.booleans(),
        deleting=st.booleans(),
    ),
    max_size=3,
    unique_by=lambda each: each.name,
)


@pytest.mark.parametrize(
    ("actual", "kind"),
    [
        (OK_DOCUMENT, DriftKind.OK),
        (replace(OK_DOCUMENT, title=None), DriftKind.OK),
        (replace(OK_DOCUMENT, state=DocumentState.PENDING), DriftKind.OK),
        (replace(OK_DOCUMENT, state=DocumentState.FAILED), DriftKind.BROKEN),
        (replace(OK_DOCUMENT, content_hash="g"), DriftKind.STALE_CONTENT),
        (replace(OK_DOCUMENT, content_hash=None), DriftKind.METADATA_MISMATCH),
        (replace(OK_DOCUMENT, title="c.txt"), DriftKind.METADATA_MISMATCH),
        (replace(OK_DOCUMENT, metadata="n"), DriftKind.METADATA_MISMATCH),
        (replace(OK_DOCUMENT, ours=False), DriftKind.METADATA_MISMATCH),
        (replace(OK_DOCUMENT, deleting=True), DriftKind.DELETING),
        (OTHER, DriftKind.DUPLICATE),
        (replace(OTHER, in_flight=True), DriftKind.IN_FLIGHT),
        (replace(OTHER, deleting=True), DriftKind.DELETING),
        (replace(OTHER, ours=False), DriftKind.FOREIGN),
    ],
)
def test_a_document_of_a_known_file(actual: Actual, kind: DriftKind) -> None:
    assert classify(EXPECTED, [actual])[actual.name] is kind


def test_a_document_of_no_known_file_is_an_orphan_unless_it_is_foreign() -> None:
    assert classify(None, [OK_DOCUMENT, replace(OTHER, ours=False)]) == {
        "d1": DriftKind.ORPHAN,
        "d2": DriftKind.FOREIGN,
    }


def test_a_document_that_is_named_and_not_there_is_a_ghost() -> None:
    assert classify(EXPECTED, [OTHER]) == {"d2": DriftKind.DUPLICATE, "d1": DriftKind.GHOST}
    assert classify(replace(EXPECTED, missing=True), []) == {"d1": DriftKind.GHOST}


def test_a_file_that_cannot_be_sent_again_has_no_drift() -> None:
    bad = replace(OK_DOCUMENT, state=DocumentState.FAILED, content_hash="g", metadata="n")
    assert classify(replace(EXPECTED, missing=True), [bad]) == {"d1": DriftKind.OK}
    assert classify(replace(EXPECTED, indexed=False), [bad]) == {"d1": DriftKind.OK}
    assert classify(replace(EXPECTED, indexed=False), []) == {}


@given(st.one_of(st.none(), expectations), documents)
def test_no_document_is_surplus_that_may_be_needed(
    expected: Expected | None, documents: list[Actual]
) -> None:
    kinds = classify(expected, documents)
    for each in documents:
        kind = kinds[each.name]
        named = expected is not None and expected.document == each.name
        if named or each.in_flight or each.deleting or not each.ours:
            assert kind not in SURPLUS
        if expected is None or not expected.indexed or not named:
            assert kind not in REPAIRABLE - SURPLUS


@given(st.one_of(st.none(), expectations), documents)
def test_each_document_gets_one_kind_and_a_ghost_is_not_in_the_store(
    expected: Expected | None, documents: list[Actual]
) -> None:
    kinds = classify(expected, documents)
    there = {each.name for each in documents}
    assert {name for name, kind in kinds.items() if kind is not DriftKind.GHOST} == there
    ghosts = {name for name, kind in kinds.items() if kind is DriftKind.GHOST}
    assert not ghosts & there
    if expected is not None and expected.indexed and expected.document not in {None, *there}:
        assert ghosts == {expected.document}


@given(st.one_of(st.none(), expectations), documents)
def test_a_second_comparison_after_a_repair_finds_nothing(
    expected: Expected | None, documents: list[Actual]
) -> None:
    """Even after the surplus was deleted and the rest sent again: a repair comes to an end."""
    kinds = classify(expected, documents)
    remaining = [each for each in documents if kinds[each.name] not in SURPLUS]
    if expected is not None and set(kinds.values()) & (REPAIRABLE - SURPLUS):
        fresh = replace(OK_DOCUMENT, name="new", title=expected.title, metadata=expected.metadata)
        remaining = [each for each in remaining if each.name != expected.document] + [fresh]
        expected = replace(expected, document="new", indexed_hash="h")
    assert not set(classify(expected, remaining).values()) & REPAIRABLE


@given(st.floats(width=32, allow_nan=False), st.text(max_size=5))
def test_a_digest_has_numbers_in_32_bits_as_the_service_keeps_them(number: float, text: str) -> None:
    tags = dict.fromkeys(RESERVED_KEYS, "x")
    assert digest({"n": number, "t": text}) == digest({"t": text, "n": number, **tags})
    assert digest({"n": 0.1}) == digest({"n": 0.10000000149011612})
    assert digest({"n": 1.0}) != digest({"n": "1.0"})
    assert digest({"n": 1e300}) == digest({"n": 1e300})


def test_the_name_of_a_temporary_file_is_not_compared() -> None:
    assert title("k3j2h1g4f5d6") is None
    assert title("Ethics/Mill.txt") == "Ethics/Mill.txt"
    assert title("README") == "README"
