"""The safeguards of the write lock that processes share."""

from typing import Final

from tests.testing.mutant import Mutant

LOCK: Final = "objlib/sqlite/write_lock.py"
TESTS: Final = "tests/sqlite/test_write_lock.py"

LOCKS: Final = (
    Mutant(
        "a process that has waited long for the ledger tries as often as one that has just come",
        LOCK,
        "random.uniform(*_PAUSE)",
        "0.1",
        f"{TESTS}::test_a_long_waiter_tries_as_often_as_one_that_has_just_come",
    ),
    Mutant(
        "a transaction that cannot be rolled back is not committed",
        LOCK,
        "    if not conn.in_transaction:\n",
        "    if True:\n",
        f"{TESTS}::test_a_transaction_that_the_block_left_open_is_not_committed",
    ),
)
