"""The safeguards against taking one connection's bytes for another request's answer, and against endless answers."""

from typing import Final

from tests.testing.mutant import Mutant

CONNECTION: Final = "objlib/gemini/http11.py"
POOL: Final = "objlib/gemini/connections.py"
TEST: Final = "tests/gemini/test_connections.py"

WIRE: Final = (
    Mutant(
        "a connection with unsolicited bytes is not used again",
        CONNECTION,
        "        if _readable(self._socket.fileno()):\n            return False\n",
        "",
        f"{TEST}::test_unsolicited_bytes_are_no_answer",
    ),
    Mutant(
        "a connection with more behind an answer is not used again",
        CONNECTION,
        " and not http.trailing_data[0]",
        "",
        f"{TEST}::test_unsolicited_bytes_are_no_answer",
    ),
    Mutant(
        "a cancelled request closes its connection",
        POOL,
        "        reusable = False\n        try:\n",
        "        reusable = True\n        try:\n",
        f"{TEST}::test_a_cancelled_request_closes_its_connection",
    ),
    Mutant(
        "an early answer ends a body that is not read",
        CONNECTION,
        '        sending.cancel(reason="the answer is here")\n',
        "",
        f"{TEST}::test_an_early_answer_ends_a_body_that_is_not_read",
    ),
    Mutant(
        "an interim answer does not end a body",
        CONNECTION,
        "        while isinstance(event := await self._event(seconds), h11.InformationalResponse):\n            pass\n",
        "        event = await self._event(seconds)\n",
        f"{TEST}::test_an_interim_answer_does_not_stop_a_long_body",
    ),
    Mutant(
        "the time limit of writing begins anew with each part",
        CONNECTION,
        "            while data:\n                stall.deadline = trio.current_time() + seconds\n",
        "            stall.deadline = trio.current_time() + seconds\n            while data:\n",
        f"{TEST}::test_the_limit_of_writing_is_for_each_part_that_is_taken",
    ),
    Mutant(
        "an answer has a longest size",
        "objlib/gemini/body.py",
        "        if self._size > MAX_BODY:\n",
        "        if False:\n",
        f"{TEST}::test_an_answer_has_a_longest_size",
    ),
    Mutant(
        "an idle connection is not kept for long",
        POOL,
        " or self._idle[0].idle_since < oldest",
        "",
        f"{TEST}::test_an_idle_connection_is_not_kept_for_long",
    ),
)
