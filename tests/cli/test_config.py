"""Finding the configuration file, the library and what contradicts itself."""

import os
from pathlib import Path

import pytest

from objlib.cli.commands.status import path_in_library
from objlib.cli.config import load_settings
from objlib.cli.console.suggest import suggestion
from objlib.cli.options import CommonOptions
from objlib.core.config.default_paths import Folders
from objlib.core.config.registry import SETTINGS
from objlib.core.errors import RefusedError, UsageError
from objlib.core.reports.failed_files import FailedFile
from objlib.sources import LibraryNeed, find_config, require_folder


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder with a working folder two levels below, and an environment of its own."""
    for setting in SETTINGS:
        monkeypatch.delenv(setting.variable, raising=False)
    for variable in ("GEMINI_API_KEY", "GOOGLE_API_KEY"):
        monkeypatch.delenv(variable, raising=False)
    home = tmp_path / "home"
    (home / "docs" / "sub").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_DATA_HOME", str(home / "data"))
    monkeypatch.chdir(home / "docs" / "sub")
    return home


def folders(home: Path) -> Folders:
    return Folders(cwd=Path.cwd(), home=home, data=home / "data" / "objlib")


def test_the_nearest_file_upward_wins(home: Path) -> None:
    (home / "objlib.toml").write_text("store = 'far'")
    assert load_settings(None).store == "far"
    (home / "docs" / "objlib.toml").write_text("store = 'near'\nlibrary = 'sub'")
    settings = load_settings(None)
    assert settings.store == "near"
    assert settings.library == home / "docs" / "sub"


def test_nothing_above_the_home_folder_is_read(home: Path) -> None:
    (home.parent / "objlib.toml").write_text("store = 'above'")
    assert find_config(None, folders(home), {}) is None


def test_above_other_folders_the_search_goes_to_the_root(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home.parent / "elsewhere").mkdir()
    monkeypatch.chdir(home.parent / "elsewhere")
    (home.parent / "objlib.toml").write_text("store = 'above'")
    assert load_settings(None).store == "above"


def test_a_named_file_is_read_instead(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "objlib.toml").write_text("store = 'found'")
    (home / "mine.toml").write_text("store = 'mine'")
    assert load_settings(CommonOptions(config=Path("../../mine.toml"))).store == "mine"
    monkeypatch.setenv("OBJLIB_CONFIG", "~/mine.toml")
    assert load_settings(None).store == "mine"
    assert load_settings(CommonOptions(config=home / "objlib.toml")).store == "found"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"store = ", "is not valid TOML"),
        (b"store = '\xff'", "not text in UTF-8"),
        (b"\xff\xfestore = 'x'", "not text in UTF-16"),
        ("store = 'x'".encode("utf-16-le"), "zero bytes"),
        ("store = 'x'\n".encode("utf-16") + b"ledger = 'yy'\n", "two encodings"),
        (b"a = " + b"9" * 5000, "is not valid TOML"),
        (b"a = " + b"[" * 5000, "is not valid TOML"),
        (None, "cannot read"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_by_name(
    home: Path, content: bytes | None, message: str
) -> None:
    file = home / "x.toml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(UsageError, match=message) as caught:
        load_settings(CommonOptions(config=file))
    assert str(file) in str(caught.value)
    assert str(caught.value).startswith("--config: ")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_a_configuration_file_is_read_by_its_byte_order_mark(home: Path, encoding: str) -> None:
    (home / "objlib.toml").write_text("store = 'Bücher'\n", encoding=encoding)
    assert load_settings(None).store == "Bücher"


@pytest.mark.parametrize("kind", ["dangling link", "folder", "pipe"])
def test_a_configuration_that_is_there_and_no_file_is_refused(home: Path, kind: str) -> None:
    """Settings that are not read may hold the rules that keep files private."""
    file = home / "objlib.toml"
    file.unlink(missing_ok=True)
    match kind:
        case "dangling link":
            file.symlink_to("on-a-disk-that-is-not-mounted")
        case "folder":
            file.mkdir()
        case _:
            os.mkfifo(file)
    with pytest.raises(UsageError, match=r"objlib\.toml"):
        load_settings(None)


@pytest.mark.usefixtures("home")
def test_a_command_that_needs_a_library_and_finds_none_says_how_to_name_one() -> None:
    with pytest.raises(UsageError, match="no library is set"):
        load_settings(None, place=LibraryNeed.NEW)
    assert load_settings(None).library == Path.cwd()


def test_path_and_library_are_the_same_setting(home: Path) -> None:
    assert load_settings(None, path=Path("x")).library == Path.cwd() / "x"
    assert load_settings(CommonOptions(library=(Path("x"),)), path=Path("x")).library == Path.cwd() / "x"
    with pytest.raises(UsageError, match="two libraries"):
        load_settings(CommonOptions(library=(Path("x"),)), path=Path("y"))


@pytest.mark.usefixtures("home")
def test_quiet_and_verbose_contradict_each_other() -> None:
    with pytest.raises(UsageError, match="contradict"):
        load_settings(CommonOptions(quiet=True, verbose=1))
    assert load_settings(CommonOptions(verbose=0)).verbose == 0
    assert load_settings(CommonOptions(verbose=2)).verbose == 2


def test_a_working_folder_that_is_gone(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = home / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(UsageError, match="no longer exists"):
        load_settings(None)
    monkeypatch.chdir(home)


def test_a_library_has_to_be_a_folder(home: Path) -> None:
    (home / "file").touch()
    with pytest.raises(UsageError, match="is a file"):
        require_folder(load_settings(None, path=home / "file"))
    with pytest.raises(UsageError, match="there is no folder"):
        require_folder(load_settings(None, path=home / "nowhere"))
    require_folder(load_settings(None, path=home / "docs"))
    (home / "led.db").touch()
    with pytest.raises(RefusedError, match="is gone, and nothing was changed"):
        require_folder(load_settings(CommonOptions(ledger=home / "led.db"), path=home / "nowhere"))


def test_a_file_is_found_by_each_path_that_names_it(home: Path) -> None:
    library = home / "docs"
    (library / "sub" / "a.txt").touch()
    (library / "sub" / "link.txt").symlink_to(library / "sub" / "a.txt")
    (home / "short").symlink_to(library)
    paths = {
        path_in_library(typed, library, cwd)
        for typed, cwd in [
            ("a.txt", library / "sub"),
            ("sub/a.txt", library),
            ("sub/a.txt", library / "sub"),
            ("docs/sub/a.txt", home),
            (str(library / "sub" / "a.txt"), Path("/")),
            (str(home / "short" / "sub" / "a.txt"), Path("/")),
            ("sub/a.txt", Path("/")),
        ]
    }
    assert paths == {"sub/a.txt"}
    assert path_in_library("sub/link.txt", library, library) == "sub/link.txt"
    assert path_in_library("sub/gone.txt", library, library / "sub") == "sub/gone.txt"
    assert path_in_library("/etc/passwd", library, library) == "/etc/passwd"
    assert path_in_library("e\u0301/caf\udce9.txt", library, library) == "\u00e9/caf\\xe9.txt"


def test_a_search_to_try_comes_from_the_first_name_that_says_something(home: Path) -> None:
    library = home / "docs"
    settings = load_settings(CommonOptions(ledger=home / "led.db"), path=library)
    assert suggestion(settings) == ""
    for name in ("README.md", "01.txt", ".hidden words.txt", "b/mill_on-liberty (1859).txt", "z.txt"):
        (library / name).parent.mkdir(exist_ok=True)
        (library / name).touch()
    assert suggestion(settings) == "mill on liberty"
    (library / "Leviathan.txt").touch()
    assert suggestion(settings) == "leviathan"
    failed = [FailedFile("Leviathan.txt", "failed", "", retryable=False)]
    assert suggestion(settings, failed) == "mill on liberty"


def test_no_file_that_a_rule_leaves_out_is_suggested(home: Path) -> None:
    library = home / "docs"
    library.mkdir(exist_ok=True)
    settings = load_settings(CommonOptions(ledger=home / "led.db"), path=library)
    for name in ("objlib.toml", "private letters.txt", "zoology notes.txt"):
        (library / name).touch()
    (library / ".objlibignore").write_text("private*\n", encoding="utf-8")
    assert suggestion(settings) == "zoology notes"


def test_a_path_that_cannot_be_looked_at_is_refused(home: Path) -> None:
    with pytest.raises(UsageError, match="cannot look at"):
        require_folder(load_settings(None, path=home / ("x" * 300)))
