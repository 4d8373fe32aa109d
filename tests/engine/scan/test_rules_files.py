"""Rules files that are gone: only where the folder that held them is still there."""

from pathlib import Path

import pytest

from objlib.engine.scan import rules_files


def gone(root: Path, *paths: str | Path) -> list[str]:
    return rules_files._missing(root, [str(path) for path in paths])


def test_a_rules_file_is_missing_only_where_its_folder_is_there(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / ".objlibignore").touch()
    (tmp_path / "emptied").mkdir()
    paths = ["kept/.objlibignore", "emptied/.objlibignore", "removed/.objlibignore"]
    assert gone(tmp_path, *paths) == ["emptied/.objlibignore"]


def test_a_link_that_leads_nowhere_is_a_rules_file_that_is_there(tmp_path: Path) -> None:
    (tmp_path / ".objlibignore").symlink_to(tmp_path / "nowhere")
    assert gone(tmp_path, ".objlibignore") == []


@pytest.mark.parametrize("name", [".gitignore", ".git/info/exclude"])
def test_a_rules_file_above_the_library_counts_only_while_the_library_is_below_it(
    tmp_path: Path, name: str
) -> None:
    file = tmp_path / "repository" / name
    file.parent.mkdir(parents=True)
    assert gone(tmp_path / "repository" / "notes", file) == [str(file)]
    assert gone(tmp_path / "moved" / "notes", file) == []
