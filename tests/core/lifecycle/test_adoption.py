"""Pairs of documents that another tool uploaded and files on disk."""

import base64
import hashlib

from hypothesis import given
from hypothesis import strategies as st

from objlib.core.lifecycle.adoption import (
    Adoption,
    LooseDocument,
    LooseFile,
    Matches,
    digests,
    match_documents,
)


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def file(path: str, text: str = "text") -> LooseFile:
    return LooseFile(path, path, len(text), sha(text))


def document(name: str, text: str = "text", *, known: bool = False, original: str = "") -> LooseDocument:
    """A document of that name with the size of ``text``, and with its digest if that is known."""
    hashes = frozenset({sha(text)} if known else ())
    return LooseDocument(f"documents/{name}-{sha(text)[:4]}", name, len(text), hashes, original)


def pairs(matches: Matches) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    def short(side: tuple[Adoption, ...]) -> list[tuple[str, str]]:
        return [(each.path, each.display_name) for each in side]

    return short(matches.by_content), short(matches.by_name)


def test_a_digest_finds_the_file_whatever_the_name() -> None:
    found = match_documents([document("x1", "moon", known=True)], [file("a/moon.md", "moon"), file("b.md")])
    assert pairs(found) == ([("a/moon.md", "x1")], [])


def test_name_and_size_are_only_a_proposal() -> None:
    files = [file("a/moon.md"), file("b/sun.md")]
    found = match_documents([document("moon.md"), document("b/sun.md"), document("sea.md")], files)
    assert pairs(found) == ([], [("a/moon.md", "moon.md"), ("b/sun.md", "b/sun.md")])
    assert [each.display_name for each in found.unmatched] == ["sea.md"]


def test_another_size_is_another_file() -> None:
    assert pairs(match_documents([document("moon.md", "longer text")], [file("moon.md")])) == ([], [])


def test_a_document_whose_bytes_are_known_is_never_taken_by_its_name() -> None:
    found = match_documents([document("moon.md", "next", known=True)], [file("moon.md", "text")])
    assert pairs(found) == ([], [])
    assert len(found.unmatched) == 1


def test_nothing_decides_between_two() -> None:
    files = [file("a/notes.md"), file("b/notes.md")]
    found = match_documents([document("notes.md")], files)
    assert pairs(found) == ([], [])
    assert found.ambiguous == ("notes.md",)
    twice = match_documents([document("notes.md"), document("./notes.md")], [file("a/notes.md")])
    assert pairs(twice) == ([], [])


def test_a_whole_path_decides_before_a_name_alone() -> None:
    files = [file("notes.md"), file("b/notes.md")]
    found = match_documents([document("notes.md"), document("b\\notes.md")], files)
    assert pairs(found)[1] == [("b/notes.md", "b\\notes.md"), ("notes.md", "notes.md")]


def test_the_same_bytes_twice_are_paired_by_path() -> None:
    files = [file("a.md", "same"), file("b.md", "same")]
    found = match_documents([document("b.md", "same", known=True)], files)
    assert pairs(found)[0] == [("b.md", "b.md")]
    assert match_documents([document("c.md", "same", known=True)], files).ambiguous == ("c.md",)


def test_an_imported_document_has_the_name_of_its_temporary_file() -> None:
    found = match_documents([document("abc-123", original="moon.md")], [file("moon.md")])
    assert pairs(found)[1] == [("moon.md", "abc-123")]


def test_digests_are_read_in_the_ways_that_tools_write_them() -> None:
    digest = sha("text")
    raw = bytes.fromhex(digest)
    for text in (digest, digest.upper(), f"sha256:{digest}", base64.b64encode(raw).decode()):
        assert digests([text]) == {digest}, text
    assert digests([base64.b64encode(digest.encode()).decode()]) == {digest}
    assert digests([["x", digest], 7, None, "Mill", "ab" * 16]) == {digest}


names = st.sampled_from(["a.md", "b.md", "x/a.md", "x/b.md", "y/x/a.md"])
texts = st.sampled_from(["one", "two", "three"])


@given(
    st.lists(st.builds(document, names, texts, known=st.booleans()), unique_by=lambda d: d.document),
    st.lists(st.builds(file, names, texts), unique_by=lambda f: f.path),
)
def test_no_document_and_no_file_is_paired_twice(
    documents: list[LooseDocument], files: list[LooseFile]
) -> None:
    found = match_documents(documents, files)
    chosen = [*found.by_content, *found.by_name]
    assert len({pair.document for pair in chosen}) == len({pair.path for pair in chosen}) == len(chosen)
    by_path = {each.path: each for each in files}
    by_name = {each.document: each for each in documents}
    for pair in found.by_content:
        assert by_path[pair.path].content_hash in by_name[pair.document].digests
    for pair in found.by_name:
        assert by_path[pair.path].size == by_name[pair.document].size
    assert len(chosen) + len(found.ambiguous) + len(found.unmatched) == len(documents)
