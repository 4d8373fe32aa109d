"""Classification of answers: a table of those that were seen, and a property that covers all others."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from objlib.gemini import ErrorKind, GeminiError
from objlib.gemini.errors import Call
from objlib.gemini.refusals import classify, one_line

GET = Call("document", "asking for a document")
START = Call("start", "starting an upload")
SEND = Call("send", "sending a chunk", idempotent=False, session=True)
QUERY = Call("query", "asking an upload session", session=True)
IMPORT = Call("import", "importing a file", idempotent=False)
FILE = Call("file", "asking for a file", file=True)
CALLS = (GET, START, SEND, QUERY, IMPORT, FILE)

RETRY = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "28.5s"}
PER_MINUTE = {
    "@type": "x/google.rpc.QuotaFailure",
    "violations": [{"quotaId": "RequestsPerMinutePerProject"}],
}
PER_DAY = {
    "@type": "x/google.rpc.QuotaFailure",
    "violations": [
        {"quotaId": "TokensPerMinute"},
        {"quotaId": "GenerateRequestsPerDayPerProjectPerModel-FreeTier"},
    ],
}
KEY_INVALID = {"@type": "x/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID", "domain": "googleapis.com"}


def answer(call: Call, code: int, message: str = "", status: str = "", *details: Any) -> GeminiError:
    body = {"error": {"code": code, "message": message, "status": status, "details": list(details)}}
    return classify(call, code, {"content-type": "application/json"}, json.dumps(body).encode(), now=0.0)


@pytest.mark.parametrize(
    ("call", "code", "message", "details", "kind"),
    [
        # 429 has three meanings.
        (GET, 429, "You exceeded your current quota, please check your plan", (RETRY,), ErrorKind.RATE_LIMIT),
        (GET, 429, "You exceeded your current quota", (PER_MINUTE, RETRY), ErrorKind.RATE_LIMIT),
        (GET, 429, "You exceeded your current quota", (PER_DAY, RETRY), ErrorKind.DAILY_QUOTA),
        (GET, 429, "Quota exceeded for metric: requests per day", (), ErrorKind.DAILY_QUOTA),
        (SEND, 429, "Corpus has reached the storage limit of 1000000000 bytes.", (), ErrorKind.STORE_FULL),
        (START, 429, "Corpus has reached the storage limit of 1000000000 bytes.", (), ErrorKind.STORE_FULL),
        (SEND, 429, "", (), ErrorKind.RATE_LIMIT),
        # Lost or broken: what is safe to send again, and what has to be asked about first.
        *(
            (call, code, "", (), ErrorKind.TRANSIENT)
            for call in (GET, START, QUERY, FILE)
            for code in (408, 500, 503)
        ),
        *(
            (call, code, "", (), ErrorKind.UNKNOWN)
            for call in (SEND, IMPORT)
            for code in (408, 499, 500, 502, 503, 504)
        ),
        # A chunk's disagreements are queried, verdicts about the content are not.
        *((SEND, code, "offset 0 != 17", (), ErrorKind.UNKNOWN) for code in (400, 409, 412, 416)),
        (SEND, 400, "Upload has already been terminated", (), ErrorKind.UNKNOWN),
        (SEND, 400, "Failed to count tokens.", (), ErrorKind.PERMANENT),
        (
            SEND,
            400,
            "* UploadToFileSearchStoreRequest.custom_metadata[4].string_value: …",
            (),
            ErrorKind.PERMANENT,
        ),
        *((SEND, code, "", (), ErrorKind.NOT_FOUND) for code in (401, 403, 404, 410)),
        (SEND, 413, "", (), ErrorKind.PERMANENT),
        # The key.
        (GET, 400, "API key not valid. Please pass a valid API key.", (KEY_INVALID,), ErrorKind.AUTH),
        (GET, 400, "API key expired. Please renew the API key.", (), ErrorKind.AUTH),
        (GET, 401, "", (), ErrorKind.AUTH),
        (GET, 403, "Method doesn't allow unregistered callers", (), ErrorKind.AUTH),
        (GET, 400, "User location is not supported for the API use.", (), ErrorKind.AUTH),
        (SEND, 400, "", (KEY_INVALID,), ErrorKind.AUTH),
        # What is not there.
        (GET, 404, "", (), ErrorKind.NOT_FOUND),
        (FILE, 403, "", (), ErrorKind.NOT_FOUND),
        (
            IMPORT,
            403,
            "You do not have permission to access the File x or it may not exist.",
            (),
            ErrorKind.NOT_FOUND,
        ),
        # The rest.
        (START, 400, "string_value cannot be more than 256 characters long.", (), ErrorKind.PERMANENT),
        (
            IMPORT,
            400,
            "The File x is not in an ACTIVE state and usage is not allowed.",
            (),
            ErrorKind.TRANSIENT,
        ),
        (GET, 400, "Document name must be of the format corpora/*/documents/*", (), ErrorKind.TRANSIENT),
        (START, 409, "", (), ErrorKind.TRANSIENT),
        (IMPORT, 409, "", (), ErrorKind.UNKNOWN),
        (GET, 302, "", (), ErrorKind.TRANSIENT),
    ],
)
def test_each_answer_that_was_seen_has_its_kind(
    call: Call, code: int, message: str, details: Any, kind: ErrorKind
) -> None:
    assert answer(call, code, message, "", *details).kind is kind


def test_already_exists_is_permanent() -> None:
    assert answer(GET, 409, "taken", "ALREADY_EXISTS").kind is ErrorKind.PERMANENT


@pytest.mark.parametrize("message", ["Failed to count tokens.", "Upload has already been terminated"])
@pytest.mark.parametrize("call", [START, SEND])
def test_known_faults_of_the_direct_upload_say_so(call: Call, message: str) -> None:
    assert answer(call, 400, message).fallback


def test_an_ordinary_refusal_is_no_reason_for_the_other_path() -> None:
    assert not answer(START, 400, "unsupported MIME type").fallback
    assert not answer(SEND, 503, "Failed to count tokens.").fallback


@pytest.mark.parametrize(
    ("status", "content_type", "body", "words"),
    [
        (503, "text/html", b"<html><body>Oops</body></html>", "the service answered 503 with an HTML page"),
        (502, "", b"  <!DOCTYPE html><p>", "the service answered 502 with an HTML page"),
        (503, "", b"", "the service answered 503 with an empty body"),
        (
            503,
            "",
            b'{"error":{"code":503,"message":"","status":"Service Unavailable"}}',
            "the service answered 503 without a message",
        ),
        (500, "text/plain", b"upstream\nreset", "the service answered 500: upstream reset"),
        (404, "", b'{"error":{"message":"no such\\npath"}}', "the service answered 404: no such path"),
        (404, "", b'{"error":"gone"}', "the service answered 404: gone"),
        (307, "", b"", "the service answered 307 and points elsewhere; check the base URL"),
        (
            400,
            "",
            b'[{"error":{"message":"m","status":"INVALID_ARGUMENT"}}]',
            "answered 400 INVALID_ARGUMENT: m",
        ),
        (401, "", b"", "the service answered 401 with an empty body; check the API key"),
        (500, "", b"\xff\xfe\x00", "the service answered 500: \ufffd\ufffd"),
    ],
)
def test_the_message_is_one_readable_line(status: int, content_type: str, body: bytes, words: str) -> None:
    error = classify(GET, status, {"content-type": content_type}, body, now=0.0)
    assert words in str(error)
    assert str(error).startswith("asking for a document: ")
    assert "\n" not in str(error)


def test_an_envelope_in_a_success_is_an_error_with_the_envelopes_status() -> None:
    error = classify(GET, 200, {}, b'{"error":{"code":404,"message":"gone"}}', now=0.0)
    assert (error.kind, error.status) == (ErrorKind.NOT_FOUND, 404)


def test_long_messages_are_cut() -> None:
    assert len(one_line("x" * 5000)) == 300
    assert one_line("a\x1b[31m\u202e b\r\n c") == "a [31m b c"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "error",
                    "code",
                    "message",
                    "status",
                    "details",
                    "violations",
                    "quotaId",
                    "reason",
                    "retryDelay",
                ]
            )
            | st.text(max_size=5),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)
BODIES = st.binary(max_size=200) | JSON.map(lambda value: json.dumps({"error": value}).encode())


@given(
    call=st.sampled_from(CALLS),
    status=st.integers(100, 999),
    headers=st.dictionaries(
        st.sampled_from(["content-type", "retry-after", "date"]), st.text(max_size=30), max_size=3
    ),
    body=BODIES,
    now=st.floats(0, 4e9),
)
@example(GET, 500, {}, b"[" * 100_000 + b'"error"', 0.0)
@example(GET, 500, {}, b'{"error":' * 5_000, 0.0)
@example(GET, 500, {}, b'{"error":{"details":[{"retryDelay":{"seconds":"1e400","nanos":{}}}]}}', 0.0)
@example(GET, 429, {"retry-after": "9" * 400}, b"", 0.0)
@example(GET, 429, {"retry-after": "Fri, 31 Dec 99999 23:59:59 GMT"}, b"", 0.0)
@example(GET, 500, {}, b'{"error":{"message":"\\ud800"}}', 0.0)
def test_any_answer_has_a_kind(
    call: Call, status: int, headers: dict[str, str], body: bytes, now: float
) -> None:
    error = classify(call, status, headers, body, now=now)
    assert isinstance(error.kind, ErrorKind)
    assert str(error).isprintable()
    assert len(str(error)) < 500
    assert error.retry_after is None or 0 <= error.retry_after <= 86_400
    if call.idempotent:
        assert error.kind is not ErrorKind.UNKNOWN or call.session


@given(status=st.integers(500, 599), body=BODIES)
def test_a_server_error_never_says_that_a_chunk_was_not_taken(status: int, body: bytes) -> None:
    error = classify(SEND, status, {}, body, now=0.0)
    assert error.kind is ErrorKind.UNKNOWN
