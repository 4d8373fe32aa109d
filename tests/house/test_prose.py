"""The prose is plain: no banned phrase, whole docstrings, short names. And a planted phrase is found."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.prose import (
    Prose,
    is_sentence,
    lint,
    lint_lines,
    lint_python,
    lint_text,
    participles,
    readable,
)
from tests.house.tree import ROOT


def test_the_prose_of_the_whole_repository_is_clean() -> None:
    """There is no exception. ``just prose FOLDER`` lists the findings of one folder."""
    paths = readable()
    assert len(paths) > 500
    assert [str(finding) for finding in lint(paths)] == []


@pytest.mark.parametrize(
    "text",
    [
        "It waits so many seconds.",
        "The run has it in hand.",
        "The user is told of it.",
        "Kept for ever.",
        "Nobody reads it.",
        "A request is pushed back.",
        "a push-back",
        "It is about paths.",
        "A dear call.",
        "This is not unlikely.",
        "Take it at its word.",
    ],
)
def test_a_planted_phrase_is_found(text: str) -> None:
    assert len(lint_text("x", [Prose(1, text)])) == 1
    assert lint_text("x", [Prose(1, "The worker retries throttled requests, as many as are due.")]) == []


@pytest.mark.parametrize(
    "source",
    [
        '"""Wait so\nmany seconds."""',
        "# wait so\n# many seconds\n",
        "x = 1  # so many seconds",
        'x = 1\n"""So many seconds."""',
        'x = f"{y} so many"',
        'def f():\n    """Wait so many seconds."""',
    ],
)
def test_a_phrase_is_found_wherever_a_python_file_has_prose(source: str) -> None:
    assert [finding.phrase.lower() for finding in lint_python("objlib/x.py", source)] == ["so many"]


def test_a_finding_names_the_line_of_its_phrase() -> None:
    findings = lint_python("objlib/x.py", '"""Good.\n\nWait for a person.\n"""\n')
    assert [str(finding) for finding in findings] == ["objlib/x.py:3: a person"]


def test_texts_of_help_are_left_alone() -> None:
    assert lint_python("objlib/x.py", 'option("Send at most so many files")') == []


def test_data_of_a_test_is_no_prose_and_its_name_is() -> None:
    source = "def test_it_keeps_files_for_ever() -> None:\n    assert upload('so many words')\n"
    assert [finding.phrase for finding in lint_python("tests/x.py", source)] == ["for ever"]


def test_a_name_that_is_too_long_is_found() -> None:
    name = "test_" + "x" * 76
    assert len(lint_python("tests/x.py", f"def {name}() -> None: ...")) == 1
    assert lint_python("tests/x.py", f"def {name[:-1]}() -> None: ...") == []


@pytest.mark.parametrize("clause", ["What one run did.", "Who waits: the first sleeps.", "What is\nleft."])
def test_a_docstring_that_begins_with_a_clause_is_found(clause: str) -> None:
    (finding,) = lint_python("objlib/x.py", f'"""{clause}"""')
    assert "begins with a clause" in finding.phrase


@pytest.mark.parametrize(
    "text", ["and seconds at most.", "Seconds at most,", "Seconds", "", "seconds at most."]
)
def test_a_constant_with_half_a_sentence_is_found(text: str) -> None:
    assert not is_sentence(text)
    assert len(lint_python("objlib/x.py", f'LIMIT = 1\n"""{text}"""')) == 1


@pytest.mark.parametrize(
    "text", ["Seconds at most.", "``ask`` reads it (see docs).", "128 KiB, the page size."]
)
def test_a_constant_with_a_whole_sentence_passes(text: str) -> None:
    assert lint_python("objlib/x.py", f'LIMIT: Final = 1\n"""{text}"""') == []


@pytest.mark.parametrize(
    ("page", "phrase"),
    [
        ("One sentence. Another one.", "two sentences on one line"),
        ("One sentence that\ngoes on.", "a sentence goes over two lines"),
        ("One sentence.\nAnother one, with `a.B` and e.g. Trio:\n\n* a point\n* a second one", None),
        ("| a table | One. Two. |\n| --- | --- |\n# A heading\nText.", None),
    ],
)
def test_a_line_of_a_page_is_one_sentence(page: str, phrase: str | None) -> None:
    assert [finding.phrase for finding in lint_lines("x.md", page)] == ([phrase] if phrase else [])


def test_participles_that_name_a_variable_are_counted() -> None:
    source = "found = 1\nfor told in found:\n    document = told\n"
    assert participles(source) == {"found": 1, "told": 1}


def test_the_script_prints_each_finding_and_exits_with_one(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("Good.\n\n```\nso many\n```\n\nKept for ever.\n")
    assert [finding.line for finding in lint([page])] == [7]
    command = [sys.executable, "-m", "tests.house.prose", "tests/house"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert done.stdout.startswith("0 findings in ")
