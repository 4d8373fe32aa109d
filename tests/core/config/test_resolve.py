"""Where settings come from, what they may be, and what is said when they are not."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from objlib.core.config.default_paths import Folders, default_store
from objlib.core.config.registry import SETTINGS
from objlib.core.config.resolve import Config, resolve, unknown_variables
from objlib.core.config.settings import DUMMY_KEY, GEMINI_URL, Backend, Settings
from objlib.core.errors import UsageError

CWD = Path("/work/here")
KEY = "AIzaSyExampleExampleExample"


def folders(fallback: Path | None = CWD) -> Folders:
    return Folders(
        cwd=CWD,
        home=Path("/home/ann"),
        data=Path("/home/ann/data"),
        fallback=fallback,
        real=lambda path: path,
    )


def resolved(
    flags: Mapping[str, object] | None = None,
    environ: Mapping[str, str] | None = None,
    toml: Mapping[str, object] | None = None,
    fallback: Path | None = CWD,
) -> Settings:
    config = None if toml is None else Config(Path("/conf/objlib.toml"), toml)
    return resolve(flags or {}, environ or {}, config, folders(fallback))


def refusal(
    flags: Mapping[str, object] | None = None,
    environ: Mapping[str, str] | None = None,
    toml: Mapping[str, object] | None = None,
    fallback: Path | None = CWD,
) -> str:
    with pytest.raises(UsageError) as caught:
        resolved(flags, environ, toml, fallback)
    message = str(caught.value)
    assert message.isprintable()
    assert KEY not in message
    return message


def test_defaults_are_one_folder_of_the_data_directory_per_library() -> None:
    settings = resolved()
    assert settings.library == CWD
    assert settings.ledger_file.parent == settings.embedded.parent
    assert settings.ledger_file.parent.parent == Path("/home/ann/data/libraries")
    assert settings.ledger_file.parent.name.startswith("here-")
    assert (settings.ledger_file.name, settings.embedded.name) == ("ledger.db", "store.db")
    assert settings.store.startswith("objlib-here-")
    assert not settings.store_given
    assert settings.backend is Backend.EMBEDDED
    assert settings.api_key == ""
    assert settings.base_url == GEMINI_URL
    assert settings.max_uploads == 16
    assert settings.max_pending == 48


def test_another_folder_than_the_files_gets_a_ledger_and_stores_of_its_own() -> None:
    toml = {
        "library": "lectures",
        "ledger": "l.db",
        "embedded_store": "s.db",
        "store": "mine",
        "max_uploads": 3,
    }
    own = resolved(toml=toml)
    assert (own.ledger, own.embedded, own.store) == (Path("/conf/l.db"), Path("/conf/s.db"), "mine")
    assert resolved({"library": "/conf/lectures"}, toml=toml) == own
    other = resolved({"library": "/elsewhere"}, toml=toml)
    assert other.ledger_file.parent.name.startswith("elsewhere-")
    assert other.embedded.parent == other.ledger_file.parent
    assert other.store.startswith("objlib-elsewhere-")
    assert other.max_uploads == 3
    explicit = resolved({"library": "/elsewhere", "ledger": "/x.db"}, {"OBJLIB_STORE": "theirs"}, toml)
    assert (explicit.ledger, explicit.embedded, explicit.store) == (
        Path("/x.db"),
        Path("/x-store.db"),
        "theirs",
    )


def test_folders_of_one_name_get_files_and_stores_of_their_own() -> None:
    one, two = Path("/a/docs"), Path("/b/docs")
    assert folders().folder_of(one) != folders().folder_of(two)
    assert default_store(one) != default_store(two)


@pytest.mark.parametrize(
    "name", ["/", "/tmp/" + "x" * 255, "/tmp/日本語", "/tmp/a b", "/tmp/caf\udce9", "/tmp/.."]
)
def test_any_folder_name_makes_a_file_name_and_a_store_name_that_work(name: str) -> None:
    folder = folders().folder_of(Path(name))
    assert len(folder.name) < 64
    assert folder.name.isascii()
    assert default_store(Path(name)).isprintable()


def test_a_flag_beats_the_environment_beats_the_file_beats_the_default() -> None:
    toml: dict[str, object] = {"model": "from-file", "store": "from-file", "max_uploads": 3, "library": "lib"}
    environ = {"OBJLIB_MODEL": "from-env", "OBJLIB_STORE": "from-env"}
    settings = resolved({"model": "from-flag"}, environ, toml)
    assert (settings.model, settings.store, settings.max_uploads) == ("from-flag", "from-env", 3)
    assert settings.store_given
    assert settings.library == Path("/conf/lib")
    assert settings.config == Path("/conf/objlib.toml")


def test_relative_paths_start_where_they_were_written() -> None:
    assert resolved({"ledger": Path("a.db")}).ledger == CWD / "a.db"
    assert resolved(environ={"OBJLIB_LEDGER": "~/a.db"}).ledger == Path("/home/ann/a.db")
    assert resolved(toml={"ledger": "data/a.db"}).ledger == Path("/conf/data/a.db")
    assert resolved({"ledger": "/abs/a.db"}).ledger == Path("/abs/a.db")


def test_the_embedded_store_lies_beside_a_ledger_that_was_named() -> None:
    assert resolved({"ledger": "x/my.db"}).embedded == CWD / "x/my-store.db"
    assert resolved({"ledger": "x/my.db", "embedded_store": "y.db"}).embedded == CWD / "y.db"
    assert "same file" in refusal({"ledger": "x.db", "embedded_store": "x.db"})
    assert refusal({"ledger": "x\n.db", "embedded_store": "x\n.db"}).isprintable()


def test_an_empty_variable_counts_as_not_set() -> None:
    assert resolved(environ={"OBJLIB_MODEL": "", "GEMINI_API_KEY": ""}).backend is Backend.EMBEDDED


def test_without_a_library_a_command_that_needs_one_named_says_how() -> None:
    message = refusal(fallback=None)
    assert all(way in message for way in ("PATH", "--library", "OBJLIB_LIBRARY", "objlib.toml"))


def test_lists_and_switches_from_each_source() -> None:
    toml: dict[str, object] = {
        "ignore": ["*.tmp", "build/"],
        "follow_links": True,
        "metadata": {"patterns": ["{course}/{lecture}"]},
    }
    settings = resolved(toml=toml)
    assert settings.ignore == ("*.tmp", "build/")
    assert settings.follow_links
    assert settings.patterns == ("{course}/{lecture}",)
    settings = resolved(environ={"OBJLIB_IGNORE": "a\n\n b\\ ", "OBJLIB_FOLLOW_LINKS": "off"}, toml=toml)
    assert settings.ignore == ("a", " b\\ ")
    assert not settings.follow_links


def test_more_uploads_in_flight_raise_the_pending_bound_unless_it_is_set() -> None:
    assert resolved({"max_uploads": 100}).max_pending == 300
    assert resolved({"max_uploads": 100}, {"OBJLIB_MAX_PENDING": "7"}).max_pending == 7
    assert resolved({"max_uploads": 1}).max_pending == 48


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("max_uploads", "0"),
        ("max_uploads", "many"),
        ("max_uploads", "1.5"),
        ("max_uploads", "257"),
        ("max_pending", "-1"),
        ("settle_seconds", "nan"),
        ("settle_seconds", "0"),
        ("embed_seconds", "inf"),
        ("embed_seconds", "-1"),
        ("follow_links", "maybe"),
        ("backend", "cloud"),
        ("store", "  "),
        ("store", "a\nb"),
        ("store", "fileSearchStores/"),
        ("store", "fileSearchStores/a/documents/b"),
        ("model", "a b"),
        ("base_url", "localhost:80"),
        ("base_url", "ftp://x"),
        ("base_url", "http://"),
        ("base_url", "http://x:99999"),
        ("base_url", "http://a b"),
        ("base_url", "http://x?key=1"),
        ("verbose", "9"),
    ],
)
def test_a_wrong_value_is_refused_with_its_source_and_the_expectation(name: str, wrong: str) -> None:
    setting = next(setting for setting in SETTINGS if setting.name == name)
    message = refusal(environ={setting.variable: wrong})
    assert message.startswith(f"{setting.variable} must be ")
    if setting.flag:
        assert refusal({name: wrong}).startswith(f"{setting.option} must be ")
    if setting.key is not None:
        assert refusal(toml={setting.key: wrong}).startswith(f"{setting.key} in /conf/objlib.toml must be ")


@pytest.mark.parametrize(
    "toml",
    [
        {"library": 5},
        {"library": "a\0b"},
        {"library": ""},
        {"max_uploads": True},
        {"max_uploads": [1]},
        {"follow_links": 1},
        {"ignore": [1]},
        {"ignore": {"a": 1}},
        {"settle_seconds": True},
        {"settle_seconds": 10**400},
        {"store": 7},
        {"base_url": 7},
        {"metadata": {"patterns": 3}},
        {"metadata": 3},
        {"metadata": {"patterns": ["{course"]}},
    ],
)
def test_a_value_of_the_wrong_type_in_the_file_is_refused(toml: dict[str, object]) -> None:
    assert "/conf/objlib.toml" in refusal(toml=toml)


def test_an_unknown_key_is_refused_with_the_closest_known_one() -> None:
    message = refusal(toml={"libary": "x"})
    assert "libary" in message
    assert "/conf/objlib.toml" in message
    assert "did you mean library?" in message
    assert "did you mean metadata.patterns?" in refusal(toml={"metadata": {"pattern": []}})
    assert "known keys: library" in refusal(toml={"zzz": 1})


@pytest.mark.parametrize("name", ["api_key", "gemini_api_key", "GOOGLE-API-KEY", "key", "apikey"])
def test_a_key_in_the_file_is_refused_without_showing_it(name: str) -> None:
    message = refusal(toml={name: KEY})
    assert "GEMINI_API_KEY in the environment" in message


def test_a_flag_that_is_no_setting_is_a_mistake_of_ours() -> None:
    with pytest.raises(ValueError, match="not settings"):
        resolved({"nonsense": 1})


class TestBackend:
    def test_a_key_alone_means_gemini(self) -> None:
        for variable in ("GEMINI_API_KEY", "GOOGLE_API_KEY"):
            settings = resolved(environ={variable: KEY})
            assert (settings.backend, settings.api_key, settings.base_url) == (
                Backend.GEMINI,
                KEY,
                GEMINI_URL,
            )
            assert KEY not in repr(settings)

    def test_google_wins_when_both_are_set(self) -> None:
        settings = resolved(environ={"GEMINI_API_KEY": "gemini", "GOOGLE_API_KEY": "google"})
        assert settings.api_key == "google"

    def test_a_base_url_alone_means_gemini_with_a_dummy_key(self) -> None:
        settings = resolved({"base_url": "http://127.0.0.1:8765/"})
        assert settings.backend is Backend.GEMINI
        assert settings.base_url == "http://127.0.0.1:8765"
        assert settings.api_key == DUMMY_KEY

    def test_gemini_without_key_and_url_says_which_variable_to_set(self) -> None:
        assert "set GEMINI_API_KEY" in refusal({"backend": "gemini"})

    def test_embedded_never_takes_the_key(self) -> None:
        settings = resolved(
            {"backend": "embedded"}, {"GEMINI_API_KEY": "not even a key", "OBJLIB_BASE_URL": "http://x"}
        )
        assert (settings.backend, settings.api_key) == (Backend.EMBEDDED, "")

    def test_embedded_and_a_url_of_the_same_or_more_weight_contradict_each_other(self) -> None:
        assert "leave one of them out" in refusal({"backend": "embedded", "base_url": "http://localhost:1"})
        message = refusal({"base_url": "http://localhost:1"}, {"OBJLIB_BACKEND": "embedded"})
        assert message.startswith("--base-url names a service, but OBJLIB_BACKEND says embedded")

    @pytest.mark.parametrize("wrong", ["two words", "line\nbreak", "tab\t", "clé", "\x1b[31m", " lead"])
    def test_a_key_of_a_wrong_form_is_refused_without_showing_it(self, wrong: str) -> None:
        message = refusal(environ={"GEMINI_API_KEY": KEY + wrong})
        assert message.startswith("GEMINI_API_KEY")
        assert wrong.strip() not in message

    @pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.9.9.9", "[::1]", "app.localhost"])
    def test_a_key_may_go_unencrypted_to_this_machine(self, host: str) -> None:
        settings = resolved({"base_url": f"http://{host}:1"}, {"GEMINI_API_KEY": KEY})
        assert settings.api_key == KEY

    @pytest.mark.parametrize("host", ["example.com", "10.0.0.1", "localhost.example.com", "[fe80::1]"])
    def test_a_key_never_goes_unencrypted_to_another(self, host: str) -> None:
        assert "unencrypted" in refusal({"base_url": f"http://{host}"}, {"GEMINI_API_KEY": KEY})
        assert resolved({"base_url": f"http://{host}"}).api_key == DUMMY_KEY

    def test_a_file_cannot_send_the_key_to_a_stranger(self) -> None:
        # A cloned repository brings its own objlib.toml; the key in the environment is not its to give away.
        stranger: dict[str, object] = {"base_url": "https://collector.example"}
        assert "say so with --base-url" in refusal(environ={"GEMINI_API_KEY": KEY}, toml=stranger)
        assert resolved(toml=stranger).api_key == DUMMY_KEY
        trusted = resolved({"base_url": "https://collector.example"}, {"GEMINI_API_KEY": KEY}, stranger)
        assert trusted.api_key == KEY
        google: dict[str, object] = {"base_url": GEMINI_URL}
        assert resolved(environ={"GEMINI_API_KEY": KEY}, toml=google).api_key == KEY

    def test_a_password_in_a_url_is_not_repeated(self) -> None:
        assert "hunter2" not in refusal({"base_url": "https://ann:hunter2@example.com"})


def test_variables_that_look_like_ours_are_named_with_the_closest_one() -> None:
    environ = {
        "OBJLIB_LIBARY": "x",
        "OBJLIB_DEBUG": "1",
        "OBJLIB_MODEL": "m",
        "PATH": "p",
        "OBJLIB_QQQQQQQQQQQ": "",
    }
    assert unknown_variables(environ) == [("OBJLIB_LIBARY", "OBJLIB_LIBRARY"), ("OBJLIB_QQQQQQQQQQQ", "")]


VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=4,
)
KEYS = st.sampled_from([setting.key or setting.name for setting in SETTINGS]) | st.text(max_size=12)


@given(
    environ=st.dictionaries(
        st.sampled_from([setting.variable for setting in SETTINGS]), st.text(max_size=40)
    ),
    toml=st.none() | st.dictionaries(KEYS, VALUES, max_size=4),
)
@example(environ={}, toml={"embedder": []})
def test_whatever_is_set_the_result_is_settings_or_one_printable_line(
    environ: dict[str, str], toml: dict[str, object] | None
) -> None:
    message = ""
    try:
        settings = resolved(environ=environ, toml=toml)
    except UsageError as error:
        message = str(error)
    else:
        assert settings.library.is_absolute()
        assert settings.ledger_file.is_absolute()
        assert settings.store
    assert message.isprintable()
    assert len(message) < 600


def test_a_file_does_not_say_where_passages_go() -> None:
    with pytest.raises(UsageError, match="answer_url"):
        resolved(toml={"answer_url": "http://203.0.113.7/v1"})
    url = "http://127.0.0.1:11434/v1"
    settings = resolved(environ={"OBJLIB_ANSWER_URL": url, "OBJLIB_ANSWER_KEY": "sesame"})
    assert (settings.answer_url, settings.answer_key) == (url, "sesame")
