"""Renames: a file is its row, and the row follows its content from path to path."""

import itertools

import pytest

from objlib.core.ids import FileId, content_hash
from objlib.core.lifecycle.table import State
from tests.support.scan import Desk


async def ids(desk: Desk) -> dict[str, FileId]:
    """The live rows' identities, by path."""
    return {path: row.file_id for path, row in (await desk.rows()).items()}


async def prepared(desk: Desk, *names: str) -> dict[str, FileId]:
    """Write, scan and index files whose content is their name."""
    for name in names:
        desk.write(name, f"content of {name}")
    await desk.scan()
    await desk.index_all()
    return await ids(desk)


def swap(desk: Desk, *names: str) -> None:
    """Move each file to the next name, and the last to the first."""
    aside = desk.root.parent / "aside"
    (desk.root / names[-1]).rename(aside)
    for source, target in reversed(list(itertools.pairwise(names))):
        (desk.root / source).rename(desk.root / target)
    aside.rename(desk.root / names[0])


async def test_a_renamed_file_keeps_its_row_and_its_document(desk: Desk) -> None:
    await prepared(desk, "a.txt", "b.txt")
    before = await desk.row("a.txt")
    (desk.root / "Year 2021").mkdir()
    (desk.root / "a.txt").rename(desk.root / "Year 2021/z.txt")
    report = await desk.scan(patterns=["Year {year}/{name}.txt"])
    after = await desk.row("Year 2021/z.txt")
    assert (report.renamed, report.new, report.missing, report.unchanged) == (1, 0, 0, 1)
    assert (after.file_id, after.state, after.version) == (before.file_id, State.INDEXED, before.version)
    assert after.document == before.document
    assert after.metadata == {"year": 2021, "name": "z"}
    assert (await desk.scan()).unchanged == 2


@pytest.mark.parametrize("state", list(State))
async def test_a_rename_changes_no_state(desk: Desk, state: State) -> None:
    desk.write("a.txt", "one")
    await desk.scan()
    before = await desk.bring("a.txt", state)
    (desk.root / "a.txt").rename(desk.root / "b.txt")
    assert (await desk.scan()).renamed == 1
    after = await desk.row("b.txt")
    assert (after.file_id, after.state, after.version) == (before.file_id, state, before.version)


async def test_a_renamed_folder_takes_all_its_files_along(desk: Desk) -> None:
    before = await prepared(desk, *(f"old/{number // 10}/{number}.txt" for number in range(50)))
    (desk.root / "old").rename(desk.root / "new")
    report = await desk.scan()
    assert (report.renamed, report.new, report.missing) == (50, 0, 0)
    assert await ids(desk) == {path.replace("old", "new"): file_id for path, file_id in before.items()}


@pytest.mark.parametrize("count", [2, 3, 7])
async def test_files_that_change_places_keep_their_rows(desk: Desk, count: int) -> None:
    names = [f"{number}.txt" for number in range(count)]
    before = await prepared(desk, *names)
    swap(desk, *names)
    report = await desk.scan()
    assert (report.renamed, report.changed, report.new, report.missing) == (count, 0, 0, 0)
    after = await ids(desk)
    assert [after[name] for name in names] == [before[name] for name in names[-1:] + names[:-1]]


async def test_files_that_change_places_have_stale_names_until_they_change_back(desk: Desk) -> None:
    await prepared(desk, "a.txt", "b.txt")
    stale = []
    for _ in range(2):
        swap(desk, "a.txt", "b.txt")
        await desk.scan()
        stale.append((await desk.ledger.files.counts(now=1.0)).stale_names)
    assert stale == [2, 0]


async def test_a_chain_of_renames_keeps_its_rows(desk: Desk) -> None:
    before = await prepared(desk, "a.txt", "b.txt", "c.txt")
    for source, target in (("c", "d"), ("b", "c"), ("a", "b")):
        (desk.root / f"{source}.txt").rename(desk.root / f"{target}.txt")
    report = await desk.scan()
    assert (report.renamed, report.new, report.missing, report.changed) == (3, 0, 0, 0)
    assert await ids(desk) == {
        "b.txt": before["a.txt"],
        "c.txt": before["b.txt"],
        "d.txt": before["c.txt"],
    }


