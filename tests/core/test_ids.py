"""Identities: their form, their order in time, and that no two are alike."""

import hashlib
import time
import uuid

from hypothesis import given
from hypothesis import strategies as st

from objlib.core.ids import (
    KEY_ATTEMPT,
    KEY_FILE,
    KEY_HASH,
    KEY_LEDGER,
    RESERVED_KEYS,
    content_hash,
    new_attempt_id,
    new_file_id,
    new_id,
    new_run_id,
)

SOON = st.floats(min_value=0, max_value=2**48 / 1000 - 1, allow_nan=False)
"""Moments that fit into 48 bits of milliseconds: until the year 10889."""


@given(now=SOON)
def test_an_id_is_a_uuid_of_version_7_that_tells_its_millisecond(now: float) -> None:
    text = new_id(now)
    parsed = uuid.UUID(text)
    assert str(parsed) == text
    assert (parsed.version, parsed.variant) == (7, uuid.RFC_4122)
    assert parsed.int >> 80 == int(now * 1000)


@given(earlier=SOON, later=SOON)
def test_ids_of_different_milliseconds_sort_as_text_by_time(earlier: float, later: float) -> None:
    earlier, later = sorted((earlier, later))
    if int(earlier * 1000) < int(later * 1000):
        assert new_id(earlier) < new_id(later)


def test_ids_of_one_moment_are_all_different() -> None:
    assert len({new_id(1.0) for _ in range(20_000)}) == 20_000


def test_all_74_random_bits_are_used() -> None:
    """Over many ids every bit but the time, the version and the variant is seen both ways."""
    ones = 0
    zeros = 0
    for _ in range(200):
        value = uuid.UUID(new_id(0.0)).int
        ones |= value
        zeros |= ~value
    free = (1 << 80) - 1 & ~(0xF << 76) & ~(0b11 << 62)
    assert free.bit_count() == 74
    assert ones & free == free
    assert zeros & free == free


def test_without_a_moment_the_present_one_is_taken() -> None:
    before = int(time.time() * 1000)
    ids = [new_id(), new_file_id(), new_attempt_id(), new_run_id()]
    after = int(time.time() * 1000)
    assert len(set(ids)) == 4
    assert all(before <= uuid.UUID(one).int >> 80 <= after for one in ids)


def test_our_marks_are_ours_alone() -> None:
    assert {KEY_FILE, KEY_ATTEMPT, KEY_HASH, KEY_LEDGER} == RESERVED_KEYS
    # The names stand in documents that earlier versions uploaded; recovery finds these by them.
    assert (KEY_FILE, KEY_ATTEMPT, KEY_HASH) == ("objlib_id", "objlib_attempt", "objlib_sha256")


@given(data=st.binary())
def test_the_hash_is_sha_256_in_hex(data: bytes) -> None:
    assert content_hash(data) == hashlib.sha256(data).hexdigest()
