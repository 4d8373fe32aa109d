"""The safeguards of a transaction that many operations share, and of the write lock that processes share."""

from typing import Final

from tests.testing.mutant import Mutant

LOCK: Final = "objlib/sqlite/write_lock.py"
TESTS: Final = "tests/sqlite/test_write_lock.py"

GROUP: Final = "objlib/sqlite/group_commit.py"

LOCKS: Final = (
    Mutant(
        "an operation that fails among those that may share leaves nothing, and the others are done",
        GROUP,
        "            roll_back(conn)\n            if is_fatal(error):\n                raise\n",
        '            conn.execute("COMMIT")\n            if is_fatal(error):\n                raise\n',
        "tests/sqlite/test_group_commit.py::test_a_failure_among_those_that_may_share_is_recorded_once",
    ),
    Mutant(
        "a batch that met a full disk is not tried again",
        GROUP,
        "            if is_fatal(error):\n                raise\n            return None",
        "            return None",
        "tests/sqlite/test_group_commit.py::test_a_full_disk_undoes_the_batch_once_and_every_caller_hears_of_it",
    ),
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