async def test_chains_longer_than_a_page_keep_their_rows(desk: Desk) -> None:
    names = [f"{number:04}.txt" for number in range(522)]
    before = await prepared(desk, *names[:-1])
    for source, target in reversed(list(itertools.pairwise(names))):
        (desk.root / source).rename(desk.root / target)
    assert (await desk.scan()).renamed == 521
    after = await ids(desk)
    assert all(after[new] == before[old] for old, new in itertools.pairwise(names))


async def test_a_file_moved_over_another_changes_that_one(desk: Desk) -> None:
    before = await prepared(desk, "a.txt", "b.txt", "c.txt")
    (desk.root / "b.txt").rename(desk.root / "a.txt")
    (desk.root / "c.txt").rename(desk.root / "b.txt")
    report = await desk.scan()
    # a.txt needs its row, so b's stays, so c's stays: each holds what is on disk under its name.
    assert (report.renamed, report.changed, report.missing) == (0, 2, 1)
    assert await ids(desk) == {name: before[name] for name in ("a.txt", "b.txt")}
    assert (await desk.row("a.txt")).content_hash == content_hash(b"content of b.txt")
    assert (await desk.row("b.txt")).content_hash == content_hash(b"content of c.txt")
    assert (await desk.row("c.txt")).missing_since is not None
    assert (await desk.scan()).unchanged == 2


async def test_a_blocked_move_takes_a_free_place_with_the_same_content(desk: Desk) -> None:
    before = await prepared(desk, "a.txt", "b.txt")
    desk.write("z.txt", "content of b.txt")
    (desk.root / "b.txt").rename(desk.root / "a.txt")
    report = await desk.scan()
    assert (report.renamed, report.changed, report.missing, report.new) == (1, 1, 0, 0)
    assert await ids(desk) == {"a.txt": before["a.txt"], "z.txt": before["b.txt"]}


async def test_a_copy_is_a_new_file(desk: Desk) -> None:
    before = await prepared(desk, "a.txt")
    desk.write("b.txt", "content of a.txt")
    report = await desk.scan()
    assert (report.new, report.renamed, report.unchanged) == (1, 0, 1)
    assert (await ids(desk))["a.txt"] == before["a.txt"]


async def test_of_equal_files_the_one_with_the_same_inode_is_the_same_file(desk: Desk) -> None:
    for name in ("a.txt", "b.txt"):
        desk.write(name, "the same")
    await desk.scan()
    before = await ids(desk)
    (desk.root / "a.txt").rename(desk.root / "y.txt")
    (desk.root / "b.txt").rename(desk.root / "x.txt")
    assert (await desk.scan()).renamed == 2
    assert await ids(desk) == {"x.txt": before["b.txt"], "y.txt": before["a.txt"]}


async def test_of_equal_files_the_one_with_the_same_name_is_the_same_file(desk: Desk) -> None:
    for name in ("1/a.txt", "1/b.txt"):
        desk.write(name, "the same")
    await desk.scan()
    before = await ids(desk)
    # Written anew, so that the inodes are others; in an order that tells nothing.
    for name in ("2/b.txt", "2/a.txt", "0.txt"):
        desk.write(name, "the same")
    for name in ("1/a.txt", "1/b.txt"):
        (desk.root / name).unlink()
    report = await desk.scan()
    assert (report.renamed, report.new) == (2, 1)
    after = await ids(desk)
    assert (after["2/a.txt"], after["2/b.txt"]) == (before["1/a.txt"], before["1/b.txt"])


async def test_many_equal_files_are_paired_in_order(desk: Desk) -> None:
    for number in range(30):
        desk.write(f"old/{number:02}.txt", "the same")
    await desk.scan()
    before = await ids(desk)
    for number in range(30):
        desk.write(f"new/n{number:02}.txt", "the same")
        (desk.root / f"old/{number:02}.txt").unlink()
    report = await desk.scan()
    after = await ids(desk)
    assert (report.renamed, report.new, report.missing) == (30, 0, 0)
    reused = {(desk.root / path).stat().st_ino for path in after}
    assert len(reused) == 30
    assert sorted(after.values()) == sorted(before.values())


