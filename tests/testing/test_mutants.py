"""The safeguards that are taken out one by one: the list fits the code, and the page shows it.

That each is caught takes minutes, so it is a command of its own: ``python -m tests.testing.mutants``.
"""

from tests.testing.mutants import MUTANTS, PAGE, ROOT, render


def test_each_edit_fits_the_code_and_names_a_test_that_is_there() -> None:
    for mutant in MUTANTS:
        count = (ROOT / mutant.file).read_text("utf-8").count(mutant.old)
        assert count == 1, f"{mutant.name}: its text stands {count} times in {mutant.file}"
        path, _, name = mutant.test.partition("::")
        assert f"def {name.partition('[')[0]}(" in (ROOT / path).read_text("utf-8"), (
            f"{mutant.name}: {mutant.test} is not there"
        )
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)


def test_the_page_shows_the_list_as_it_is() -> None:
    page = PAGE.read_text("utf-8")
    assert render(page) == page, "run `python -m tests.testing.mutants --docs`"
