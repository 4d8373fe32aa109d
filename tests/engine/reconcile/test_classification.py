"""The kind of every document: each case, and what no document may be called."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objlib.core.ids import RESERVED_KEYS, FileId
from objlib.core.lifecycle.drift import REPAIRABLE, SURPLUS, DriftKind
from objlib.core.lifecycle.table import State
from objlib.core.remote import DocumentState
from objlib.engine.reconcile.classification import as_kept, classify
from objlib.ledger import FileRow, Listed, Standing

OURS = "ledger"
ROW = FileRow(
    file_id=FileId("f"),
    file_path="a/b.txt",
    path_bytes=None,
    content_hash="h",
    size=1,
    mtime_ns=0,
    inode=0,
    mime_type="text/plain",
    metadata={"m": 1.0},
    state=State.INDEXED,
    state_updated_at=0.0,
    version=3,
    attempts=0,
    retry_at=None,
    last_error=None,
    failure=None,
    document="d1",
    indexed_hash="h",
    superseded=None,
    missing_since=None,
)
OK_DOCUMENT = Listed(
    document="d1",
    file_id="f",
    attempt_id="a",
    ledger_id=OURS,
    content_hash="h",
    state=DocumentState.ACTIVE,
    created=0.0,
    display_name="a/b.txt",
    size=1,
    mime_type="text/plain",
    metadata={"m": 1.0},
)
OTHER = replace(OK_DOCUMENT, document="d2")
FOREIGN = replace(OTHER, ledger_id="another")
RENAMED = Standing(in_flight=False, leaving=False, renamed=True)
SETTLED, IN_FLIGHT, LEAVING = Standing(False, False), Standing(True, False), Standing(False, True)

names = st.sampled_from(["d1", "d2", "d3"])
metadata = st.sampled_from([{"m": 1.0}, {"m": 2.0}])
rows = st.builds(
    replace,
    st.just(ROW),
    state=st.sampled_from([State.INDEXED, State.UNTRACKED]),
    document=st.one_of(st.none(), names),
    indexed_hash=st.sampled_from(["h", "g"]),
    file_path=st.sampled_from(["a/b.txt", "c.txt"]),
    metadata=metadata,
    missing_since=st.sampled_from([None, 1.0]),
)
documents = st.lists(
    st.tuples(
        st.builds(
            replace,
            st.just(OK_DOCUMENT),
            document=names,
            state=st.sampled_from(DocumentState),
            content_hash=st.sampled_from(["h", "g", None]),
            display_name=st.sampled_from(["a/b.txt", "c.txt", "k3j2h1g4f5d6"]),
            metadata=metadata,
            file_id=st.sampled_from(["f", None]),
            ledger_id=st.sampled_from([OURS, "another", None]),
        ),
        st.builds(Standing, st.booleans(), st.booleans(), st.booleans()),
    ),
    max_size=3,
    unique_by=lambda pair: pair[0].document,
)
Documents = list[tuple[Listed, Standing]]


def is_ours(listed: Listed, row: FileRow | None) -> bool:
    by_tag = listed.ledger_id == OURS or (listed.ledger_id is None and row is not None)
    return listed.file_id is not None and by_tag


@pytest.mark.parametrize(
    ("listed", "standing", "kind"),
    [
        (OK_DOCUMENT, SETTLED, DriftKind.OK),
        (replace(OK_DOCUMENT, display_name="k3j2h1g4f5d6"), SETTLED, DriftKind.OK),
        (replace(OK_DOCUMENT, state=DocumentState.PENDING), SETTLED, DriftKind.OK),
        (replace(OK_DOCUMENT, ledger_id=None), SETTLED, DriftKind.OK),
        (replace(OK_DOCUMENT, state=DocumentState.FAILED), SETTLED, DriftKind.BROKEN),
        (replace(OK_DOCUMENT, content_hash="g"), SETTLED, DriftKind.STALE_CONTENT),
        (replace(OK_DOCUMENT, content_hash=None), SETTLED, DriftKind.METADATA_MISMATCH),
        (replace(OK_DOCUMENT, display_name="c.txt"), SETTLED, DriftKind.STALE_NAME),
        (replace(OK_DOCUMENT, display_name="README"), SETTLED, DriftKind.STALE_NAME),
        (replace(OK_DOCUMENT, display_name="c.txt", metadata={}), SETTLED, DriftKind.STALE_NAME),
        (replace(OK_DOCUMENT, display_name="c.txt", content_hash="g"), SETTLED, DriftKind.STALE_CONTENT),
        (replace(OK_DOCUMENT, metadata={}), SETTLED, DriftKind.METADATA_MISMATCH),
        (replace(OK_DOCUMENT, metadata={}), RENAMED, DriftKind.STALE_NAME),
        (replace(OK_DOCUMENT, display_name="k3j2h1g4f5d6"), RENAMED, DriftKind.STALE_NAME),
        (replace(OK_DOCUMENT, content_hash="g"), RENAMED, DriftKind.STALE_CONTENT),
        (replace(OK_DOCUMENT, ledger_id="another"), SETTLED, DriftKind.METADATA_MISMATCH),
        (replace(OK_DOCUMENT, file_id=None), SETTLED, DriftKind.METADATA_MISMATCH),
        (OK_DOCUMENT, LEAVING, DriftKind.DELETING),
        (OTHER, SETTLED, DriftKind.DUPLICATE),
        (OTHER, IN_FLIGHT, DriftKind.IN_FLIGHT),
        (OTHER, LEAVING, DriftKind.DELETING),
        (FOREIGN, SETTLED, DriftKind.FOREIGN),
    ],
)
def test_a_document_of_a_known_file(listed: Listed, standing: Standing, kind: DriftKind) -> None:
    assert classify(ROW, [(listed, standing)], frozenset({OURS}))[listed.document] is kind


def test_a_document_of_no_known_file_is_an_orphan_unless_it_is_foreign() -> None:
    untagged = replace(OTHER, document="d3", ledger_id=None)
    documents = [(each, SETTLED) for each in (OK_DOCUMENT, FOREIGN, untagged)]
    assert classify(None, documents, frozenset({OURS})) == {
        "d1": DriftKind.ORPHAN,
        "d2": DriftKind.FOREIGN,
        "d3": DriftKind.FOREIGN,
    }


def test_a_document_that_is_named_and_not_there_is_a_ghost() -> None:
    kinds = classify(ROW, [(OTHER, SETTLED)], frozenset({OURS}))
    assert kinds == {"d2": DriftKind.DUPLICATE, "d1": DriftKind.GHOST}
    assert classify(replace(ROW, missing_since=1.0), [], frozenset({OURS})) == {"d1": DriftKind.GHOST}


def test_a_file_that_cannot_be_sent_again_has_no_drift() -> None:
    bad = replace(OK_DOCUMENT, state=DocumentState.FAILED, content_hash="g", metadata={})
    for row in (replace(ROW, missing_since=1.0), replace(ROW, state=State.FAILED)):
        assert classify(row, [(bad, SETTLED)], frozenset({OURS})) == {"d1": DriftKind.OK}
    assert classify(replace(ROW, state=State.FAILED), [], frozenset({OURS})) == {}


@given(st.one_of(st.none(), rows), documents)
def test_no_document_is_surplus_that_may_be_needed(row: FileRow | None, documents: Documents) -> None:
    kinds = classify(row, documents, frozenset({OURS}))
    for listed, standing in documents:
        kind = kinds[listed.document]
        named = row is not None and row.document == listed.document
        if named or standing.in_flight or standing.leaving or not is_ours(listed, row):
            assert kind not in SURPLUS
        if row is None or row.state is not State.INDEXED or not named:
            assert kind not in REPAIRABLE - SURPLUS


@given(st.one_of(st.none(), rows), documents)
def test_each_document_gets_one_kind_and_a_ghost_is_not_in_the_store(
    row: FileRow | None, documents: Documents
) -> None:
    kinds = classify(row, documents, frozenset({OURS}))
    there = {listed.document for listed, _ in documents}
    assert {name for name, kind in kinds.items() if kind is not DriftKind.GHOST} == there
    ghosts = {name for name, kind in kinds.items() if kind is DriftKind.GHOST}
    assert not ghosts & there
    if row is not None and row.state is State.INDEXED and row.document not in {None, *there}:
        assert ghosts == {row.document}


@given(st.one_of(st.none(), rows), documents)
def test_a_second_comparison_after_a_repair_finds_nothing(row: FileRow | None, documents: Documents) -> None:
    """Even after the surplus was deleted and the rest sent again: a repair comes to an end."""
    kinds = classify(row, documents, frozenset({OURS}))
    remaining = [pair for pair in documents if kinds[pair[0].document] not in SURPLUS]
    if row is not None and set(kinds.values()) & (REPAIRABLE - SURPLUS):
        sent = replace(OK_DOCUMENT, document="new", display_name=row.file_path, metadata=row.metadata)
        remaining = [pair for pair in remaining if pair[0].document != row.document] + [(sent, SETTLED)]
        row = replace(row, document="new", indexed_hash="h")
    assert not set(classify(row, remaining, frozenset({OURS})).values()) & REPAIRABLE


@given(st.floats(width=32, allow_nan=False), st.text(max_size=5))
def test_metadata_is_compared_with_numbers_in_32_bits_as_the_service_keeps_them(
    number: float, text: str
) -> None:
    tags = dict.fromkeys(RESERVED_KEYS, "x")
    assert as_kept({"n": number, "t": text}) == as_kept({"t": text, "n": number, **tags})
    assert as_kept({"n": 0.1}) == as_kept({"n": 0.10000000149011612})
    assert as_kept({"n": 1.0}) != as_kept({"n": "1.0"})
    assert as_kept({"n": 1e300}) == as_kept({"n": 1e300})