async def test_a_renamed_file_that_was_edited_too_is_another_file(desk: Desk) -> None:
    await prepared(desk, "a.txt", "keep.txt")
    (desk.root / "a.txt").rename(desk.root / "b.txt")
    desk.write("b.txt", "another content")
    report = await desk.scan()
    assert (report.renamed, report.new, report.missing) == (0, 1, 1)


async def test_a_missing_file_that_turns_up_elsewhere_is_a_rename(desk: Desk) -> None:
    before = await prepared(desk, "a.txt", "b.txt")
    kept = (desk.root / "a.txt").rename(desk.root.parent / "kept")
    await desk.scan()
    kept.rename(desk.root / "c.txt")
    report = await desk.scan()
    assert (report.renamed, report.returned, report.new) == (1, 0, 0)
    assert await ids(desk) == {"b.txt": before["b.txt"], "c.txt": before["a.txt"]}
    assert (await desk.row("c.txt")).missing_since is None


async def test_a_file_may_move_to_where_another_went_missing(desk: Desk) -> None:
    before = await prepared(desk, "a.txt", "b.txt")
    (desk.root / "a.txt").unlink()
    await desk.scan()
    (desk.root / "b.txt").rename(desk.root / "a.txt")
    report = await desk.scan()
    assert (report.renamed, report.changed, report.returned, report.missing) == (1, 0, 0, 0)
    assert await ids(desk) == {"a.txt": before["b.txt"]}
    rows = {row.file_id: row for row in await desk.ledger.files.page()}
    assert rows[before["a.txt"]].missing_since is not None
    # The content of the first comes back where the second is now: it takes its old row, elsewhere.
    desk.write("c.txt", "content of a.txt")
    assert (await desk.scan()).renamed == 1
    assert await ids(desk) == {"a.txt": before["b.txt"], "c.txt": before["a.txt"]}


async def test_two_that_went_missing_under_one_name_come_back_as_themselves(desk: Desk) -> None:
    before = await prepared(desk, "a.txt", "b.txt", "keep.txt")
    (desk.root / "a.txt").unlink()
    await desk.scan()
    (desk.root / "b.txt").rename(desk.root / "a.txt")
    await desk.scan()
    (desk.root / "a.txt").unlink()
    await desk.scan()
    desk.write("a.txt", "content of a.txt")
    report = await desk.scan()
    assert (report.new, report.missing) == (0, 0)
    assert (await ids(desk))["a.txt"] == before["a.txt"]


async def test_an_edit_in_place_of_two_files_into_each_other_is_a_swap(desk: Desk) -> None:
    before = await prepared(desk, "a.txt", "b.txt")
    desk.write("a.txt", "content of b.txt")
    desk.write("b.txt", "content of a.txt")
    assert (await desk.scan()).renamed == 2
    assert await ids(desk) == {"a.txt": before["b.txt"], "b.txt": before["a.txt"]}


async def test_a_new_name_can_make_a_refused_file_fit(desk: Desk) -> None:
    desk.write("paper.bin", b"%PDF-1.7\0\0")
    desk.write("notes.dat", b"\0\1\2")
    await desk.scan()
    assert (await desk.row("paper.bin")).mime_type == "application/pdf"
    assert (await desk.row("notes.dat")).state is State.FAILED
    (desk.root / "notes.dat").rename(desk.root / "notes.pdf")
    assert (await desk.scan()).renamed == 1
    row = await desk.row("notes.pdf")
    assert (row.state, row.mime_type) == (State.UNTRACKED, "application/pdf")


async def test_a_new_name_can_make_a_queued_file_unfit(desk: Desk) -> None:
    desk.write("notes.pdf", b"\0\1\2")
    await desk.scan()
    (desk.root / "notes.pdf").rename(desk.root / "notes.dat")
    assert (await desk.scan()).renamed == 1
    row = await desk.row("notes.dat")
    assert row.state is State.FAILED
    assert row.failure is not None
    assert row.failure.kind == "unsupported"
