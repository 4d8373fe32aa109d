"""Situations that several folders make, and libraries that move."""

import shutil

from objlib.core.errors import Exit
from tests.cli.advice.kit import World, situation


@situation("engine/scan/moved.py refuse_moved: move")
def a_folder_that_moved(world: World) -> None:
    world.upload()
    old = world.library.rename(world.root / "moved")
    refused = world("upload", old)
    assert refused.code == Exit.REFUSED
    assert world.follow(refused, "engine/scan/moved.py refuse_moved: move").code == Exit.OK
    assert "Nothing to send" in world("upload", old).text


@situation("engine/scan/moved.py refuse_moved: upload --new")
def the_same_files_as_a_new_library(world: World) -> None:
    world.upload()
    moved = world.library.rename(world.root / "moved")
    done = world.follow(world("upload", moved), "engine/scan/moved.py refuse_moved: upload --new")
    assert "3 of 3 files indexed" in done.text


@situation("sources.py require_folder: move")
def a_library_that_is_gone(world: World) -> None:
    world.upload()
    world.library.rename(world.root / "work" / "NEW_FOLDER")
    done = world.follow(world.upload(), "sources.py require_folder: move")
    assert done.code == Exit.OK, done.text
    assert "Nothing to send" in world("upload", "NEW_FOLDER").text


@situation("engine/libraries.py _find: libraries", "engine/libraries.py move_library: libraries")
def moves_that_cannot_be(world: World) -> None:
    world.upload()
    other = shutil.copytree(world.library, world.root / "other")
    (other / "walden.txt").write_text("Other words.\n", encoding="utf-8")
    assert world("upload", other).code == Exit.OK
    unknown = world("move", world.root / "nowhere", other)
    assert unknown.code == Exit.USAGE
    assert str(other) in world.follow(unknown, "engine/libraries.py _find: libraries").text
    refused = world("move", world.library, other)
    forgotten = world.follow(refused, "engine/libraries.py move_library: libraries")
    assert "is no longer in the list" in forgotten.text
    assert world("move", world.library, other).code == Exit.REFUSED, "the folder is still where it was"


@situation("core/config/libraries.py select_library: libraries")
def a_working_folder_outside_of_two_libraries(world: World) -> None:
    world.upload()
    other = shutil.copytree(world.library, world.root / "other")
    assert world("upload", other).code == Exit.OK
    lost = world("status")
    assert lost.code == Exit.USAGE
    listed = world.follow(lost, "core/config/libraries.py select_library: libraries")
    assert str(other) in listed.text
