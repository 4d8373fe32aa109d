"""Resource names: what may go into a path, and how bare ids become whole."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objlib.core.errors import UsageError
from objlib.gemini import names
from tests.support.gemini import STORE

ids = st.from_regex(r"[a-z0-9][a-z0-9-]{0,39}", fullmatch=True)


@given(store=ids, doc=ids)
def test_a_bare_and_a_full_name_become_the_same(store: str, doc: str) -> None:
    full_store = names.full_store(store)
    assert full_store == names.full_store(f"fileSearchStores/{store}") == f"fileSearchStores/{store}"
    whole = names.full_document(doc, full_store)
    assert whole == f"{full_store}/documents/{doc}"
    assert names.full_document(whole, full_store) == whole
    assert names.store_of(whole) == full_store


@given(store=ids, doc=ids, upload=st.booleans())
def test_the_document_of_an_operation_has_the_operations_id(store: str, doc: str, upload: bool) -> None:
    operation = names.full_operation(doc, f"fileSearchStores/{store}", upload=upload)
    assert operation is not None
    assert ("/upload/" in operation) is upload
    assert names.operation_name(operation) == operation
    assert names.document_hint(operation) == f"fileSearchStores/{store}/documents/{doc}"
    assert names.full_operation(operation, None, upload=not upload) == operation


@pytest.mark.parametrize(
    "name",
    [
        "",
        "My Library",
        "fileSearchStores/",
        "fileSearchStores/..",
        "fileSearchStores/a/b",
        "fileSearchStores/a?b=c",
        "fileSearchStores/a\n",
        "fileSearchStores/ä",
        "/fileSearchStores/a",
        "fileSearchStores/a%2f",
    ],
)
def test_a_name_that_is_no_stores_name_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="store's resource name"):
        names.store_name(name)


@given(st.text(max_size=40))
def test_nothing_but_a_name_gets_into_a_path(text: str) -> None:
    for check in (
        names.store_name,
        names.document_name,
        names.operation_name,
        names.file_name,
        names.model_name,
    ):
        try:
            path = check(text)
        except UsageError:
            continue
        assert path.isascii()
        assert not set(path) & set(" ?#%\\:@")
        assert all(part.strip(".") for part in path.split("/"))


def test_a_name_that_cannot_be_completed_gives_none() -> None:
    assert names.full_document("../x", STORE) is None
    assert names.full_document("doc", None) is None
    assert names.full_operation("op", None, upload=True) is None
    assert names.full_store("") is None
    assert names.full_file("f i") is None
    assert names.store_of("doc") is None
    assert names.document_hint("operations/x") is None


def test_the_store_of_a_session_is_in_its_path() -> None:
    assert names.store_of_session(f"/gem/upload/v1/{STORE}:uploadToFileSearchStore") == STORE
    assert names.store_of_session("/upload/v1/files") is None


def test_a_model_may_come_with_or_without_its_prefix() -> None:
    assert names.model_name("gemini-3.5-flash") == names.model_name("models/gemini-3.5-flash")
    with pytest.raises(UsageError):
        names.model_name("models/a/b")
