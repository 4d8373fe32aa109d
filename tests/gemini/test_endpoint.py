"""Where requests may go, and where file bytes may."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objlib.core.config.settings import GEMINI_URL
from objlib.core.errors import UsageError
from objlib.gemini import Endpoint, SessionUrl


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.org",
        "ftp://example.org",
        "https://",
        "https://ex ample.org",
        "https://e.org/?key=s3cret",
        "https://user:s3cret@example.org",
        "http://h:99999",
        "http://h:0",
        "https://e.org/#x",
        "http://[::1",
        "http:\\\\h",
    ],
)
def test_a_bad_address_is_refused_without_its_secrets(url: str) -> None:
    with pytest.raises(UsageError) as caught:
        Endpoint(url, "k")
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("key", ["s3cret key", "s3cret\n", "s3crét", "s3cret\x7f"])
def test_a_key_that_cannot_be_sent_is_refused_and_not_shown(key: str) -> None:
    with pytest.raises(UsageError) as caught:
        Endpoint(GEMINI_URL, key)
    assert "s3cr" not in str(caught.value)


def test_a_version_is_one_word() -> None:
    with pytest.raises(UsageError, match="version"):
        Endpoint(GEMINI_URL, "k", "v1/../v2")


def test_the_key_is_not_in_the_repr_and_the_slash_is_not_in_the_address() -> None:
    endpoint = Endpoint("http://127.0.0.1:8080/gem/", "s3cret")
    assert "s3cret" not in repr(endpoint)
    assert endpoint.base_url == "http://127.0.0.1:8080/gem"
    assert endpoint.host == "127.0.0.1:8080"


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("http://127.0.0.1:1", True),
        ("http://127.9.9.9", True),
        ("http://localhost", True),
        ("http://box.localhost", True),
        ("http://[::1]:80", True),
        ("http://10.0.0.1", False),
        ("https://generativelanguage.googleapis.com", False),
        ("http://127.0.0.1.example.org", False),
    ],
)
def test_a_service_on_this_machine_is_known_as_such(url: str, local: bool) -> None:
    assert Endpoint(url, "k").local is local


@pytest.mark.parametrize(
    ("base", "session", "trusted"),
    [
        (GEMINI_URL, "https://generativelanguage.googleapis.com/upload/v1beta/files?upload_id=a", True),
        (GEMINI_URL, "https://generativelanguage.googleapis.com:443/upload", True),
        (GEMINI_URL, "https://GenerativeLanguage.GoogleApis.com/upload", True),
        (GEMINI_URL, "https://storage.googleapis.com/upload", True),
        (GEMINI_URL, "http://generativelanguage.googleapis.com/upload", False),
        (GEMINI_URL, "https://googleapis.com.evil.org/upload", False),
        (GEMINI_URL, "https://evilgoogleapis.com/upload", False),
        (GEMINI_URL, "https://evil.org\\@generativelanguage.googleapis.com/", False),
        (GEMINI_URL, "https://generativelanguage.googleapis.com@evil.org/", False),
        (GEMINI_URL, "https://storage.googleapis.com:8443/upload", False),
        (GEMINI_URL, "file:///etc/passwd", False),
        (GEMINI_URL, "/upload/v1beta/files", False),
        (GEMINI_URL, "", False),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080/upload?x", True),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8081/upload?x", False),
        ("http://127.0.0.1:8080", "http://evil.127.0.0.1:8080/upload", False),
        ("http://127.0.0.1:8080", "https://generativelanguage.googleapis.com/upload", True),
        ("http://127.0.0.1:8080", "http://generativelanguage.googleapis.com/upload", False),
        ("http://box.test", "http://box.test:80/upload", True),
        ("http://box.test", "http://up.box.test/upload", True),
        ("http://box.test", "https://up.box.test/upload", False),
        ("http://box.test", "http://notbox.test/upload", False),
    ],
)
def test_bytes_go_only_to_the_endpoint_or_to_google(base: str, session: str, trusted: bool) -> None:
    assert Endpoint(base, "k").trusts(session) is trusted


@given(st.text(max_size=60))
def test_any_text_is_either_trusted_or_not(text: str) -> None:
    endpoint = Endpoint("https://box.test", "k")
    assert not endpoint.trusts(text)
    assert endpoint.trusts("https://box.test/" + "".join(c for c in text if "!" <= c <= "~" and c != "\\"))


def test_a_session_address_hides_in_a_repr() -> None:
    url = SessionUrl("https://box.test/upload?upload_id=s3cret")
    assert "s3cret" not in repr(url)
    assert "s3cret" not in f"{[url]}"
    assert url == "https://box.test/upload?upload_id=s3cret"
