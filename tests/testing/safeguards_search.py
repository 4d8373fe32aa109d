"""Safeguards of the embedded search index."""

from typing import Final

from tests.testing.mutant import Mutant

RANKING: Final = "tests/embedded/index/test_ranking.py"
MOVE: Final = "tests/embedded/index/test_move_older.py"
WRITER: Final = "tests/embedded/index/test_writer.py"

SEARCH: Final = (
    Mutant(
        "a removed passage takes its words along",
        "objlib/embedded/index/postings.py",
        "            if data[at] | data[at + 1] << 8 not in places\n",
        "            if data[at] not in places or data[at + 1]\n            or True\n",
        f"{RANKING}::test_after_any_history_the_index_answers_like_a_fresh_one",
    ),
    Mutant(
        "the slot of a removed passage has no vector",
        "objlib/embedded/index/vectors.py",
        "    write_sign_bits(db, ((slot, NO_VECTOR) for slot in slots))\n",
        "",
        f"{WRITER}::test_the_tables_agree_after_any_history",
    ),
    Mutant(
        "passages of an older index are found until they are moved",
        "objlib/embedded/index/lexical.py",
        "    old = legacy_words.holds_documents(db)\n",
        "    old = False\n",
        f"{MOVE}::test_a_store_of_an_older_objlib_answers_before_while_and_after_it_is_moved",
    ),
    Mutant(
        "vectors of an older index are compared until they are moved",
        "objlib/embedded/index/sign_codes.py",
        "    if rows:\n        more",
        "    if False:\n        more",
        f"{MOVE}::test_a_store_of_an_older_objlib_answers_before_while_and_after_it_is_moved",
    ),
)
